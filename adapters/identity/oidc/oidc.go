// Package oidc signs people in by a business's OpenID Connect provider (requirement 38). It
// promises an identity only from an answer that this service asked for, in this browser, that the
// configured provider signed for this service, now, once, and that names an e-mail address which
// the provider vouches for in one of the business's domains.
//
// It is the authorisation code flow with PKCE (S256), state and nonce: Start sends the browser to
// the provider; it comes back to the redirect address, where Finish takes the attempt, exchanges
// the code and checks the id token. Keys are those that the provider publishes, fetched anew when
// a token names one that is not known. Tokens are signed with RSA or elliptic curves; none and
// HMAC are refused. The access token is used for the userinfo endpoint at most, and kept nowhere.
package oidc

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"casesync/adapters/identity/signin"
	"casesync/eventstore/lru"
)

// Provider is the configuration of a provider, for one business.
type Provider struct {
	// Key is our own name of it.
	Key string
	// Issuer is its address, as its id tokens have it. It must be https, but for loopback.
	Issuer string
	// ClientID and ClientSecret are what it knows this service by.
	ClientID, ClientSecret string
	// RedirectURL is where it sends the browser back to, as registered with it.
	RedirectURL string
	// Domains are those whose addresses it may vouch for.
	Domains signin.Domains
	// ConfirmsEmail takes the provider's addresses without its claim email_verified: only for one
	// in which administrators alone set addresses, such as a tenant of Entra ID, which does not
	// send it. An email_verified of false is refused all the same.
	ConfirmsEmail bool
}

// Config is the manual of the relying party.
type Config struct {
	// Attempts keeps attempts under way.
	Attempts *signin.Attempts
	// Provider returns a provider by its key.
	Provider func(ctx context.Context, key string) (Provider, error)
	// SkewMax is how far the provider's clock may differ; 1 minute by default, at most 5.
	SkewMax time.Duration
	// AttemptAge is how long signing in at the provider may take; 10 minutes by default.
	AttemptAge time.Duration
	// DiscoveryAge is how long a provider's published configuration and keys are kept; an hour by
	// default. A key that the provider withdraws is good for so long at most.
	DiscoveryAge time.Duration
	// Transport carries the requests to providers; http.DefaultTransport by default. They take 10
	// seconds and 1 MiB at most, whatever it allows.
	Transport http.RoundTripper
	// Now tells the time. Default time.Now.
	Now func() time.Time
}

const (
	skewLimit       = 5 * time.Minute
	requestTimeout  = 10 * time.Second
	answerBytesMax  = 1 << 20
	discoveriesMax  = 1000
	parameterMax    = 4096 // bytes of a parameter of the answer
	attemptsKind    = "oidc|"
	notRepeatedText = "parameter %s comes %d times"
)

// algorithms are the signatures that an id token may have.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// scopes are what is asked for: who it is, and the e-mail address.
var scopes = []string{oidc.ScopeOpenID, "email"}

// RelyingParty signs people in at providers. It is safe for concurrent use.
type RelyingParty struct {
	config Config
	client *http.Client
	known  *lru.Cache[string, discovery]
}

type discovery struct {
	provider *oidc.Provider
	keys     oidc.KeySet // fetched when needed, and kept
	at       time.Time
	// issuerInAnswer: the provider promises its name in the answer (RFC 9207).
	issuerInAnswer bool
}

