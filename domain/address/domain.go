// Package address reads e-mail addresses and domain names as people type them, and gives each one
// canonical form, so that two ways of writing an address are one address, and two addresses that
// only look alike are not (requirements 24, 35 and 39).
//
// It promises that a canonical form reads back as itself, that addresses with the same canonical
// form reach the same mailbox, and that no domain is accepted which could pass for another one by
// letters of a different script.
//
//	"Ada@EXAMPLE.co.uk." is ada@example.co.uk   upper and lower case, the root's dot
//	"ada+news@…"         is ada@…               what follows a plus is the mailbox owner's own note
//	"bücher.example"     is xn--bcher-kva.example
//	"еxample.com"        is refused             its first letter is Cyrillic
//
// Refusals are *domain.Refusal with the codes below; their reasons never repeat what was typed.
package address

import (
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"casesync/domain"
)

// Codes of refusals.
const (
	// CodeDomainInvalid: not a domain name of the internet.
	CodeDomainInvalid = "domain-invalid"
	// CodeDomainLookAlike: letters of another script, by which it can be taken for another domain.
	CodeDomainLookAlike = "domain-look-alike"
	// CodeDomainShared: a domain under which anybody can get an address, such as a mail provider's
	// or a whole registry's.
	CodeDomainShared = "domain-shared"
	// CodeEmailInvalid: not an e-mail address that mail can be sent to.
	CodeEmailInvalid = "email-invalid"
	// CodeEmailShared: a mailbox that several people read.
	CodeEmailShared = "email-shared"
)

// domainBytesMax is the longest domain name that mail can be sent to, of RFC 5321.
const domainBytesMax = 253

// Domain is a domain name in canonical form: lower case, in the ASCII form of internationalised
// names, without a dot at its end. Get one by ParseDomain.
type Domain string

// profile is how names are looked up (UTS 46, non-transitional), with the rules of host names.
var profile = idna.New(
	idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(true),
	idna.VerifyDNSLength(true), idna.CheckHyphens(true), idna.CheckJoiners(true),
)

// ParseDomain reads a domain name; it is refused as invalid, or as a look-alike.
func ParseDomain(text string) (Domain, error) {
	text = strings.TrimSuffix(strings.TrimSpace(text), ".")
	if text == "" || len(text) > 4*domainBytesMax {
		return "", invalidDomain()
	}
	ascii, err := profile.ToASCII(text)
	if err != nil || len(ascii) > domainBytesMax || !hostName(ascii) {
		return "", invalidDomain()
	}
	// What is shown is what matters: the name is judged by its letters, not as it was typed.
	shown, err := profile.ToUnicode(ascii)
	if err != nil {
		return "", invalidDomain()
	}
	// A name that lookup would change again is not canonical, and might be taken in two ways.
	if again, err := profile.ToASCII(shown); err != nil || again != ascii {
		return "", invalidDomain()
	}
	for label := range strings.SplitSeq(shown, ".") {
		if lookAlike(label) {
			return "", &domain.Refusal{
				Code:   CodeDomainLookAlike,
				Reason: "The domain mixes or imitates letters of different alphabets. Type it again on a keyboard for one alphabet.",
			}
		}
	}
	return Domain(ascii), nil
}

// ParseBusinessDomain reads a domain whose mailboxes one business gives out: ParseDomain, and
// refused as shared where anybody may have an address under it.
func ParseBusinessDomain(text string) (Domain, error) {
	parsed, err := ParseDomain(text)
	if err != nil {
		return "", err
	}
	if suffix, _ := publicsuffix.PublicSuffix(string(parsed)); suffix == string(parsed) || mailProviders[string(parsed)] {
		return "", &domain.Refusal{
			Code:   CodeDomainShared,
			Reason: "Anybody can have an e-mail address under this domain. Give a domain that belongs to the business alone.",
		}
	}
	return parsed, nil
}

// Unicode returns the name as it is shown to people.
func (d Domain) Unicode() string {
	shown, err := profile.ToUnicode(string(d))
	if err != nil {
		return string(d)
	}
	return shown
}

// hostName reports whether an ASCII name has at least two labels and its last is no number: it is
// neither a bare word nor an internet address.
func hostName(ascii string) bool {
	last := ascii[strings.LastIndexByte(ascii, '.')+1:]
	return strings.Contains(ascii, ".") && strings.Trim(last, "0123456789") != ""
}

func invalidDomain() error {
	return &domain.Refusal{
		Code:   CodeDomainInvalid,
		Reason: "This is not a domain name. Give what stands after the @ of the business's e-mail addresses, such as example.co.uk.",
	}
}

// mailProviders are domains of large providers under which anybody can have an address. The list
// cannot be whole: it catches what is typed by mistake, and operators check the rest.
var mailProviders = set(
	"aol.com", "bt.com", "btinternet.com", "fastmail.com", "gmail.com", "gmx.com", "gmx.net", "googlemail.com",
	"hotmail.co.uk", "hotmail.com", "icloud.com", "live.co.uk", "live.com", "mac.com", "mail.com", "me.com", "msn.com",
	"ntlworld.com", "outlook.com", "proton.me", "protonmail.com", "sky.com", "talktalk.net", "tiscali.co.uk",
	"virginmedia.com", "yahoo.co.uk", "yahoo.com", "ymail.com", "zoho.com",
)

func set(words ...string) map[string]bool {
	set := make(map[string]bool, len(words))
	for _, word := range words {
		set[word] = true
	}
	return set
}
