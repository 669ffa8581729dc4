package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"casesync/adapters/documents/clamd"
	"casesync/adapters/documents/fetch"
	"casesync/domain/upload"
)

// caseworkSettings are the settings of serve that concern what people send about cases, what case management
// systems publish for them, and what those are told.
type caseworkSettings struct {
	Scanner       string        `help:"ClamAV's daemon, which looks at each file before it goes on: unix:PATH or tcp:HOST:PORT. What it has not found clean goes nowhere. Default: unix:/run/clamav/clamd.ctl; in a demonstration a stand-in." placeholder:"ADDRESS" group:"Uploads"`
	ScannerConfig string        `help:"The daemon's configuration file, for the limits beyond which it does not look. Default: /etc/clamav/clamd.conf, where it can be read." placeholder:"FILE" type:"path" group:"Uploads"`
	ScannerMiBMax int64         `name:"scanner-mib-max" help:"Size in MiB up to which the daemon looks at a file, where its configuration cannot be read from here: the least of its StreamMaxLength, MaxFileSize and MaxScanSize." group:"Uploads"`
	ScanHold      time.Duration `name:"scan-hold" help:"How long a file waits for a scanner that does not answer before it is put in quarantine." default:"24h" group:"Uploads"`

	UploadFileMiBMax   int64         `name:"upload-file-mib-max" help:"Largest file, in MiB." default:"2048" group:"Uploads"`
	UploadCaseFilesMax int           `help:"Most files of one case." default:"500" group:"Uploads"`
	UploadCaseMiBMax   int64         `name:"upload-case-mib-max" help:"Most of all files of one case together, in MiB." default:"20480" group:"Uploads"`
	UploadDayMiBMax    int64         `name:"upload-day-mib-max" help:"Most that one business sends in a day, in MiB." default:"512000" group:"Uploads"`
	UploadMediaTypes   []string      `name:"upload-media-type" help:"A type of file that is taken, as it is found out from the bytes. Given once, it replaces the list of documents, pictures, recordings, messages and zip archives." placeholder:"TYPE" group:"Uploads"`
	UploadIdle         time.Duration `help:"How long an upload may stand still before it is given up." default:"24h" group:"Uploads"`
	UploadScansMax     int           `name:"upload-scans-max" help:"How many files this process has scanned at once." default:"2" group:"Uploads"`

	DocumentHosts  []string      `name:"document-host" help:"A host that key documents are fetched from, by https: HOST[:PORT][,credential=NAME][,network=CIDR]… The credential is the name of a file in --secrets, with what is sent as Authorization; networks are addresses that the host may have beside public ones. May be given several times." placeholder:"HOST" sep:"none" group:"Documents"`
	DocumentMiBMax int64         `name:"document-mib-max" help:"Largest key document, in MiB." default:"1024" group:"Documents"`
	DocumentKeep   time.Duration `help:"How long a key document that nobody opens is kept here before it is fetched anew." default:"720h" group:"Documents"`

	Outbox       string `help:"Where case management systems are told what happened: file:PATH, https://… (a webhook, signed with the secret in the file outbox-webhook of --secrets), or servicebus:NAME (a queue or topic of --servicebus, or of --outbox-servicebus). Default: file:DATA/outbox.jsonl." placeholder:"ADDRESS" group:"Outbox"`
	OutboxSource string `help:"What this installation is called in messages, a URI. Default: the public URL." placeholder:"URI" group:"Outbox"`

	OutboxServiceBus serviceBusAddress `name:"outbox-servicebus" help:"The Service Bus that messages go to, where it is another than --servicebus." placeholder:"ADDRESS" group:"Outbox"`
}

const (
	mebibyte = 1 << 20
	// demoScanner is the address of the stand-in for a scanner, in a demonstration.
	demoScanner = "demo"
	// debianScanner and debianScannerConfig are where Debian's clamav-daemon listens, and is configured.
	debianScanner       = "unix:/run/clamav/clamd.ctl"
	debianScannerConfig = "/etc/clamav/clamd.conf"
	// webhookSecret is the file in --secrets with what webhooks are signed with.
	webhookSecret = "outbox-webhook" //nolint:gosec // no credential: the name of its file
)

