package gate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"casesync/adapters/identity/oidc"
	"casesync/adapters/identity/saml"
	"casesync/adapters/identity/signin"
	"casesync/domain/account"
	"casesync/domain/connection"
)

const (
	// metadataMax is how many providers' metadata are kept parsed.
	metadataMax = 200
	// metadataAge is how long: a certificate or document that expires is noticed by then.
	metadataAge = 10 * time.Minute
	// secretBytesMax bounds a client secret's file.
	secretBytesMax = 4 << 10
)

// parsed is what metadata say, by the digest of their text: changed settings are another text.
type parsed struct {
	provider saml.Provider
	at       time.Time
}

// connectionOf returns a provider's settings as they are at this moment.
func (g *Gate) connectionOf(ctx context.Context, id string, method account.Method) (connection.Settings, error) {
	settings, found, err := g.config.People.Connection(ctx, id)
	if err != nil {
		return connection.Settings{}, err
	}
	if !found || settings.Method != method {
		return connection.Settings{}, fmt.Errorf("no %s provider is set", method)
	}
	return settings, nil
}

func (g *Gate) oidcProvider(ctx context.Context, id string) (oidc.Provider, error) {
	settings, err := g.connectionOf(ctx, id, account.OIDC)
	if err != nil {
		return oidc.Provider{}, err
	}
	secret, err := g.secret(settings.OIDC.SecretReference)
	if err != nil {
		return oidc.Provider{}, err
	}
	return oidc.Provider{
		Key: id, Issuer: settings.OIDC.Issuer, ClientID: settings.OIDC.ClientID, ClientSecret: secret,
		RedirectURL: g.config.PublicURL + pathOIDC, Domains: g.domainsOf(id), ConfirmsEmail: settings.OIDC.ConfirmsEmail,
	}, nil
}

func (g *Gate) samlProvider(ctx context.Context, id string) (saml.Provider, error) {
	settings, err := g.connectionOf(ctx, id, account.SAML)
	if err != nil {
		return saml.Provider{}, err
	}
	provider, err := g.parse(settings.SAML.Metadata)
	if err != nil {
		return saml.Provider{}, err
	}
	provider.Key, provider.Domains, provider.EmailAttributes = id, g.domainsOf(id), settings.SAML.EmailAttributes
	return provider, nil
}

// parse reads metadata, or remembers what it read.
func (g *Gate) parse(metadata string) (saml.Provider, error) {
	now, digest := g.config.Now(), sha256.Sum256([]byte(metadata))
	if known, ok := g.metadata.Get(digest); ok {
		if age := now.Sub(known.at); age >= 0 && age < metadataAge {
			return known.provider, nil
		}
	}
	provider, err := saml.ParseMetadata([]byte(metadata), now)
	if err != nil {
		return saml.Provider{}, err
	}
	g.metadata.Put(digest, parsed{provider: provider, at: now})
	return provider, nil
}

// domainsOf are the e-mail domains that are reserved for a connection, as the log has them now:
// whatever a provider says, it vouches for nobody else's people (requirement 39).
func (g *Gate) domainsOf(id string) signin.Domains {
	return func(ctx context.Context, domain string) (bool, error) {
		_, holder, err := g.config.People.SignInOf(ctx, "anybody@"+domain)
		return holder == id, err
	}
}

// secret reads a client secret. Its text is nowhere but in the answer.
func (g *Gate) secret(reference string) (string, error) {
	if reference == "" {
		return "", nil
	}
	if g.config.SecretsDir == "" {
		return "", errors.New("read client secret: no directory of secrets is set")
	}
	root, err := os.OpenRoot(g.config.SecretsDir)
	if err != nil {
		return "", fmt.Errorf("read client secret: %w", err)
	}
	defer func() { _ = root.Close() }() // only looked into
	file, err := root.Open(reference)
	if err != nil {
		return "", fmt.Errorf("read client secret: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, secretBytesMax+1))
	if err != nil {
		return "", fmt.Errorf("read client secret: %w", err)
	}
	if text = bytes.TrimSpace(text); len(text) == 0 || len(text) > secretBytesMax {
		return "", fmt.Errorf("read client secret: file %s is empty or longer than %d bytes", reference, secretBytesMax)
	}
	return string(text), nil
}
