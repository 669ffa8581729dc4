package gate

import (
	"casesync/adapters/identity/local"
	"casesync/adapters/identity/oidc"
	"casesync/adapters/identity/saml"
)

// Facts are what people have to know before they sign in here: the IT departments of businesses most of all.
type Facts struct {
	// RedirectURL is where OpenID Connect providers send browsers back to.
	RedirectURL string
	// MetadataURL is where SAML metadata of this service are; a slash and the connection's id follow it.
	MetadataURL string

	OIDC  oidc.Facts
	SAML  saml.Facts
	Local local.Facts
}

// Facts returns what is in force.
func (g *Gate) Facts() Facts {
	return Facts{
		RedirectURL: g.config.PublicURL + pathOIDC, MetadataURL: g.config.PublicURL + pathSAMLMetadata,
		OIDC: g.oidc.Facts(), SAML: g.saml.Facts(), Local: g.config.Local.Facts(),
	}
}
