package saml

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"time"

	saml2 "github.com/russellhaering/gosaml2"
	"github.com/russellhaering/gosaml2/types"
	dsigtypes "github.com/russellhaering/goxmldsig/types"
)

const (
	metadataBytesMax = 1 << 20
	certificatesMax  = 10
	rsaBitsMin       = 2048
	metadataAge      = 7 * 24 * time.Hour // of ours, until it should be read again
)

// ParseMetadata reads what an identity provider publishes of itself: its name, where to send the
// browser by redirect, and the certificates it signs with. Its errors are for who onboards the
// business. It trusts the document: that it came from the business is for an operator to make
// sure of.
func ParseMetadata(document []byte, now time.Time) (Provider, error) {
	fail := func(err error) (Provider, error) { return Provider{}, fmt.Errorf("read SAML metadata: %w", err) }
	if _, err := readXML(document, metadataBytesMax); err != nil {
		return fail(err)
	}
	var entity types.EntityDescriptor
	if err := xml.Unmarshal(document, &entity); err != nil {
		return fail(fmt.Errorf("it must be one EntityDescriptor: %w", err))
	}
	descriptor := entity.IDPSSODescriptor
	switch {
	case entity.EntityID == "" || descriptor == nil:
		return fail(errors.New("it has no entityID or describes no identity provider"))
	case !entity.ValidUntil.IsZero() && !now.Before(entity.ValidUntil):
		return fail(fmt.Errorf("it was valid until %s: get the present one", entity.ValidUntil.UTC().Format(time.RFC3339)))
	}
	provider := Provider{EntityID: entity.EntityID}
	for _, service := range descriptor.SingleSignOnServices {
		if service.Binding == saml2.BindingHttpRedirect {
			provider.SignInURL = service.Location
		}
	}
	if err := checkAddress(provider.SignInURL); err != nil {
		return fail(fmt.Errorf("SingleSignOnService by HTTP-Redirect: %w", err))
	}
	for _, key := range descriptor.KeyDescriptors {
		if key.Use == "encryption" {
			continue
		}
		for _, c := range key.KeyInfo.X509Data.X509Certificates {
			certificate, err := parseCertificate(c.Data, now)
			if err != nil {
				return fail(err)
			}
			provider.Certificates = append(provider.Certificates, certificate)
		}
	}
	if n := len(provider.Certificates); n == 0 || n > certificatesMax {
		return fail(fmt.Errorf("%d certificates for signing instead of 1 to %d", n, certificatesMax))
	}
	return provider, nil
}

func parseCertificate(text string, now time.Time) (*x509.Certificate, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, errors.New("a certificate is not base64")
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, fmt.Errorf("a certificate cannot be read: %w", err)
	}
	if now.After(certificate.NotAfter) {
		return nil, fmt.Errorf("a certificate expired on %s: ask for the present one", certificate.NotAfter.UTC().Format(time.DateOnly))
	}
	if key, ok := certificate.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < rsaBitsMin {
		return nil, fmt.Errorf("a certificate's RSA key has %d bits, fewer than %d", key.N.BitLen(), rsaBitsMin)
	}
	return certificate, nil
}

// Metadata returns what this service publishes of itself towards a provider, as XML: for the
// business's IT department. No key for encryption is in it.
func (s *ServiceProvider) Metadata(provider Provider) ([]byte, error) {
	service := provider.ServiceID
	if service == "" {
		service = s.config.EntityID
	}
	descriptor := &types.SPSSODescriptor{
		AuthnRequestsSigned:        s.config.Key != nil,
		WantAssertionsSigned:       true,
		ProtocolSupportEnumeration: saml2.SAMLProtocolNamespace,
		AssertionConsumerServices:  []types.IndexedEndpoint{{Binding: saml2.BindingHttpPost, Location: s.config.Address, Index: 1}},
	}
	if s.config.Certificate != nil {
		data := []dsigtypes.X509Certificate{{Data: base64.StdEncoding.EncodeToString(s.config.Certificate.Raw)}}
		descriptor.KeyDescriptors = []types.KeyDescriptor{{Use: "signing", KeyInfo: dsigtypes.KeyInfo{X509Data: dsigtypes.X509Data{X509Certificates: data}}}}
	}
	text, err := xml.MarshalIndent(types.EntityDescriptor{
		EntityID: service, ValidUntil: s.config.Now().UTC().Truncate(time.Second).Add(metadataAge), SPSSODescriptor: descriptor,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write SAML metadata: %w", err)
	}
	return append([]byte(xml.Header), text...), nil
}
