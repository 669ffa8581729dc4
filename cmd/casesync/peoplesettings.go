package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strings"
	"time"

	"casesync/adapters/activity"
	"casesync/adapters/commands"
	"casesync/adapters/identity/local"
	"casesync/adapters/identity/sessions"
	"casesync/adapters/ratelimit"
	"casesync/domain/membership"
)

// peopleSettings are the settings of serve that concern people: how they sign in, what is mailed to
// them, and what is kept of what they do. A zero or empty value that says so has a default of its part.
type peopleSettings struct {
	PublicURL string `name:"public-url" help:"Address at which people reach this service, such as https://cases.example.org: links in mail and identity providers lead there. Default: the address it listens on." placeholder:"URL" group:"People"`

	SessionIdle     time.Duration `help:"A session ends so long after its last request." default:"20m" group:"Sign-in"`
	SessionAbsolute time.Duration `help:"A session ends so long after signing in, whatever happens." default:"10h" group:"Sign-in"`
	InvitationAge   time.Duration `help:"How long an invitation may be accepted; at most 336h." default:"168h" group:"Sign-in"`
	ResetAge        time.Duration `help:"How long the link of a reset works; at most 24h." default:"1h" group:"Sign-in"`

	PasswordMemoryKiB uint32 `name:"password-memory-kib" help:"Memory of one argon2id hash, in KiB; 7168 to 262144. A password is hashed anew under changed parameters when it is next right." default:"19456" group:"Sign-in"`
	PasswordPasses    uint32 `help:"Passes of argon2id over that memory, 1 to 16." default:"2" group:"Sign-in"`
	PasswordLanes     uint8  `help:"Lanes of argon2id, 1 to 16." default:"1" group:"Sign-in"`
	PasswordAtOnceMax int    `help:"How many passwords are hashed at once; each takes its memory." default:"4" group:"Sign-in"`

	LockoutFree        int           `help:"Wrong attempts on an account that have no effect; the next one locks it." default:"5" group:"Sign-in"`
	LockoutBase        time.Duration `help:"How long the first lock lasts; each further wrong attempt doubles it." default:"30s" group:"Sign-in"`
	LockoutMax         time.Duration `help:"The longest lock." default:"1h" group:"Sign-in"`
	LockoutForget      time.Duration `help:"How long without an attempt until all of them are forgotten." default:"24h" group:"Sign-in"`
	LockoutAddressFree int           `help:"As lockout-free, for all attempts from one network address, behind which a whole office may be." default:"50" group:"Sign-in"`

	RequestsPerSecond       float64       `help:"Requests a second that one network address may go on making without being signed in, and without a token that is taken." default:"50" group:"Limits"`
	RequestsBurst           int           `help:"Requests that one network address may make so at once." default:"200" group:"Limits"`
	UserRequestsPerSecond   float64       `help:"Requests a second that one user may go on making. Machines are not limited by it." default:"20" group:"Limits"`
	UserRequestsBurst       int           `help:"Requests that one user may make at once." default:"100" group:"Limits"`
	StrangerMessagesPerDay  int           `help:"Questions to the helpdesk and requests for access that one network address may send in a day without being signed in. Each is answered by mail." default:"100" group:"Limits"`
	UserTicketsPerDay       int           `help:"Questions to the helpdesk that one user may ask in a day." default:"50" group:"Limits"`
	UserNotificationsPerDay int           `help:"Cases that one user may send notifications about in a day, each time counted; at least 500." default:"20000" group:"Limits"`
	SweepEvery              time.Duration `help:"How often it is looked for what the clock makes due: warnings, disabling, erasure." default:"10m" group:"Limits"`

	SMTP             string `name:"smtp" help:"Server that mail is handed to. Default: none; mail is kept in the folder of --mail-folder, for somebody to pass on." placeholder:"HOST:PORT" group:"Mail"`
	SMTPSecurity     string `name:"smtp-security" help:"starttls, implicit (TLS from the first byte), or none, which is for a server on this machine alone." enum:"starttls,implicit,none" default:"starttls" group:"Mail"`
	SMTPUser         string `name:"smtp-user" help:"User name at the mail server, if it wants one." group:"Mail"`
	SMTPPasswordFile string `name:"smtp-password-file" help:"File of the password at the mail server." placeholder:"FILE" type:"path" group:"Mail"`
	SMTPCAFile       string `name:"smtp-ca-file" help:"File of the certificates, PEM, of who vouches for the mail server. Default: those of the system." placeholder:"FILE" type:"path" group:"Mail"`
	MailFrom         string `help:"Address that mail comes from." default:"casesync@localhost" group:"Mail"`
	OperatorsMail    string `help:"Address of the operators, for what they have to act on. Default: nobody is told by mail." placeholder:"ADDRESS" group:"Mail"`
	HelpdeskURL      string `name:"helpdesk-url" help:"Address of the helpdesk's webform; it stands in invitations. Default: PUBLIC-URL/support." placeholder:"URL" group:"Mail"`

	ActivityKeep time.Duration `help:"How long the activity log keeps its entries; at least 4392h, which is six months." default:"17520h" group:"Activity log"`
	ActivityTo   []string      `help:"Where entries of the activity log are forwarded to, as JSON lines of OCSF: file:PATH, syslog+tcp://HOST:PORT or syslog+unix:///dev/log." placeholder:"ADDRESS" group:"Activity log"`
}

// check finds what no part could work with, so that it stops the start.
func (p *peopleSettings) check() error {
	var faults []error
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	for flag, text := range map[string]string{"--public-url": p.PublicURL, "--helpdesk-url": p.HelpdeskURL} {
		parsed, err := url.Parse(text)
		fault(text != "" && (err != nil || parsed.Host == "" || parsed.Scheme != "https" && (parsed.Scheme != "http" || !loopback(parsed.Hostname()))),
			"%s %s: want an https address", flag, text)
	}
	parsed, err := url.Parse(p.PublicURL)
	fault(err == nil && (strings.Trim(parsed.Path, "/") != "" || parsed.RawQuery != "" || parsed.User != nil), "--public-url %s: want scheme and host alone", p.PublicURL)
	for flag, text := range map[string]string{"--mail-from": p.MailFrom, "--operators-mail": p.OperatorsMail} {
		_, err := mail.ParseAddress(text)
		fault(text != "" && err != nil, "%s: want an e-mail address", flag)
	}
	fault(p.InvitationAge <= 0 || p.InvitationAge > membership.InvitationLifetimeMax, "--invitation-age is %s: at most %s", p.InvitationAge, membership.InvitationLifetimeMax)
	fault(p.ResetAge <= 0 || p.ResetAge > 24*time.Hour, "--reset-age is %s: at most 24h", p.ResetAge)
	fault(p.SessionIdle < time.Minute || p.SessionAbsolute < p.SessionIdle, "--session-idle is %s and --session-absolute %s: want at least a minute, and not less than that", p.SessionIdle, p.SessionAbsolute)
	fault(p.PasswordMemoryKiB < 7<<10 || p.PasswordMemoryKiB > 256<<10, "--password-memory-kib is %d: want 7168 to 262144", p.PasswordMemoryKiB)
	fault(p.PasswordPasses < 1 || p.PasswordPasses > 16 || p.PasswordLanes < 1 || p.PasswordLanes > 16, "--password-passes and --password-lanes: want 1 to 16")
	fault(p.PasswordAtOnceMax < 1, "--password-at-once-max is %d: want at least 1", p.PasswordAtOnceMax)
	fault(p.LockoutFree < 1 || p.LockoutAddressFree < 1 || p.LockoutBase <= 0 || p.LockoutMax < p.LockoutBase || p.LockoutForget < p.LockoutMax,
		"--lockout-…: want at least one free attempt, and base ≤ max ≤ forget")
	fault(p.RequestsPerSecond <= 0 || p.UserRequestsPerSecond <= 0 || p.RequestsBurst < 1 || p.UserRequestsBurst < 1, "--requests-… and --user-requests-…: want more than nothing")
	fault(p.StrangerMessagesPerDay < 1 || p.UserTicketsPerDay < 1, "--stranger-messages-per-day and --user-tickets-per-day: want at least 1")
	fault(p.UserNotificationsPerDay < commands.CasesMax, "--user-notifications-per-day is %d: want at least %d, the most that are sent at once", p.UserNotificationsPerDay, commands.CasesMax)
	fault(p.SweepEvery <= 0, "--sweep-every is %s: want more than nothing", p.SweepEvery)
	fault(p.ActivityKeep < activity.KeepLeast, "--activity-keep is %s: at least %s, which is six months", p.ActivityKeep, activity.KeepLeast)
	for _, address := range p.ActivityTo {
		if err := activity.ParseTarget(address); err != nil {
			faults = append(faults, fmt.Errorf("--activity-to %s: %w", address, err))
		}
	}
	return errors.Join(faults...)
}

// publicURL returns the address at which people reach the service.
func (s *serveCommand) publicURL() string {
	if s.PublicURL != "" {
		return strings.TrimSuffix(s.PublicURL, "/")
	}
	scheme := "http://"
	if s.TLSCert != "" {
		scheme = "https://"
	}
	return scheme + s.Listen
}

// helpdeskURL returns the address of the helpdesk's webform.
func (s *serveCommand) helpdeskURL() string {
	return cmp.Or(s.HelpdeskURL, s.publicURL()+"/support")
}

// hashing is how passwords are hashed.
func (p *peopleSettings) hashing() local.Hashing {
	return local.Hashing{MemoryKiB: p.PasswordMemoryKiB, Passes: p.PasswordPasses, Lanes: p.PasswordLanes, AtOnceMax: p.PasswordAtOnceMax}
}

// lockout returns the limits of attempts on one account, and from one network address.
func (p *peopleSettings) lockout() (account, address local.Limit) {
	account = local.Limit{Free: p.LockoutFree, Base: p.LockoutBase, Max: p.LockoutMax, Forget: p.LockoutForget}
	address = account
	address.Free = p.LockoutAddressFree
	return account, address
}

func (p *peopleSettings) sessions() sessions.Config {
	return sessions.Config{Idle: p.SessionIdle, Absolute: p.SessionAbsolute}
}

// rates returns the limits of requests from one network address, and of one user.
func (p *peopleSettings) rates() (address, user ratelimit.Limit) {
	return ratelimit.Limit{PerSecond: p.RequestsPerSecond, Burst: p.RequestsBurst},
		ratelimit.Limit{PerSecond: p.UserRequestsPerSecond, Burst: p.UserRequestsBurst}
}
