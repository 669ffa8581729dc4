package saml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/beevik/etree"
	rtvalidator "github.com/mattermost/xml-roundtrip-validator"
	dsig "github.com/russellhaering/goxmldsig"

	"casesync/adapters/identity/signin"
)

const (
	responseBytesMax = 256 << 10
	elementsMax      = 2000
	depthMax         = 32

	namespaceProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	namespaceAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	statusSuccess      = "urn:oasis:names:tc:SAML:2.0:status:Success"
	enveloped          = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
	exclusive          = "http://www.w3.org/2001/10/xml-exc-c14n#"
)

// What may sign and digest: nothing of SHA-1.
var (
	signatureMethods = []string{
		dsig.RSASHA256SignatureMethod, dsig.RSASHA384SignatureMethod, dsig.RSASHA512SignatureMethod,
		dsig.ECDSASHA256SignatureMethod, dsig.ECDSASHA384SignatureMethod, dsig.ECDSASHA512SignatureMethod,
	}
	digestMethods = []string{
		"http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmldsig-more#sha384", "http://www.w3.org/2001/04/xmlenc#sha512",
	}
)

// readXML reads XML of which there is one reading only. Before anything is parsed into a tree it
// refuses document types (and with them all entities), comments, processing instructions, other
// encodings than UTF-8, and what Go's reader would write differently from how it was.
func readXML(raw []byte, bytesMax int) (*etree.Element, error) {
	if len(raw) > bytesMax {
		return nil, fmt.Errorf("%d bytes are more than %d", len(raw), bytesMax)
	}
	if !utf8.Valid(raw) {
		return nil, errors.New("it is not UTF-8")
	}
	if err := checkTokens(raw); err != nil {
		return nil, err
	}
	if err := rtvalidator.Validate(bytes.NewReader(raw)); err != nil {
		return nil, err
	}
	document := etree.NewDocument()
	if err := document.ReadFromBytes(raw); err != nil {
		return nil, err
	}
	if document.Root() == nil {
		return nil, errors.New("it has no element")
	}
	return document.Root(), nil
}

func checkTokens(raw []byte) error {
	decoder := xml.NewDecoder(bytes.NewReader(raw))
	elements, depth, roots := 0, 0, 0
	for {
		at := decoder.InputOffset()
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.Directive:
			return errors.New("it has a document type")
		case xml.Comment:
			return errors.New("it has a comment")
		case xml.ProcInst:
			if at != 0 || token.Target != "xml" {
				return errors.New("it has a processing instruction")
			}
		case xml.CharData:
			if depth == 0 && len(bytes.TrimSpace(token)) > 0 {
				return errors.New("it has text outside of its element")
			}
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			elements, depth = elements+1, depth+1
		case xml.EndElement:
			depth--
		}
		if roots > 1 {
			return errors.New("it has two roots")
		}
		if elements > elementsMax || depth > depthMax {
			return fmt.Errorf("it has more than %d elements, or %d within each other", elementsMax, depthMax)
		}
	}
}

// checkShape refuses every response but the plain one: a response with a single assertion, signed
// as a whole, perhaps in a signed response, and no signature or second id anywhere else. So what
// is verified and what is read cannot be two things.
func checkShape(root *etree.Element) error {
	if !is(root, namespaceProtocol, "Response") {
		return signin.Refuse(signin.Malformed, "the root is %s", signin.Shorten(root.Tag))
	}
	if code := root.FindElement("./Status/StatusCode"); code == nil || code.SelectAttrValue("Value", "") != statusSuccess {
		value := ""
		if code != nil {
			value = code.SelectAttrValue("Value", "")
		}
		return signin.Refuse(signin.ProviderRefused, "status %s", signin.Shorten(value))
	}
	assertions, signatures, err := survey(root)
	if err != nil {
		return err
	}
	if len(assertions) != 1 || assertions[0].Parent() != root || !is(assertions[0], namespaceAssertion, "Assertion") {
		return signin.Refuse(signin.BadSignature, "%d assertions, or one in another place", len(assertions))
	}
	assertion := assertions[0]
	signed := map[*etree.Element]bool{}
	for _, signature := range signatures {
		parent := signature.Parent()
		if parent != root && parent != assertion || signed[parent] || !is(signature, dsig.Namespace, "Signature") {
			return signin.Refuse(signin.BadSignature, "a signature in another place than response and assertion")
		}
		signed[parent] = true
		if err := checkSignature(signature, parent); err != nil {
			return err
		}
	}
	if !signed[assertion] {
		return signin.Refuse(signin.BadSignature, "the assertion is not signed")
	}
	return checkAssertion(assertion)
}

