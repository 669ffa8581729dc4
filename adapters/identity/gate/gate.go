// Package gate is the ways in over HTTP: signing in with a password and a one-time code or by the
// business's identity provider, taking an invitation up, choosing a password or a second factor
// anew, and looking after one's own sign-in (requirements 23–25, 37–39). It joins the packages
// beside it, which know credentials, providers and sessions, with the people of the log. It
// promises:
//
//   - Nobody learns from an answer, nor from the time it takes, whether an address has an account,
//     but who has proved to be its owner or holds the link that was mailed to it.
//   - A session begins only for who may come in at that moment: the ticket is taken before the
//     account is looked at in the log, so that whoever is disabled in between gets none.
//   - A second factor is asked for on every local way in, and whoever may choose it anew has proved
//     the password, and the answers to his security questions where he has some. The answers alone,
//     or the link alone, let nobody in to an account that is in use.
//   - A federated account opens to the one subject of the one provider that it is bound to, with an
//     address of a domain that is that provider's.
//   - Browsers are sent to places in this service alone.
//   - Every way in that was taken, and every refusal with what really was wrong, is told to Security
//     Operations by a stable code, before the browser is answered (requirement 43). A sign-in that
//     cannot be told of is not given.
//
// Half-finished ways live in the browser's session on the server, in the attempts of package
// signin, and nowhere in the browser:
//
//	local       email → password → [challenge in the session] → code → signed in
//	federated   email → [attempt, with where to go on] → provider → signed in
//	invitation  link → password → [seed in the session] → code → recovery codes, signed in
//	            or, by a provider: link → [attempt, with the link] → provider → signed in
//	reset       link → password, → sign in
//	            link → answers → password → [seed] → code → recovery codes, signed in
//
// What a crash leaves on each is said where it is done.
package gate

import (
	"cmp"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/identity/local"
	"casesync/adapters/identity/oidc"
	"casesync/adapters/identity/saml"
	"casesync/adapters/identity/sessions"
	"casesync/adapters/identity/signin"
	"casesync/eventstore/lru"
)

// The addresses that identity providers know, under Config.PublicURL.
const (
	pathOIDC         = "/sign-in/oidc"
	pathSAML         = "/sign-in/saml"
	pathSAMLMetadata = "/sign-in/saml/metadata"
)

// Config is the manual of the gate. All fields are required but those that name a default.
type Config struct {
	// People are the accounts, invitations, resets and the settings of identity providers.
	People *commands.People
	// Local keeps passwords, second factors and security questions.
	Local *local.Credentials
	// Attempts keeps what goes by way of an identity provider.
	Attempts *signin.Attempts
	// Sessions keeps people signed in.
	Sessions *sessions.Sessions
	// Activity takes what Security Operations has to know.
	Activity commands.ActivityLog
	// PublicURL is where browsers reach this service: scheme, host and port, without a path. It must
	// be https, but for loopback. Identity providers know three addresses under it: /sign-in/oidc
	// (redirect), /sign-in/saml (assertion consumer) and /sign-in/saml/metadata (entity id).
	PublicURL string
	// SecretsDir is the directory of client secrets, each in a file of the name that the connection's
	// settings refer to. A secret is read at each sign-in, and so may be exchanged at any time.
	// Default: none; providers that need a secret cannot be used.
	SecretsDir string
	// AddressDigest is the keyed digest of an e-mail address, for Activity.Account.
	AddressDigest func(address string) string
	// Refused makes the answer to a refusal from the code that is recorded, of which people are told
	// less (checks that only Security Operations may tell apart look the same to them), and from a
	// detail for people. A retryAfter of 0 says nothing of waiting.
	Refused func(code, detail string, retryAfter time.Duration) error
	// Fault makes the answer to any other error: refusals of the deciders, and what went wrong.
	Fault func(ctx context.Context, err error) error
	// Client returns the network address that a request came from. Default: that of the connection,
	// which is right without a proxy, or where a handler in front puts the client's there.
	Client func(*http.Request) string
	// SAMLKey and SAMLCertificate sign requests to SAML providers. Default: they are not signed.
	SAMLKey         crypto.Signer
	SAMLCertificate *x509.Certificate
	// Transport carries requests to OpenID Connect providers. Default http.DefaultTransport.
	Transport http.RoundTripper
	// AnswerTimeMin is how long an answer takes at least whose work depends on whether an address has
	// an account. Default 300 ms, several times what a password's hash takes.
	AnswerTimeMin time.Duration
	// ResetEvery is how often one address may be sent a link to choose a password anew. Default 5 min.
	ResetEvery time.Duration
	// Now tells the time. Default time.Now.
	Now func() time.Time
	// Logger takes faults. Default slog.Default().
	Logger *slog.Logger
}

