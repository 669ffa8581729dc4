// Package signin is what the ways of signing in have in common: who was signed in, why somebody
// was not, and which attempts are under way. It promises that a refusal never tells an attacker
// what he does not know, and always tells Security Operations, by a stable code.
//
// An attempt goes out to an identity provider and comes back by the same browser, once, in time:
//
//	begun → taken, whatever its outcome; or expired
//
// It is known by a key that travels by way of the provider (OIDC's state, SAML's request id) and
// by a handle in a cookie that does not: neither alone takes it. What a provider may say only once
// (an assertion's id) is spent. Both stand in the state database, so that any process may take
// what another began; of keys and handles it keeps SHA-256 alone.
package signin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Identity is whom an identity provider vouches for. Everything in it was signed by the provider.
type Identity struct {
	// Provider is our own key of the provider's configuration, such as the business's.
	Provider string
	// Issuer and Subject name the person for ever: the provider, and its id of the person.
	Issuer, Subject string
	// Email is an address in one of the provider's domains, its domain in lower case.
	Email string
	// AuthenticatedAt is when the provider authenticated the person; zero if it does not say.
	AuthenticatedAt time.Time
	// To is what Start was given: where in this service the browser wanted to go. It was kept here
	// and is not the provider's.
	To string
}

// Domains reports whether a provider may vouch for addresses of a domain, which is in lower case.
type Domains func(ctx context.Context, domain string) (bool, error)

// Only are the domains that are listed, in lower case, without their sub-domains.
func Only(domains ...string) Domains {
	return func(_ context.Context, domain string) (bool, error) { return slices.Contains(domains, domain), nil }
}

// vouch asks; where there is nothing to ask, the provider may vouch for nobody.
func (d Domains) vouch(ctx context.Context, domain string) (bool, error) {
	if d == nil {
		return false, nil
	}
	return d(ctx, domain)
}

// CheckEmail returns email with its domain in lower case if that is exactly one of domains, and a
// refusal if not (requirement 39). Domains are compared as ASCII alone, so that no look-alike in
// other letters passes for one.
func CheckEmail(ctx context.Context, email string, domains Domains) (string, error) {
	local, domain, ok := strings.Cut(email, "@")
	if !ok || local == "" || len(email) > emailBytesMax || strings.ContainsFunc(email, unfitInEmail) || strings.Contains(domain, "@") {
		return "", Refuse(EmailUnusable, "the provider's e-mail address is malformed")
	}
	domain = strings.ToLower(domain)
	vouched, err := domains.vouch(ctx, domain)
	if err != nil {
		return "", fmt.Errorf("check e-mail domain: %w", err)
	}
	if !vouched {
		return "", Refuse(EmailDomain, "the domain %s is not the provider's to vouch for", Shorten(domain))
	}
	return local + "@" + domain, nil
}

// emailBytesMax is the longest address that can be mailed (RFC 5321, 4.5.3.1.3).
const emailBytesMax = 254

// unfitInEmail: only printable ASCII without what quoting, comments or lists would need.
func unfitInEmail(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune(`"(),:;<>[\]`, r)
}

// Shorten bounds text from outside that goes into a refusal's detail.
func Shorten(text string) string {
	const bytesMax = 200
	if len(text) <= bytesMax {
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf("%q…", text[:bytesMax])
}
