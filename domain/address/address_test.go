package address_test

import (
	"errors"
	"strings"
	"testing"

	"casesync/domain"
	"casesync/domain/address"
)

// code returns the code of a refusal, "" for none.
func code(t *testing.T, err error) string {
	t.Helper()
	var refusal *domain.Refusal
	if err != nil && !errors.As(err, &refusal) {
		t.Fatalf("got %v, want a refusal", err)
	}
	if refusal == nil {
		return ""
	}
	if refusal.Reason == "" {
		t.Errorf("refusal %s has no reason", refusal.Code)
	}
	return refusal.Code
}

func TestParseDomain(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 63)
	for _, test := range []struct{ text, want, refused string }{
		{text: "example.co.uk", want: "example.co.uk"},
		{text: "  Example.CO.UK. ", want: "example.co.uk"},
		{text: "mail-2.example.com", want: "mail-2.example.com"},
		{text: "ｅｘａｍｐｌｅ．ｃｏｍ", want: "example.com"}, // full-width forms
		{text: "example。com", want: "example.com"}, // the ideographic full stop
		{text: "Bücher.example", want: "xn--bcher-kva.example"},
		{text: "bu\u0308cher.example", want: "xn--bcher-kva.example"}, // decomposed
		{text: "XN--BCHER-KVA.example", want: "xn--bcher-kva.example"},
		{text: "fußball.example", want: "xn--fuball-cta.example"}, // not fussball
		{text: "пример.рф", want: "xn--e1afmkfd.xn--p1ai"},
		{text: "пример.укр", want: "xn--e1afmkfd.xn--j1amh"},
		{text: "παράδειγμα.ευ", want: "xn--hxajbheg2az3al.xn--qxa6a"},
		{text: "株式会社サンプル.example", want: "xn--vck8cuc4a1026aj9tgsonh6a.example"},
		{text: long + ".example", want: long + ".example"},

		{text: "", refused: address.CodeDomainInvalid},
		{text: ".", refused: address.CodeDomainInvalid},
		{text: "example", refused: address.CodeDomainInvalid},
		{text: "example..com", refused: address.CodeDomainInvalid},
		{text: ".example.com", refused: address.CodeDomainInvalid},
		{text: "192.0.2.1", refused: address.CodeDomainInvalid},
		{text: "[192.0.2.1]", refused: address.CodeDomainInvalid},
		{text: "exam_ple.com", refused: address.CodeDomainInvalid},
		{text: "exam ple.com", refused: address.CodeDomainInvalid},
		{text: "-example.com", refused: address.CodeDomainInvalid},
		{text: "example-.com", refused: address.CodeDomainInvalid},
		{text: "example.com\x00", refused: address.CodeDomainInvalid},
		{text: "exa\u200dmple.com", refused: address.CodeDomainInvalid}, // a joiner that joins nothing
		{text: "ab--example.com", refused: address.CodeDomainInvalid},
		{text: "xn--\u00e9.com", refused: address.CodeDomainInvalid},
		{text: "xn--example.com", refused: address.CodeDomainInvalid}, // stands for nothing, or for itself
		{text: long + "a.example", refused: address.CodeDomainInvalid},
		{text: strings.Repeat("aaaaaaa.", 32) + "example", refused: address.CodeDomainInvalid},
		{text: strings.Repeat("a", 5000), refused: address.CodeDomainInvalid},

		{text: "еxample.com", refused: address.CodeDomainLookAlike},        // Cyrillic е
		{text: "xn--xample-2of.com", refused: address.CodeDomainLookAlike}, // the same, encoded
		{text: "exαmple.com", refused: address.CodeDomainLookAlike},        // Greek α
		{text: "раурау.com", refused: address.CodeDomainLookAlike},         // Cyrillic throughout
		{text: "сора.com", refused: address.CodeDomainLookAlike},
		{text: "bankサンプル.example", refused: address.CodeDomainLookAlike},
	} {
		got, err := address.ParseDomain(test.text)
		if string(got) != test.want || code(t, err) != test.refused {
			t.Errorf("domain %.40q: got %q, %v, want %q, %q", test.text, got, err, test.want, test.refused)
		}
	}
}

func TestParseBusinessDomain(t *testing.T) {
	t.Parallel()
	for text, refused := range map[string]string{
		"example.co.uk":          "",
		"mail.example.co.uk":     "",
		"Gmail.com":              address.CodeDomainShared,
		"co.uk":                  address.CodeDomainShared,
		"blogspot.com":           address.CodeDomainShared,
		"еxample.com":            address.CodeDomainLookAlike,
		"not a domain":           address.CodeDomainInvalid,
		"example.blogspot.co.uk": "",
	} {
		got, err := address.ParseBusinessDomain(text)
		if code(t, err) != refused || (got == "") != (refused != "") {
			t.Errorf("domain %q: got %q, %v, want %q", text, got, err, refused)
		}
	}
}

func TestUnicode(t *testing.T) {
	t.Parallel()
	if got, want := address.Domain("xn--bcher-kva.example").Unicode(), "bücher.example"; got != want {
		t.Errorf("shown: got %q, want %q", got, want)
	}
	if got, want := address.Domain("xn--\xff").Unicode(), "xn--\xff"; got != want {
		t.Errorf("shown: got %q, want it as it is", got)
	}
}

