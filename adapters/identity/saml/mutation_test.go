package saml

import (
	"encoding/base64"
	"encoding/xml"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"casesync/adapters/identity/idptest"
	"casesync/adapters/identity/signin"
	"casesync/eventstore/sqldb/sqldbtest"
)

var mutants = flag.Int("saml.mutants", 4000, "how many responses TestMutants changes at random")

// judge says of a response whom it would sign in, as often as one likes: without the attempt that
// a real one uses up.
func (s *service) judge(response string, begun attempt) (signin.Identity, error) {
	raw, request, err := decode(response)
	if err != nil {
		return signin.Identity{}, err
	}
	if request != begun.RequestID {
		return signin.Identity{}, signin.Refuse(signin.AttemptOver, "another request")
	}
	provider := s.providers["north"]
	provider.ServiceID, provider.EmailAttributes = entityID, emailAttributes
	assertion, err := s.verify(raw, provider, begun)
	if err != nil {
		return signin.Identity{}, err
	}
	return identify(s.t.Context(), assertion, provider)
}

// genuine returns responses about ada, signed in the two ways that are taken.
func (s *service) genuine() map[string]string {
	_, one := s.begin(nil)
	_, both := s.begin(options{"signResponse": true})
	return map[string]string{"assertion": one, "both": both}
}

func (s *service) attemptOf(response string) attempt {
	return attempt{Provider: "north", RequestID: requestOf(s.t, response), StartedAt: time.Now().Add(-time.Second)}
}

// evilOf returns a copy of an assertion that is about somebody else.
func evilOf(assertion *etree.Element, id string) *etree.Element {
	evil := assertion.Copy()
	evil.CreateAttr("ID", id)
	evil.FindElement("./Subject/NameID").SetText("eve")
	for _, value := range evil.FindElements(".//AttributeValue") {
		value.SetText(strings.ReplaceAll(value.Text(), "ada", "eve"))
	}
	return evil
}

func unsigned(element *etree.Element) *etree.Element {
	copied := element.Copy()
	if signature := copied.SelectElement("Signature"); signature != nil {
		copied.RemoveChild(signature)
	}
	return copied
}

func object(signature, content *etree.Element) {
	holder := signature.CreateElement("Object")
	holder.AddChild(content)
}

