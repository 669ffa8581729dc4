package saml

import (
	"path"
	"slices"
	"strings"
	"time"
)

// Facts are what a business's IT department has to know of this service provider.
type Facts struct {
	EntityID, Address string
	// EmailAttributes are the names of the attribute with the e-mail address, where none is agreed.
	EmailAttributes []string
	// Signatures are the short names of the algorithms that may sign, such as "rsa-sha256".
	Signatures []string
	RSABitsMin int
	// RequestsSigned is whether requests to providers are signed.
	RequestsSigned bool
	// SkewMax and AttemptAge are as in Config.
	SkewMax, AttemptAge time.Duration
}

// Facts returns what holds for every provider.
func (s *ServiceProvider) Facts() Facts {
	facts := Facts{
		EntityID: s.config.EntityID, Address: s.config.Address, EmailAttributes: slices.Clone(emailAttributes),
		RSABitsMin: rsaBitsMin, RequestsSigned: s.config.Key != nil, SkewMax: s.config.SkewMax, AttemptAge: s.config.AttemptAge,
	}
	for _, method := range signatureMethods {
		// "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
		_, name, _ := strings.Cut(path.Base(method), "#")
		facts.Signatures = append(facts.Signatures, name)
	}
	return facts
}
