package connection

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/reservation"
)

// Limits of settings.
const (
	// MetadataBytesMax is the longest SAML metadata.
	MetadataBytesMax = 256 << 10
	// EmailAttributesMax is the most names of attributes.
	EmailAttributesMax = 10

	urlBytesMax  = 2_000
	textRunesMax = 200
)

var (
	idPattern        = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,39}$`)
	referencePattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
)

// ValidID reports whether a connection can have the id. The one that stands for local accounts,
// where an e-mail domain names its holder, is none.
func ValidID(id string) bool { return idPattern.MatchString(id) && id != reservation.LocalHolder }

// ValidSecretReference reports whether name is of a file in the directory of secrets itself.
func ValidSecretReference(name string) bool {
	return referencePattern.MatchString(name) && name != "." && name != ".."
}

// read returns the settings as they are kept, or refuses what is not well formed in them.
func (s Settings) read() (Settings, error) {
	if !ValidID(s.ID) {
		return s, refuseID()
	}
	var err error
	switch s.Method {
	case account.OIDC:
		if !s.SAML.empty() {
			return s, refuseMixed()
		}
		s.OIDC, err = s.OIDC.read()
	case account.SAML:
		if s.OIDC != (OIDC{}) {
			return s, refuseMixed()
		}
		s.SAML, err = s.SAML.read()
	default:
		return s, refuseMethod()
	}
	return s, err
}

func (o OIDC) read() (OIDC, error) {
	o.Issuer, o.ClientID = strings.TrimSpace(o.Issuer), strings.TrimSpace(o.ClientID)
	switch {
	case !secureURL(o.Issuer, false):
		return o, refuseIssuer()
	case !plainText(o.ClientID):
		return o, refuseClientID()
	case !ValidSecretReference(o.SecretReference):
		return o, refuseSecretReference()
	}
	return o, nil
}

func (s SAML) empty() bool {
	return s.Metadata == "" && s.MetadataURL == "" && len(s.EmailAttributes) == 0
}

// read looks at the form of metadata alone: what they say is for the adapter that signs people in.
func (s SAML) read() (SAML, error) {
	s.Metadata, s.MetadataURL = strings.TrimSpace(s.Metadata), strings.TrimSpace(s.MetadataURL)
	if len(s.Metadata) > MetadataBytesMax || !utf8.ValidString(s.Metadata) ||
		!strings.HasPrefix(s.Metadata, "<") || !strings.Contains(s.Metadata, "EntityDescriptor") ||
		strings.Contains(s.Metadata, "PRIVATE KEY") {
		return s, refuseMetadata()
	}
	if s.MetadataURL != "" && !secureURL(s.MetadataURL, true) {
		return s, refuseMetadataURL()
	}
	if len(s.EmailAttributes) > EmailAttributesMax {
		return s, refuseEmailAttributes()
	}
	var names []string
	for _, name := range s.EmailAttributes {
		if name = strings.TrimSpace(name); !plainText(name) {
			return s, refuseEmailAttributes()
		}
		names = append(names, name)
	}
	s.EmailAttributes = names
	return s, nil
}

// plainText reports whether text is there, on one line, and not too long.
func plainText(text string) bool {
	return text != "" && utf8.ValidString(text) && utf8.RuneCountInString(text) <= textRunesMax &&
		!strings.ContainsFunc(text, unicode.IsControl)
}

// secureURL reports whether text is the https address of a host on the internet, or any address of
// this very machine, without a user or a fragment, and without a query unless it may have one.
func secureURL(text string, query bool) bool {
	parsed, err := url.Parse(text)
	if err != nil || len(text) > urlBytesMax || parsed.User != nil || parsed.Fragment != "" || strings.Contains(text, "#") ||
		!query && (parsed.RawQuery != "" || parsed.ForceQuery) {
		return false
	}
	if loopback(parsed.Hostname()) {
		return parsed.Scheme == "https" || parsed.Scheme == "http"
	}
	_, err = address.ParseDomain(parsed.Hostname())
	return err == nil && parsed.Scheme == "https"
}

func loopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }
