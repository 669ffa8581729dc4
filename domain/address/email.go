package address

import (
	"strings"

	"casesync/domain"
)

// localBytesMax and emailBytesMax are the longest local part, and the longest address, that mail
// can be sent to, of RFC 5321.
const (
	localBytesMax = 64
	emailBytesMax = 254
)

// Email is an e-mail address of one person. Get one by ParseEmail. Its zero value is no address.
type Email struct {
	local  string
	domain Domain
}

// ParseEmail reads an e-mail address. It is refused as invalid, with the reasons of ParseDomain, or
// as shared where its name says that several people read it (requirement 24).
//
// The part before the @ is ASCII and not in quotes: mail systems that take more are rare, and
// letters of other scripts there could pass for another person's.
func ParseEmail(text string) (Email, error) {
	text = strings.TrimSpace(text)
	at := strings.LastIndexByte(text, '@')
	if at < 1 || len(text) > 4*emailBytesMax {
		return Email{}, invalidEmail()
	}
	local := strings.ToLower(text[:at])
	if !mailbox(local) {
		return Email{}, invalidEmail()
	}
	parsed, err := ParseDomain(text[at+1:])
	if err != nil {
		return Email{}, err
	}
	email := Email{local: local, domain: parsed}
	if len(email.String()) > emailBytesMax {
		return Email{}, invalidEmail()
	}
	if name, _, _ := strings.Cut(local, "+"); sharedMailboxes[name] {
		return Email{}, &domain.Refusal{
			Code:   CodeEmailShared,
			Reason: "This looks like a shared mailbox. Each person needs an account of their own: give that person's own address.",
		}
	}
	return email, nil
}

// String returns the address that mail is sent to, in lower case, with what follows a plus.
func (e Email) String() string {
	if e.domain == "" {
		return ""
	}
	return e.local + "@" + string(e.domain)
}

// Canonical returns the address by which a person is known: without a plus and what follows it, as
// the same person reads both. No two accounts have the same one.
func (e Email) Canonical() string {
	if e.domain == "" {
		return ""
	}
	name, _, _ := strings.Cut(e.local, "+")
	return name + "@" + string(e.domain)
}

// Domain returns the address's domain.
func (e Email) Domain() Domain { return e.domain }

// mailbox reports whether a lower-case local part is a dot-string of RFC 5321, with a name before
// any plus.
func mailbox(local string) bool {
	if len(local) > localBytesMax || local[0] == '+' {
		return false
	}
	name, _, _ := strings.Cut(local, "+")
	if strings.HasSuffix(name, ".") {
		return false // as "ada.+news" would leave "ada.", which is no mailbox
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.Trim(atom, "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~") != "" {
			return false
		}
	}
	return true
}

func invalidEmail() error {
	return &domain.Refusal{
		Code:   CodeEmailInvalid,
		Reason: "This is not an e-mail address that mail can be sent to. Give one like name@example.co.uk.",
	}
}

// sharedMailboxes are names of mailboxes that several people read: those of RFC 2142, and common ones.
var sharedMailboxes = set(
	"abuse", "accounts", "admin", "administrator", "all", "claims", "complaint", "complaints", "compliance", "contact",
	"customerservice", "customerservices", "enquiries", "enquiry", "everyone", "feedback", "finance", "hello", "help",
	"helpdesk", "hostmaster", "hr", "info", "it", "legal", "mail", "mailbox", "marketing", "no-reply", "noreply", "office",
	"postmaster", "privacy", "reception", "root", "sales", "security", "shared", "staff", "support", "team", "webmaster",
)
