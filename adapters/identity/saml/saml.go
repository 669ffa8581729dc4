// Package saml signs people in by a business's SAML 2.0 identity provider (requirement 38). It
// promises an identity only from an answer that this service asked for, in this browser, that
// holds exactly one assertion, itself signed by a key of the configured provider, for this
// service, at this address, now, once.
//
// It is the Web Browser SSO profile: Start sends the browser to the provider by redirect; the
// provider has it POST a response to the assertion consumer address, where Finish takes the
// attempt and checks the response. What that POST needs of its surroundings: the cookie of
// [signin.Cookie] across sites, and an exemption from the same-origin rule, by its path.
//
// gosaml2 reads and verifies; what it lets pass or only warns of is refused here: a response that
// nobody asked for, another audience, times, SHA-1, replays, signatures on anything but the
// assertion and the response, and XML that two readers could read as two things (document types,
// comments, processing instructions, two elements of one id). Encrypted assertions are refused: no
// key for them is published, and TLS keeps them from being read.
package saml

import (
	"cmp"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	saml2 "github.com/russellhaering/gosaml2"
	dsig "github.com/russellhaering/goxmldsig"

	"casesync/adapters/identity/signin"
)

// Provider is the configuration of an identity provider, for one business. ParseMetadata reads
// the second group from what the provider publishes.
type Provider struct {
	// Key is our own name of it.
	Key string
	// ServiceID is this service's entity id towards it; Config.EntityID by default.
	ServiceID string
	// Domains are those whose addresses it may vouch for.
	Domains signin.Domains
	// EmailAttributes are the names of the attribute with the e-mail address; by default those in
	// common use. A name id of the format emailAddress counts too.
	EmailAttributes []string

	// EntityID is its name, as the issuer of its answers has it.
	EntityID string
	// SignInURL is where the browser is sent, by redirect.
	SignInURL string
	// Certificates are those it signs with; several while it changes over.
	Certificates []*x509.Certificate
}

// Config is the manual of the service provider.
type Config struct {
	// Attempts keeps attempts under way, and which assertions were used.
	Attempts *signin.Attempts
	// Provider returns a provider by its key.
	Provider func(ctx context.Context, key string) (Provider, error)
	// EntityID is this service's name, an address by custom.
	EntityID string
	// Address is the assertion consumer address, where the browser posts the response.
	Address string
	// Key and Certificate sign requests, if both are given: RSA, by SHA-256.
	Key         crypto.Signer
	Certificate *x509.Certificate
	// SkewMax is how far the provider's clock may differ; 1 minute by default, at most 5.
	SkewMax time.Duration
	// AttemptAge is how long signing in at the provider may take; 10 minutes by default.
	AttemptAge time.Duration
	// Now tells the time. Default time.Now.
	Now func() time.Time
}

const (
	skewLimit    = 5 * time.Minute
	attemptsKind = "saml|"
)

// emailAttributes are the names in common use: of LDAP, by name and by OID, and of Microsoft.
var emailAttributes = []string{
	"email", "mail", "urn:oid:0.9.2342.19200300.100.1.3", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
}

// ServiceProvider signs people in at providers. It is safe for concurrent use.
type ServiceProvider struct{ config Config }

// New returns a service provider.
func New(config Config) (*ServiceProvider, error) {
	config.SkewMax = cmp.Or(config.SkewMax, time.Minute)
	config.AttemptAge = cmp.Or(config.AttemptAge, 10*time.Minute)
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.SkewMax < 0 || config.SkewMax > skewLimit {
		return nil, fmt.Errorf("saml: clocks may differ by 0 to %s, not by %s", skewLimit, config.SkewMax)
	}
	if config.EntityID == "" || (config.Key == nil) != (config.Certificate == nil) {
		return nil, errors.New("saml: an entity id, and a key and its certificate or neither, are needed")
	}
	if err := checkAddress(config.Address); err != nil {
		return nil, fmt.Errorf("saml: assertion consumer address: %w", err)
	}
	return &ServiceProvider{config}, nil
}

// attempt is what is kept of an attempt under way.
type attempt struct {
	Provider  string    `json:"provider"`
	RequestID string    `json:"requestId"`
	To        string    `json:"to,omitzero"`
	StartedAt time.Time `json:"startedAt"`
}

// Start begins a sign-in: it returns where to send the browser, and the cookie that goes with it.
// Finish gives to back, in the identity; no RelayState is used.
func (s *ServiceProvider) Start(ctx context.Context, key, to string) (redirect string, cookie *http.Cookie, err error) {
	provider, err := s.find(ctx, key)
	if err != nil {
		return "", nil, err
	}
	now := s.config.Now()
	gosaml := s.gosaml(provider, now)
	request, err := gosaml.BuildAuthRequestDocumentNoSig()
	if err != nil {
		return "", nil, fmt.Errorf("build SAML request: %w", err)
	}
	id := request.Root().SelectAttrValue("ID", "")
	redirect, err = gosaml.BuildAuthURLRedirect("", request)
	if err != nil {
		return "", nil, fmt.Errorf("build SAML request: %w", err)
	}
	handle, err := s.config.Attempts.Begin(ctx, attemptsKind+id, attempt{Provider: key, RequestID: id, To: to, StartedAt: now}, s.config.AttemptAge)
	if err != nil {
		return "", nil, err
	}
	return redirect, signin.Cookie(handle, s.config.AttemptAge, true), nil
}

func (s *ServiceProvider) find(ctx context.Context, key string) (Provider, error) {
	provider, err := s.config.Provider(ctx, key)
	if err == nil {
		provider.ServiceID = cmp.Or(provider.ServiceID, s.config.EntityID)
		if len(provider.EmailAttributes) == 0 {
			provider.EmailAttributes = emailAttributes
		}
		err = provider.check()
	}
	if err != nil {
		return Provider{}, fmt.Errorf("find identity provider %s: %w", key, err)
	}
	return provider, nil
}

func (p Provider) check() error {
	if p.EntityID == "" || len(p.Certificates) == 0 {
		return errors.New("its entity id or its certificate is missing")
	}
	if err := checkAddress(p.SignInURL); err != nil {
		return fmt.Errorf("sign-in address: %w", err)
	}
	return nil
}

// gosaml returns gosaml2 set up for a provider, at a time.
func (s *ServiceProvider) gosaml(provider Provider, now time.Time) *saml2.SAMLServiceProvider {
	gosaml := &saml2.SAMLServiceProvider{
		IdentityProviderSSOURL:      provider.SignInURL,
		IdentityProviderIssuer:      provider.EntityID,
		ServiceProviderIssuer:       provider.ServiceID,
		AudienceURI:                 provider.ServiceID,
		AssertionConsumerServiceURL: s.config.Address,
		IDPCertificateStore:         &dsig.MemoryX509CertificateStore{Roots: provider.Certificates},
		Clock:                       dsig.NewFakeClockAt(now),
		MaximumDecompressedBodySize: responseBytesMax,
	}
	if s.config.Key != nil {
		gosaml.SignAuthnRequests = true
		gosaml.SignAuthnRequestsAlgorithm = dsig.RSASHA256SignatureMethod
		_ = gosaml.SetSPSigningKeyStore(&saml2.KeyStore{Signer: s.config.Key, Cert: s.config.Certificate.Raw}) // fails without a signer only
	}
	return gosaml
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