func is(element *etree.Element, namespace, tag string) bool {
	return element.Tag == tag && element.NamespaceURI() == namespace
}

// survey finds all assertions and signatures, by their name in whatever namespace, and refuses
// encrypted ones, and ids that come twice.
func survey(root *etree.Element) (assertions, signatures []*etree.Element, err error) {
	ids := map[string]bool{}
	for _, element := range append(root.FindElements(".//*"), root) {
		switch strings.ToLower(element.Tag) {
		case "assertion":
			assertions = append(assertions, element)
		case "signature":
			signatures = append(signatures, element)
		case "encryptedassertion", "encryptedid", "encryptedattribute", "encrypteddata":
			return nil, nil, signin.Refuse(signin.Malformed, "it is encrypted, for which no key is published")
		case "response":
			if element != root {
				return nil, nil, signin.Refuse(signin.BadSignature, "a response in another place")
			}
		}
		for _, attribute := range element.Attr {
			if !strings.EqualFold(attribute.Key, "id") {
				continue
			}
			if attribute.Value == "" || ids[attribute.Value] {
				return nil, nil, signin.Refuse(signin.BadSignature, "an id is empty or comes twice")
			}
			ids[attribute.Value] = true
		}
	}
	return assertions, signatures, nil
}

// checkSignature wants a signature over its parent as a whole, by methods that protect it.
func checkSignature(signature, parent *etree.Element) error {
	for _, child := range signature.ChildElements() {
		if !slices.Contains([]string{"SignedInfo", "SignatureValue", "KeyInfo"}, child.Tag) {
			return signin.Refuse(signin.BadSignature, "a signature with %s", signin.Shorten(child.Tag))
		}
	}
	info, err := only(signature, "SignedInfo")
	if err != nil {
		return err
	}
	reference, err := only(info, "Reference")
	if err != nil {
		return err
	}
	if id := parent.SelectAttrValue("ID", ""); id == "" || reference.SelectAttrValue("URI", "") != "#"+id {
		return signin.Refuse(signin.BadSignature, "a signature over something else than what it stands in")
	}
	transforms, err := only(reference, "Transforms")
	if err != nil {
		return err
	}
	for _, transform := range transforms.ChildElements() {
		if algorithm := transform.SelectAttrValue("Algorithm", ""); algorithm != enveloped && algorithm != exclusive {
			return signin.Refuse(signin.BadSignature, "transform %s", signin.Shorten(algorithm))
		}
	}
	for _, rule := range []struct {
		in      *etree.Element
		tag     string
		allowed []string
	}{
		{info, "CanonicalizationMethod", []string{exclusive}}, {info, "SignatureMethod", signatureMethods}, {reference, "DigestMethod", digestMethods},
	} {
		method, err := only(rule.in, rule.tag)
		if err != nil {
			return err
		}
		if algorithm := method.SelectAttrValue("Algorithm", ""); !slices.Contains(rule.allowed, algorithm) {
			return signin.Refuse(signin.WeakAlgorithm, "%s %s", rule.tag, signin.Shorten(algorithm))
		}
	}
	return nil
}

// checkAssertion wants each part once, because readers differ in which of two they take.
func checkAssertion(assertion *etree.Element) error {
	for _, tag := range []string{"Issuer", "Conditions", "AuthnStatement"} {
		if _, err := only(assertion, tag); err != nil {
			return err
		}
	}
	if len(assertion.SelectElements("AttributeStatement")) > 1 {
		return signin.Refuse(signin.Malformed, "several AttributeStatement")
	}
	subject, err := only(assertion, "Subject")
	if err != nil {
		return err
	}
	if _, err := only(subject, "NameID"); err != nil {
		return err
	}
	confirmation, err := only(subject, "SubjectConfirmation")
	if err != nil {
		return err
	}
	_, err = only(confirmation, "SubjectConfirmationData")
	return err
}

// only returns the one child element of a tag.
func only(parent *etree.Element, tag string) (*etree.Element, error) {
	children := parent.SelectElements(tag)
	if len(children) != 1 {
		return nil, signin.Refuse(signin.Malformed, "%d %s in %s", len(children), tag, parent.Tag)
	}
	return children[0], nil
}
