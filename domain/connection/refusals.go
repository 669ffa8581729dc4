package connection

import (
	"fmt"

	"casesync/domain"
)

func refuse(code, reason string) error { return &domain.Refusal{Code: code, Reason: reason} }

func refuseMissing() error {
	return refuse("connection-unknown", "There is no such connection to an identity provider. Set it first.")
}

func refuseID() error {
	return refuse("connection-id-invalid", "Name the connection by 2 to 40 small letters, digits and hyphens, such as example-group; local is taken.")
}

func refuseMethod() error {
	return refuse("method-invalid", "A connection is by OIDC or by SAML.")
}

func refuseMixed() error {
	return refuse("settings-mixed", "Give the settings of OIDC or those of SAML, whichever the method is, not both.")
}

func refuseOtherMethod() error {
	return refuse("connection-method", "A connection keeps its method: people are bound to it. Make another connection, and configure the businesses with that one.")
}

func refuseIssuer() error {
	return refuse("issuer-invalid", "Give the issuer as an https:// address with a host name, without a query or a fragment, exactly as the provider's tokens have it.")
}

func refuseClientID() error {
	return refuse("client-id-invalid", fmt.Sprintf("Give the client id, of at most %d characters.", textRunesMax))
}

func refuseSecretReference() error {
	return refuse("secret-reference-invalid", "Name the file with the client secret by letters, digits, dots, hyphens and underscores, at most 100, without a folder. Never give the secret itself.")
}

func refuseMetadata() error {
	return refuse("metadata-invalid", fmt.Sprintf("Give the identity provider's SAML metadata as XML, of at most %d KiB, without private keys.", MetadataBytesMax>>10))
}

func refuseMetadataURL() error {
	return refuse("url-invalid", "Give the address of the metadata as https://, with a host name, without a user or a fragment.")
}

func refuseEmailAttributes() error {
	return refuse("email-attributes-invalid", fmt.Sprintf("Give at most %d names of attributes, each of at most %d characters.", EmailAttributesMax, textRunesMax))
}