// check finds what no part could work with, so that it stops the start.
func (c *caseworkSettings) check(demo bool) error {
	var faults []error
	if err := c.limits().Validate(); err != nil {
		faults = append(faults, fmt.Errorf("--upload-…: %w", err))
	}
	if c.Scanner == demoScanner && !demo {
		faults = append(faults, errors.New("--scanner demo finds the EICAR test file alone: it is for --demo"))
	}
	if c.ScanHold <= 0 || c.ScannerMiBMax < 0 || c.UploadScansMax < 1 || c.DocumentMiBMax < 1 || c.DocumentKeep <= 0 {
		faults = append(faults, errors.New("--scan-hold, --scanner-mib-max, --upload-scans-max, --document-mib-max and --document-keep: want more than nothing"))
	}
	for _, text := range c.DocumentHosts {
		if _, err := parseHost(text); err != nil {
			faults = append(faults, fmt.Errorf("--document-host %s: %w", text, err))
		}
	}
	if _, err := c.outboxKind(); err != nil {
		faults = append(faults, err)
	}
	if source, err := url.Parse(c.OutboxSource); err != nil || c.OutboxSource != "" && source.Scheme == "" {
		faults = append(faults, fmt.Errorf("--outbox-source %s: want a URI, such as https://portal.example.org", c.OutboxSource))
	}
	return errors.Join(faults...)
}

// limits returns the limits of uploads.
func (c *caseworkSettings) limits() upload.Limits {
	limits := upload.Standard()
	limits.FileBytesMax, limits.CaseFilesMax, limits.CaseBytesMax = c.UploadFileMiBMax*mebibyte, c.UploadCaseFilesMax, c.UploadCaseMiBMax*mebibyte
	limits.BusinessDayBytesMax, limits.IdleAfter = c.UploadDayMiBMax*mebibyte, c.UploadIdle
	if len(c.UploadMediaTypes) > 0 {
		limits.MediaTypes = c.UploadMediaTypes
	}
	return limits
}

// clamd returns how ClamAV's daemon is reached, and what it looks at.
func (c *caseworkSettings) clamd(readable func(path string) bool) clamd.Config {
	config := clamd.Config{Address: cmp.Or(c.Scanner, debianScanner), ConfigFile: c.ScannerConfig}
	if config.ConfigFile == "" && strings.HasPrefix(config.Address, "unix:") && readable(debianScannerConfig) {
		config.ConfigFile = debianScannerConfig
	}
	if bytes := c.ScannerMiBMax * mebibyte; bytes > 0 {
		config.ConfigFile = ""
		config.Limits = clamd.Limits{StreamBytesMax: bytes, FileBytesMax: bytes, ScanBytesMax: bytes}
	}
	return config
}

// parseHost reads a host that documents are fetched from.
func parseHost(text string) (fetch.Host, error) {
	name, rest, _ := strings.Cut(text, ",")
	host := fetch.Host{Name: name}
	for part := range strings.SplitSeq(rest, ",") {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "":
		case "credential":
			host.Credential = value
		case "network":
			network, err := netip.ParsePrefix(value)
			if err != nil {
				return fetch.Host{}, fmt.Errorf("network %s: want such as 10.1.0.0/16", value)
			}
			host.Networks = append(host.Networks, network)
		default:
			return fetch.Host{}, fmt.Errorf("%q is neither credential= nor network=", part)
		}
	}
	if name == "" {
		return fetch.Host{}, errors.New("want a host first")
	}
	return host, nil
}

// hosts returns the hosts that documents are fetched from; check has seen them.
func (c *caseworkSettings) hosts() ([]fetch.Host, error) {
	list := make([]fetch.Host, len(c.DocumentHosts))
	for i, text := range c.DocumentHosts {
		var err error
		if list[i], err = parseHost(text); err != nil {
			return nil, fmt.Errorf("--document-host %s: %w", text, err)
		}
	}
	return list, nil
}

// The kinds of places that messages are put.
const (
	outboxFile       = "file"
	outboxWebhook    = "webhook"
	outboxServiceBus = "servicebus"
)

// outboxKind returns what kind of place --outbox names.
func (c *caseworkSettings) outboxKind() (string, error) {
	scheme, place, _ := strings.Cut(c.Outbox, ":")
	switch {
	case c.Outbox == "", scheme == "file" && place != "":
		return outboxFile, nil
	case scheme == "https", scheme == "http": // which http is taken is for the webhook to say
		return outboxWebhook, nil
	case scheme == "servicebus" && place != "":
		return outboxServiceBus, nil
	}
	return "", fmt.Errorf("--outbox %s: want file:PATH, https://… or servicebus:NAME", c.Outbox)
}