func TestParseEmail(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, mail, canonical, refused string }{
		{text: "ada@example.com", mail: "ada@example.com", canonical: "ada@example.com"},
		{text: " Ada.Byron@EXAMPLE.com. ", mail: "ada.byron@example.com", canonical: "ada.byron@example.com"},
		{text: "ada+fos+2@example.com", mail: "ada+fos+2@example.com", canonical: "ada@example.com"},
		{text: "ada+@example.com", mail: "ada+@example.com", canonical: "ada@example.com"},
		{text: "o'brien@example.com", mail: "o'brien@example.com", canonical: "o'brien@example.com"},
		{text: "ada@bücher.example", mail: "ada@xn--bcher-kva.example", canonical: "ada@xn--bcher-kva.example"},
		{text: "ada@ｅxample.com", mail: "ada@example.com", canonical: "ada@example.com"},
		{text: "informatics@example.com", mail: "informatics@example.com", canonical: "informatics@example.com"},

		{text: "", refused: address.CodeEmailInvalid},
		{text: "ada", refused: address.CodeEmailInvalid},
		{text: "@example.com", refused: address.CodeEmailInvalid},
		{text: "ada@@example.com", refused: address.CodeEmailInvalid},
		{text: ".ada@example.com", refused: address.CodeEmailInvalid},
		{text: "ada.@example.com", refused: address.CodeEmailInvalid},
		{text: "ada.+fos@example.com", refused: address.CodeEmailInvalid},
		{text: "ada..b@example.com", refused: address.CodeEmailInvalid},
		{text: "+fos@example.com", refused: address.CodeEmailInvalid},
		{text: `"ada"@example.com`, refused: address.CodeEmailInvalid},
		{text: "ada <ada@example.com>", refused: address.CodeEmailInvalid},
		{text: "a da@example.com", refused: address.CodeEmailInvalid},
		{text: "ada,bob@example.com", refused: address.CodeEmailInvalid},
		{text: "аda@example.com", refused: address.CodeEmailInvalid}, // Cyrillic а
		{text: "ada\r\nbcc: x@example.com", refused: address.CodeEmailInvalid},
		{text: strings.Repeat("a", 65) + "@example.com", refused: address.CodeEmailInvalid},
		{text: strings.Repeat("a", 64) + "@" + strings.Repeat("bbbbbbb.", 24) + "example", refused: address.CodeEmailInvalid},
		{text: "ada@example", refused: address.CodeDomainInvalid},
		{text: "ada@[192.0.2.1]", refused: address.CodeDomainInvalid},
		{text: "ada@еxample.com", refused: address.CodeDomainLookAlike},
		{text: "Complaints@example.com", refused: address.CodeEmailShared},
		{text: "info+ada@example.com", refused: address.CodeEmailShared},
	} {
		got, err := address.ParseEmail(test.text)
		if got.String() != test.mail || got.Canonical() != test.canonical || code(t, err) != test.refused {
			t.Errorf("e-mail %.40q: got %q, %q, %v, want %q, %q, %q",
				test.text, got, got.Canonical(), err, test.mail, test.canonical, test.refused)
		}
	}
	ada, err := address.ParseEmail("ada+x@Example.com")
	if err != nil || ada.Domain() != "example.com" {
		t.Errorf("domain: got %q, %v, want example.com", ada.Domain(), err)
	}
}

// FuzzParseDomain: a canonical form is ASCII, in lower case, reads back as itself, and so does what
// is shown for it.
func FuzzParseDomain(f *testing.F) {
	for _, seed := range []string{"example.co.uk", "Bücher.example", "еxample.com", "xn--bcher-kva.example", "a。b", "株式会社.jp", "xn--a.b", "ex\u00admple.com"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, err := address.ParseDomain(text)
		if err != nil {
			if code(t, err) == "" || first != "" {
				t.Fatalf("refused %q: got %q, %v", text, first, err)
			}
			return
		}
		for _, form := range []string{string(first), first.Unicode(), strings.ToUpper(string(first)), string(first) + "."} {
			if again, err := address.ParseDomain(form); err != nil || again != first {
				t.Fatalf("%q is %q; %q is %q, %v", text, first, form, again, err)
			}
		}
		if strings.Trim(string(first), "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
			t.Fatalf("canonical form of %q: got %q", text, first)
		}
	})
}

// FuzzParseEmail: both forms read back as themselves, and writing an address otherwise changes
// neither the person nor the domain.
func FuzzParseEmail(f *testing.F) {
	for _, seed := range []string{"ada@example.com", "Ada+1@bücher.example", "a@b@c.de", "info@example.com", "ada@еxample.com"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, err := address.ParseEmail(text)
		if err != nil {
			if code(t, err) == "" || first != (address.Email{}) {
				t.Fatalf("refused %q: got %q, %v", text, first, err)
			}
			return
		}
		name, _, _ := strings.Cut(first.Canonical(), "@")
		for _, form := range []string{
			first.String(), first.Canonical(), strings.ToUpper(first.String()), name + "+@" + string(first.Domain()),
		} {
			again, err := address.ParseEmail(form)
			if len(form) <= 254 && len(name) < 64 && (err != nil || again.Canonical() != first.Canonical()) {
				t.Fatalf("%q is %q; %q is %q, %v", text, first.Canonical(), form, again.Canonical(), err)
			}
		}
		if strings.ContainsAny(first.String(), " \r\n<>\"(),:;\\") || strings.Count(first.String(), "@") != 1 {
			t.Fatalf("mail address of %q: got %q", text, first)
		}
	})
}
