package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"casesync/eventstore/sqldb"
)

const description = `Keeps respondent businesses in step with the cases of an ombudsman's case management systems.

Settings come from the command line, else from the environment (CASESYNC_ and the flag's name in capitals, as CASESYNC_READ_MODEL), else
from the configuration file (a line "read-model: …"), else they have the default. "casesync config" shows what is in force.

Examples:
  casesync serve --demo                      a demonstration on real complaint data; no service needed
  casesync serve --data /var/lib/casesync    everything in SQLite files there
  casesync import feed.jsonl                 take a file of events, also while a serve runs
  casesync token issue --role auditor        print a token for the API`

// manual is all that can be set, and so the manual of it. What several commands share stands
// here; each command's own settings stand with the command.
type manual struct {
	Config configFile `help:"Configuration file, YAML: one line a flag." placeholder:"FILE" type:"path"`
	storage
	feedLimits
	LoggerFormat string `help:"How log lines look: text or json." enum:"text,json" default:"text"`
	LoggerLevel  string `help:"From which level on log lines are written." enum:"debug,info,warn,error" default:"info"`

	Serve       serveCommand       `cmd:"" help:"Serve the API, take events, and keep the read models."`
	Import      importCommand      `cmd:"" help:"Take a file of events, one JSON object a line."`
	Projections projectionsCommand `cmd:"" help:"Look after the read models."`
	Log         logCommand         `cmd:"" help:"Look into the log."`
	Verify      verifyCommand      `cmd:"" help:"Check that the log is intact and the read models equal their replay."`
	Reconcile   reconcileCommand   `cmd:"" help:"Compare an extract of a case management system with what is known here, and mend what differs."`
	DeadLetters deadLettersCommand `cmd:"" help:"Decide what becomes of events that were rejected."`
	Held        heldCommand        `cmd:"" help:"Look after events that wait for a gap in their sequence to close."`
	Token       tokenCommand       `cmd:"" help:"Issue, list and revoke tokens for machines."`
	Followers   followersCommand   `cmd:"" help:"Look after what follows the log beside the read models: reactions and mail."`
	Outbox      outboxCommand      `cmd:"" help:"Look after messages to case management systems that could not be published."`
	Mail        mailCommand        `cmd:"" help:"Look after mail that could not be sent."`
	Activity    activityCommand    `cmd:"" help:"Look into the log for Security Operations: who did what."`
	Subject     subjectCommand     `cmd:"" help:"Everything about one person: export it, or erase it."`
	Settings    settingsCommand    `cmd:"" name:"config" help:"Show the settings in force and where each comes from."`
	Bench       benchCommand       `cmd:"" help:"Measure importing, deep pages and statistics at scale."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// storage says where everything is kept. Backups: the log, the key ring with the
// key-encryption key, the documents and the state are what cannot be computed again; read models can.
type storage struct {
	Data      string `help:"Directory of whatever has no address of its own." placeholder:"DIR" default:"data" type:"path" group:"Storage"`
	LogAt     string `name:"log" help:"The log of all events: sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE or kurrentdb://HOST:2113. Default: sqlite:DATA/log.db." placeholder:"ADDRESS" group:"Storage"`
	ReadModel string `help:"The read models: sqlite:PATH or postgres://…. Default: sqlite:DATA/readmodel.db." placeholder:"ADDRESS" group:"Storage"`
	Keyring   string `help:"The key ring, which holds the data keys of persons and cases: sqlite:PATH or postgres://…. Default: sqlite:DATA/keyring.db." placeholder:"ADDRESS" group:"Storage"`
	KEKFile   string `name:"kek-file" help:"File (mode 0600) of the key that wraps the key ring; made at the first start. Without it nothing personal can be read. Default: DATA/kek." placeholder:"FILE" type:"path" group:"Storage"`
	State     string `help:"Tokens, sessions, credentials, mail that waits, dead letters and the activity log: sqlite:PATH or postgres://…. Default: sqlite:DATA/state.db." placeholder:"ADDRESS" group:"Storage"`
	Documents string `help:"Documents, sealed: file:DIR, or azblob://CONTAINER?storage_account=NAME. Default: file:DATA/documents." placeholder:"ADDRESS" group:"Storage"`
	Secrets   string `help:"Directory of secrets, one a file: client secrets of identity providers, by the name that a connection refers to. Default: DATA/secrets." placeholder:"DIR" type:"path" group:"Storage"`
	MailTo    string `name:"mail-folder" help:"Folder that mail is kept in where there is no mail server. Default: DATA/mail." placeholder:"DIR" type:"path" group:"Storage"`
}

// complete fills in what follows from other settings, and checks the rest.
func (m *manual) complete() error {
	m.place()
	return errors.Join(m.checkAddresses(), m.checkLimits(), m.Serve.check())
}

// checkAddresses finds the addresses that no part can be opened at. The log's is checked in wire.go.
func (s *storage) checkAddresses() error {
	var faults []error
	if err := checkLogAddress(s.LogAt); err != nil {
		faults = append(faults, fmt.Errorf("--log: %w", err))
	}
	for _, part := range []struct{ flag, address string }{
		{"--read-model", s.ReadModel}, {"--keyring", s.Keyring}, {"--state", s.State},
	} {
		if _, _, err := sqldb.ParseAddress(part.address); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", part.flag, err))
		}
	}
	return errors.Join(faults...)
}

// place gives what has no address of its own a place under the data directory.
func (s *storage) place() {
	for _, part := range []struct {
		setting      *string
		scheme, name string
	}{
		{&s.LogAt, "sqlite:", "log.db"},
		{&s.ReadModel, "sqlite:", "readmodel.db"},
		{&s.Keyring, "sqlite:", "keyring.db"},
		{&s.KEKFile, "", "kek"},
		{&s.State, "sqlite:", "state.db"},
		{&s.Documents, "file:", "documents"},
		{&s.Secrets, "", "secrets"},
		{&s.MailTo, "", "mail"},
	} {
		if *part.setting == "" {
			*part.setting = part.scheme + filepath.Join(s.Data, part.name)
		}
	}
}

// serveCommand are the settings of serve; serve.go runs it.
type serveCommand struct {
	Roles  []string `help:"What this process does: ingest takes events, project keeps read models, publish sends integration messages, web answers the API." enum:"ingest,project,publish,web" default:"ingest,project,publish,web"`
	Listen string   `help:"Address to listen on. Other machines can reach it only with TLS or behind --trusted-proxy." default:"127.0.0.1:8080"`

	TLSCert      string   `help:"File of the certificate and its chain, PEM; read again when it changes. TLS 1.2 or newer." placeholder:"FILE" type:"path" group:"Network"`
	TLSKey       string   `help:"File of the certificate's private key, PEM." placeholder:"FILE" type:"path" group:"Network"`
	TrustedProxy []string `help:"Networks of the proxies that end TLS in front of this process, such as 10.0.0.0/8: plain HTTP is taken from there and from this machine alone, and X-Forwarded-For is believed from there alone." placeholder:"CIDR" group:"Network"`

	serviceBusSettings
	peopleSettings
	caseworkSettings

	Demo            bool          `help:"Serve a demonstration: invented cases made of a real complaint register, tokens for a person of each role, and a simulated case management system."`
	DemoPause       time.Duration `help:"Pause between two events of the simulated case management system." default:"3s"`
	DemoAnswerAfter time.Duration `help:"How long after it was sent the simulated case management system answers an upload or a notification." default:"5s"`
	MetricsPublic   bool          `help:"Serve /metrics without a token."`

	LagMax           time.Duration `help:"How old the oldest event that a read model has not taken may be before /readyz says no." default:"1m" group:"Limits"`
	StopTimeout      time.Duration `help:"How long requests under way may take to end after SIGINT or SIGTERM." default:"15s" group:"Limits"`
	BodyMiBMax       int           `name:"body-mib-max" help:"Largest body of a request with events, in MiB." default:"8" group:"Limits"`
	BatchEventsMax   int           `help:"Most events in one request." default:"1000" group:"Limits"`
	RebuildMemoryMiB int           `name:"rebuild-memory-mib-max" help:"Memory that a rebuild may use, in MiB." default:"256" group:"Limits"`
}

func (s *serveCommand) check() error {
	if (s.TLSCert == "") != (s.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key belong together: give both or neither")
	}
	if s.TLSCert != "" && len(s.TrustedProxy) > 0 {
		return errors.New("--trusted-proxy is for plain HTTP behind a proxy: give it or --tls-cert, not both")
	}
	if err := errors.Join(s.serviceBusSettings.check(s.publishesToServiceBus()), s.peopleSettings.check(), s.caseworkSettings.check(s.Demo), s.checkOutbox()); err != nil {
		return err
	}
	if _, err := s.proxies(); err != nil {
		return err
	}
	for name, value := range map[string]int{
		"--body-mib-max": s.BodyMiBMax, "--batch-events-max": s.BatchEventsMax, "--rebuild-memory-mib-max": s.RebuildMemoryMiB,
	} {
		if value < 0 || strings.Contains(name, "memory") && value > 0 && value < 16 {
			return fmt.Errorf("%s is %d: that is too little", name, value)
		}
	}
	return nil
}

// has reports whether the process has a role.
func (s *serveCommand) has(role string) bool {
	return slices.Contains(s.Roles, role)
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(p *program) error {
	_, err := fmt.Fprintln(p.stdout, "casesync", version)
	return err
}