// wrappings move the signed part to where it still verifies, and put another where it is read: the
// eight of Somorovsky et al. (On Breaking SAML, 2012) for both places of a signature, and more.
var wrappings = map[string]func(root, assertion *etree.Element){
	"1: response within the signature of a false one": func(root, assertion *etree.Element) {
		original := unsigned(root)
		root.CreateAttr("ID", "_evil")
		swap(root, assertion, evilOf(assertion, assertion.SelectAttrValue("ID", "")))
		if signature := root.SelectElement("Signature"); signature != nil {
			object(signature, original)
		} else {
			root.AddChild(original)
		}
	},
	"2: response beside the signature": func(root, assertion *etree.Element) {
		original := unsigned(root)
		root.CreateAttr("ID", "_evil")
		swap(root, assertion, evilOf(assertion, "_evil2"))
		root.InsertChildAt(0, original)
	},
	"3: false assertion first":           func(root, a *etree.Element) { root.InsertChildAt(a.Index(), unsigned(evilOf(a, "_evil"))) },
	"3b: false assertion last":           func(root, a *etree.Element) { root.AddChild(unsigned(evilOf(a, "_evil"))) },
	"3c: false signed assertion first":   func(root, a *etree.Element) { root.InsertChildAt(a.Index(), evilOf(a, "_evil")) },
	"3d: false assertion of the same id": func(root, a *etree.Element) { root.InsertChildAt(a.Index(), evilOf(a, a.SelectAttrValue("ID", ""))) },
	"4: original within the false one": func(root, a *etree.Element) {
		evil := unsigned(evilOf(a, "_evil"))
		swap(root, a, evil)
		evil.AddChild(a)
	},
	"5: signature moved to the false one": func(root, a *etree.Element) {
		evil := evilOf(a, "_evil")
		swap(root, a, evil)
		root.AddChild(unsigned(a))
	},
	"6: original in the false one's signature": func(root, a *etree.Element) {
		evil := evilOf(a, "_evil")
		swap(root, a, evil)
		evil.SelectElement("Signature").AddChild(unsigned(a))
	},
	"7: false one in extensions": func(root, a *etree.Element) {
		extensions := etree.NewElement("samlp:Extensions")
		extensions.AddChild(unsigned(evilOf(a, a.SelectAttrValue("ID", ""))))
		root.InsertChildAt(0, extensions)
	},
	"8: original in an object of the false one's signature": func(root, a *etree.Element) {
		evil := evilOf(a, "_evil")
		swap(root, a, evil)
		object(evil.SelectElement("Signature"), unsigned(a))
	},
	"original in the status": func(root, a *etree.Element) {
		swap(root, a, unsigned(evilOf(a, "_evil")))
		root.SelectElement("Status").CreateElement("samlp:StatusDetail").AddChild(a)
	},
	"original in a foreign element": func(root, a *etree.Element) {
		swap(root, a, unsigned(evilOf(a, "_evil")))
		root.CreateElement("wrapper").AddChild(a)
	},
	"original in an attribute's value": func(root, a *etree.Element) {
		evil := unsigned(evilOf(a, "_evil"))
		swap(root, a, evil)
		evil.FindElement(".//AttributeValue").AddChild(a)
	},
	"assertion in no namespace": func(root, a *etree.Element) {
		evil := unsigned(evilOf(a, "_evil"))
		evil.Space = ""
		evil.CreateAttr("xmlns", "urn:x")
		root.AddChild(evil)
	},
	"another response around": func(root, a *etree.Element) {
		inner := root.Copy()
		root.AddChild(inner)
		swap(root, a, unsigned(evilOf(a, "_evil")))
	},
	"another subject beside": func(_, a *etree.Element) { a.AddChild(evilOf(a, "_evil").SelectElement("Subject")) },
	"another subject before": func(_, a *etree.Element) { a.InsertChildAt(0, evilOf(a, "_evil").SelectElement("Subject")) },
	"another name id": func(_, a *etree.Element) {
		a.SelectElement("Subject").InsertChildAt(0, evilOf(a, "_evil").FindElement("./Subject/NameID"))
	},
	"another attribute statement": func(_, a *etree.Element) { a.AddChild(evilOf(a, "_evil").SelectElement("AttributeStatement")) },
	"the name changed":            func(_, a *etree.Element) { a.FindElement("./Subject/NameID").SetText("eve") },
	"the audience added": func(_, a *etree.Element) {
		a.FindElement(".//AudienceRestriction").CreateElement("saml:Audience").SetText(entityID)
	},
	"the signature removed":           func(_, a *etree.Element) { a.RemoveChild(a.SelectElement("Signature")) },
	"the signature twice":             func(_, a *etree.Element) { a.InsertChildAt(1, a.SelectElement("Signature").Copy()) },
	"signature over everything (URI)": func(_, a *etree.Element) { a.FindElement(".//Reference").CreateAttr("URI", "") },
	"signature over nothing (URI)":    func(_, a *etree.Element) { a.FindElement(".//Reference").CreateAttr("URI", "#x") },
	"a second reference": func(_, a *etree.Element) {
		info := a.FindElement(".//SignedInfo")
		info.AddChild(info.SelectElement("Reference").Copy())
	},
	"a second SignedInfo": func(_, a *etree.Element) {
		s := a.SelectElement("Signature")
		s.AddChild(s.SelectElement("SignedInfo").Copy())
	},
	"XSLT transform": func(_, a *etree.Element) {
		a.FindElement(".//Transform").CreateAttr("Algorithm", "http://www.w3.org/TR/1999/REC-xslt-19991116")
	},
	"XPath transform": func(_, a *etree.Element) {
		a.FindElement(".//Transforms").CreateElement("Transform").CreateAttr("Algorithm", "http://www.w3.org/TR/1999/REC-xpath-19991116")
	},
	"canonicalisation with comments": func(_, a *etree.Element) {
		a.FindElement(".//CanonicalizationMethod").CreateAttr("Algorithm", exclusive+"WithComments")
	},
	"no transforms": func(_, a *etree.Element) {
		r := a.FindElement(".//Reference")
		r.RemoveChild(r.SelectElement("Transforms"))
	},
	"HMAC instead of RSA": func(_, a *etree.Element) {
		a.FindElement(".//SignatureMethod").CreateAttr("Algorithm", "http://www.w3.org/2000/09/xmldsig#hmac-sha1")
	},
	"the digest of something else": func(_, a *etree.Element) { a.FindElement(".//DigestValue").SetText("AAAA") },
	"another certificate":          func(_, a *etree.Element) { a.FindElement(".//X509Certificate").SetText("AAAA") },
	"a comment in the name":        func(_, a *etree.Element) { a.FindElement("./Subject/NameID").CreateComment("x") },
	"an instruction in the name":   func(_, a *etree.Element) { a.FindElement("./Subject/NameID").CreateProcInst("x", "y") },
	"an empty id":                  func(root, _ *etree.Element) { root.CreateElement("x").CreateAttr("ID", "") },
	"an id of other letters":       func(root, a *etree.Element) { root.CreateElement("x").CreateAttr("Id", a.SelectAttrValue("ID", "")) },
}

func swap(root, old, replacement *etree.Element) {
	at := old.Index()
	root.RemoveChild(old)
	root.InsertChildAt(at, replacement)
}