// New returns a relying party.
func New(config Config) (*RelyingParty, error) {
	config.SkewMax = cmp.Or(config.SkewMax, time.Minute)
	config.AttemptAge = cmp.Or(config.AttemptAge, 10*time.Minute)
	config.DiscoveryAge = cmp.Or(config.DiscoveryAge, time.Hour)
	if config.SkewMax < 0 || config.SkewMax > skewLimit {
		return nil, fmt.Errorf("oidc: clocks may differ by 0 to %s, not by %s", skewLimit, config.SkewMax)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Transport == nil {
		config.Transport = http.DefaultTransport
	}
	return &RelyingParty{
		config: config,
		client: &http.Client{Transport: bounded{config.Transport}, Timeout: requestTimeout},
		known:  lru.New[string, discovery](discoveriesMax),
	}, nil
}

// attempt is what is kept of an attempt under way.
type attempt struct {
	Provider  string    `json:"provider"`
	Nonce     string    `json:"nonce"`
	Verifier  string    `json:"verifier"`
	To        string    `json:"to,omitzero"`
	StartedAt time.Time `json:"startedAt"`
}

// Start begins a sign-in: it returns where to send the browser, and the cookie that goes with it.
// The hint is the e-mail address that was typed, to spare typing it again; "" gives none. Finish
// gives to back, in the identity.
func (p *RelyingParty) Start(ctx context.Context, key, hint, to string) (redirect string, cookie *http.Cookie, err error) {
	provider, found, err := p.find(ctx, key)
	if err != nil {
		return "", nil, err
	}
	state := rand.Text()
	begun := attempt{Provider: key, Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), To: to, StartedAt: p.config.Now()}
	handle, err := p.config.Attempts.Begin(ctx, attemptsKind+state, begun, p.config.AttemptAge)
	if err != nil {
		return "", nil, err
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(begun.Nonce), oauth2.S256ChallengeOption(begun.Verifier)}
	if hint != "" {
		options = append(options, oauth2.SetAuthURLParam("login_hint", hint))
	}
	redirect = oauthConfig(provider, found).AuthCodeURL(state, options...)
	return redirect, signin.Cookie(handle, p.config.AttemptAge, false), nil
}

func oauthConfig(provider Provider, found discovery) *oauth2.Config {
	return &oauth2.Config{
		ClientID: provider.ClientID, ClientSecret: provider.ClientSecret, RedirectURL: provider.RedirectURL,
		Endpoint: found.provider.Endpoint(), Scopes: scopes,
	}
}

// find returns a provider's configuration, ours and what it publishes.
func (p *RelyingParty) find(ctx context.Context, key string) (Provider, discovery, error) {
	provider, err := p.config.Provider(ctx, key)
	if err != nil {
		return Provider{}, discovery{}, fmt.Errorf("find identity provider %s: %w", key, err)
	}
	now := p.config.Now()
	found, ok := p.known.Get(provider.Issuer)
	if age := now.Sub(found.at); ok && age >= 0 && age < p.config.DiscoveryAge {
		return provider, found, nil
	}
	if err := checkAddress(provider.Issuer); err != nil {
		return Provider{}, discovery{}, fmt.Errorf("identity provider %s: issuer: %w", key, err)
	}
	found = discovery{at: now}
	if found.provider, err = oidc.NewProvider(oidc.ClientContext(ctx, p.client), provider.Issuer); err != nil {
		return Provider{}, discovery{}, signin.Refuse(signin.ProviderDown, "discovery: %s", signin.Shorten(err.Error()))
	}
	var published struct {
		Keys           string `json:"jwks_uri"`
		IssuerInAnswer bool   `json:"authorization_response_iss_parameter_supported"`
	}
	if err := found.provider.Claims(&published); err != nil {
		return Provider{}, discovery{}, signin.Refuse(signin.ProviderDown, "discovery: %s", signin.Shorten(err.Error()))
	}
	endpoints := found.provider.Endpoint()
	for _, address := range []string{endpoints.AuthURL, endpoints.TokenURL, published.Keys} {
		if err := checkAddress(address); err != nil {
			return Provider{}, discovery{}, signin.Refuse(signin.ProviderDown, "discovery: %v", err)
		}
	}
	found.issuerInAnswer = published.IssuerInAnswer
	// The keys outlive this request.
	found.keys = oidc.NewRemoteKeySet(oidc.ClientContext(context.WithoutCancel(ctx), p.client), published.Keys)
	p.known.Put(provider.Issuer, found)
	return provider, found, nil
}

// checkAddress wants https, but for this very machine.
func checkAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return errors.New("it is no address")
	}
	ip, _ := netip.ParseAddr(u.Hostname())
	if u.Scheme != "https" && (u.Scheme != "http" || !ip.IsLoopback()) {
		return errors.New("it must be https")
	}
	return nil
}