// Gate is the ways in. It is safe for concurrent use.
type Gate struct {
	config   Config
	oidc     *oidc.RelyingParty
	saml     *saml.ServiceProvider
	metadata *lru.Cache[[32]byte, parsed]
}

// New returns a gate.
func New(config Config) (*Gate, error) {
	if err := config.complete(); err != nil {
		return nil, fmt.Errorf("open gate: %w", err)
	}
	g := &Gate{config: config, metadata: lru.New[[32]byte, parsed](metadataMax)}
	var err error
	g.oidc, err = oidc.New(oidc.Config{
		Attempts: config.Attempts, Provider: g.oidcProvider, Transport: config.Transport, Now: config.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("open gate: %w", err)
	}
	g.saml, err = saml.New(saml.Config{
		Attempts: config.Attempts, Provider: g.samlProvider, Now: config.Now,
		EntityID: config.PublicURL + pathSAMLMetadata, Address: config.PublicURL + pathSAML,
		Key: config.SAMLKey, Certificate: config.SAMLCertificate,
	})
	if err != nil {
		return nil, fmt.Errorf("open gate: %w", err)
	}
	return g, nil
}

func (c *Config) complete() error {
	for name, missing := range map[string]bool{
		"People": c.People == nil, "Local": c.Local == nil, "Attempts": c.Attempts == nil, "Sessions": c.Sessions == nil,
		"Activity": c.Activity == nil, "AddressDigest": c.AddressDigest == nil, "Refused": c.Refused == nil, "Fault": c.Fault == nil,
	} {
		if missing {
			return fmt.Errorf("setting %s is missing", name)
		}
	}
	if u, err := url.Parse(c.PublicURL); err != nil || u.Host == "" || c.PublicURL != u.Scheme+"://"+u.Host {
		return errors.New("setting PublicURL must be scheme and host alone, such as https://cases.example.org")
	}
	c.AnswerTimeMin = cmp.Or(c.AnswerTimeMin, 300*time.Millisecond)
	c.ResetEvery = cmp.Or(c.ResetEvery, 5*time.Minute)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Client == nil {
		c.Client = remote
	}
	return nil
}

// remote is the address of the connection, without its port.
func remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// Middleware gives each request its session, and refuses requests that change something and come
// from a page of another site. A SAML provider's answer comes so by design; it is bound to the
// browser by a cookie of its own.
func (g *Gate) Middleware(next http.Handler) http.Handler {
	return g.config.Sessions.Middleware(sessions.SameOrigin(next, g.refuseCrossOrigin, http.MethodPost+" "+pathSAML))
}

// Person returns the user id of who is signed in by the request's session, "" for nobody. Whether
// he may do anything is for People.Standing to say.
func (g *Gate) Person(ctx context.Context) string { return g.config.Sessions.User(ctx) }

// Until returns a context that ends with the request's session: for answers that go on. The caller
// calls the function when the answer ends.
func (g *Gate) Until(ctx context.Context) (context.Context, func()) {
	return g.config.Sessions.Until(ctx)
}

// Purge deletes what is over: sessions, attempts, challenges. It is to be called now and then;
// nothing depends on when.
func (g *Gate) Purge(ctx context.Context) error {
	return errors.Join(g.config.Sessions.Purge(ctx), g.config.Attempts.Purge(ctx), g.config.Local.Purge(ctx))
}

// evenly waits until an answer has taken as long as all others of its kind, counted from began. It
// is for answers whose work depends on whether an account exists.
func (g *Gate) evenly(ctx context.Context, began time.Time) {
	timer := time.NewTimer(time.Until(began.Add(g.config.AnswerTimeMin)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// localPath returns where in this service the browser is to go on: to, or "/" where that could lead
// anywhere else. Browsers read a backslash as a slash, and leave tabs and ends of lines out.
func localPath(to string) string {
	unfit := func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || len(to) > pathBytesMax || strings.ContainsFunc(to, unfit) {
		return "/"
	}
	if u, err := url.Parse(to); err != nil || u.IsAbs() || u.Host != "" {
		return "/"
	}
	return to
}

const pathBytesMax = 2000