func TestWrappings(t *testing.T) {
	t.Parallel()
	idp := idptest.Start(t)
	s := start(t, idp, sqldbtest.SQLite(t), nil)
	for base, response := range s.genuine() {
		begun := s.attemptOf(response)
		if got, err := s.judge(response, begun); err != nil || got.Subject != "ada" {
			t.Fatalf("%s: unchanged: got %+v, %v, want ada", base, got, err)
		}
		for name, wrap := range wrappings {
			changed := s.edit(response, func(root *etree.Element) { wrap(root, root.SelectElement("Assertion")) })
			if got, err := s.judge(changed, begun); signin.CodeOf(err) == "" {
				t.Errorf("%s, %s: got %+v, %v, want a refusal", base, name, got, err)
			}
		}
	}
	// The same edit without a change is taken: it is the wrapping that is refused.
	for base, response := range s.genuine() {
		if got, err := s.judge(s.edit(response, func(*etree.Element) {}), s.attemptOf(response)); err != nil || got.Subject != "ada" {
			t.Errorf("%s: rewritten: got %+v, %v, want ada", base, got, err)
		}
	}
}

// TestUnreadable: what two readers could read as two things is refused before it is parsed.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	idp := idptest.Start(t)
	s := start(t, idp, sqldbtest.SQLite(t), nil)
	_, response := s.begin(nil)
	begun := s.attemptOf(response)
	text, err := base64.StdEncoding.DecodeString(response)
	if err != nil {
		t.Fatal(err)
	}
	genuine := string(text)
	bomb := "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\">"
	for i := 'b'; i < 'k'; i++ {
		bomb += fmt.Sprintf("<!ENTITY %c \"%s\">", i, strings.Repeat(fmt.Sprintf("&%c;", i-1), 10))
	}
	bomb += "]>"
	for name, changed := range map[string]string{
		"entity expansion":     bomb + strings.Replace(genuine, ">ada<", ">&j;<", 1),
		"external entity":      `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>` + strings.Replace(genuine, ">ada<", ">&e;<", 1),
		"document type":        "<!DOCTYPE x>" + genuine,
		"unknown entity":       strings.Replace(genuine, ">ada<", ">&e;<", 1),
		"comment":              strings.Replace(genuine, ">ada<", ">ada<!---->.evil<", 1),
		"comment at the end":   genuine + "<!-- -->",
		"instruction":          genuine + "<?x y?>",
		"other encoding":       `<?xml version="1.0" encoding="UTF-16"?>` + genuine,
		"no UTF-8":             strings.Replace(genuine, ">ada<", ">ada\xff<", 1),
		"two roots":            genuine + genuine,
		"text after the end":   genuine + "x",
		"not closed":           strings.TrimSuffix(genuine, "</samlp:Response>"),
		"closed by another":    strings.TrimSuffix(genuine, "</samlp:Response>") + "</samlp:Other>",
		"deep":                 strings.Repeat("<a>", depthMax+1) + strings.Repeat("</a>", depthMax+1),
		"many elements":        "<a>" + strings.Repeat("<b/>", elementsMax) + "</a>",
		"long":                 genuine + strings.Repeat(" ", responseBytesMax),
		"colons":               strings.Replace(genuine, "<saml:Subject>", "<::saml:Subject>", 1),
		"directive":            strings.Replace(genuine, ">ada<", "><![X[ada]]><", 1),
		"another document":     "<Response/>",
		"empty":                "",
		"deflated, or garbage": "\x00\x01\x02",
	} {
		_, err := s.judge(base64.StdEncoding.EncodeToString([]byte(changed)), begun)
		if code := signin.CodeOf(err); code != signin.Malformed {
			t.Errorf("%s: got %v, want %s", name, err, signin.Malformed)
		}
	}
	for name, changed := range map[string]string{"no base64": "%%%", "endless": strings.Repeat("A", 4<<20)} {
		if _, err := s.judge(changed, begun); signin.CodeOf(err) != signin.Malformed {
			t.Errorf("%s: got %v, want %s", name, err, signin.Malformed)
		}
	}
}

// TestMutants changes genuine responses at random, and wants the true identity or a refusal. The
// seed is printed, so that a failure can be had again. A run of a million: -saml.mutants 1000000.
func TestMutants(t *testing.T) {
	t.Parallel()
	idp := idptest.Start(t)
	s := start(t, idp, sqldbtest.SQLite(t), nil)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	bases, taken := s.genuine(), 0
	for base, response := range bases {
		begun := s.attemptOf(response)
		want, err := s.judge(response, begun)
		if err != nil {
			t.Fatal(err)
		}
		genuine, _ := base64.StdEncoding.DecodeString(response)
		for range *mutants / len(bases) {
			changed := mutate(random, genuine)
			got, err := s.judge(base64.StdEncoding.EncodeToString(changed), begun)
			switch {
			case err == nil && got == want:
				taken++ // what was changed is not signed
			case signin.CodeOf(err) == "":
				t.Fatalf("%s, seed %d: got %+v, %v, want %+v or a refusal of\n%s", base, seed, got, err, want, changed)
			}
		}
	}
	if taken == *mutants {
		t.Error("every mutant was taken: nothing was changed")
	}
	t.Logf("seed %d: %d of %d mutants were as good as the original", seed, taken, *mutants)
}

// mutate changes bytes, or copies, moves or removes a part.
func mutate(random *rand.Rand, genuine []byte) []byte {
	text := append([]byte(nil), genuine...)
	for range 1 + random.IntN(3) {
		from := random.IntN(len(text))
		to := min(len(text), from+1+random.IntN(300))
		switch part := append([]byte(nil), text[from:to]...); random.IntN(6) {
		case 0:
			text[from] = byte(random.IntN(256))
		case 1:
			text[from] ^= 1 << random.IntN(8)
		case 2:
			text = append(text[:from], text[to:]...)
		case 3, 4:
			at := random.IntN(len(text))
			text = append(text[:at], append(part, text[at:]...)...)
		case 5:
			words := []string{"ada", "eve", "ID=\"", "<!---->", "saml:", "Assertion", "northbank", "]]>", "&#97;", " "}
			text = append(text[:from], append([]byte(words[random.IntN(len(words))]), text[from:]...)...)
		}
		if len(text) == 0 {
			return text
		}
	}
	return text
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" InResponseTo="x"><Status><StatusCode Value="` + statusSuccess + `"/></Status></samlp:Response>`))
	f.Add([]byte(`<a ID="1"><b ID="1"/></a>`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, _, err := decode(base64.StdEncoding.EncodeToString(raw))
		if err == nil && !strings.Contains(string(raw), "SignatureValue") {
			t.Errorf("%q has the shape of a signed response", raw)
		}
		if err != nil && signin.CodeOf(err) == "" {
			t.Errorf("%q: got %v, want a refusal", raw, err)
		}
	})
}

func metadata(certificate string) string {
	return `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example">
<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>` + certificate + `</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/post"/>
<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/redirect"/>
</IDPSSODescriptor></EntityDescriptor>`
}

func TestParseMetadata(t *testing.T) {
	t.Parallel()
	_, certificate := idptest.NewCertificate(t, time.Now())
	good := metadata(base64.StdEncoding.EncodeToString(certificate.Raw))
	got, err := ParseMetadata([]byte(xml.Header+good), time.Now())
	if err != nil || got.EntityID != "https://idp.example" || got.SignInURL != "https://idp.example/redirect" || len(got.Certificates) != 1 || !got.Certificates[0].Equal(certificate) {
		t.Errorf("got %+v, %v, want name, address by redirect and certificate", got, err)
	}
	for name, c := range map[string]struct{ document, want string }{
		"document type":     {"<!DOCTYPE x>" + good, "document type"},
		"no metadata":       {"<html/>", "EntityDescriptor"},
		"no provider":       {`<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="x"/>`, "describes no identity provider"},
		"no entity id":      {strings.Replace(good, ` entityID="https://idp.example"`, "", 1), "no entityID"},
		"too old":           {strings.Replace(good, "<EntityDescriptor ", `<EntityDescriptor validUntil="2020-01-01T00:00:00Z" `, 1), "valid until"},
		"plain http":        {strings.Replace(good, "https://idp.example/redirect", "http://idp.example/redirect", 1), "must be https"},
		"POST only":         {strings.Replace(good, "HTTP-Redirect", "HTTP-Artifact", 1), "HTTP-Redirect"},
		"no certificate":    {strings.Replace(good, `use="signing"`, `use="encryption"`, 1), "0 certificates"},
		"broken":            {metadata("AAAA"), "cannot be read"},
		"no base64":         {metadata("%"), "not base64"},
		"very long":         {good + strings.Repeat(" ", metadataBytesMax), "more than"},
		"not closed at all": {good[:200], "read SAML metadata"},
	} {
		if _, err := ParseMetadata([]byte(c.document), time.Now()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
	if _, err := ParseMetadata([]byte(good), time.Now().AddDate(1, 0, 0)); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("certificate expired: got %v, want an error", err)
	}
}

func FuzzParseMetadata(f *testing.F) {
	f.Add([]byte(metadata("AAAA")))
	f.Fuzz(func(t *testing.T, document []byte) {
		if provider, err := ParseMetadata(document, time.Now()); err == nil && provider.check() != nil {
			t.Errorf("%q gives %+v", document, provider)
		}
	})
}
