package commands

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"time"
)

// ErrLink is returned for the token of a link that this installation did not make.
var ErrLink = errors.New("not the token of a link of this service")

// LinkKind says what a mailed link is for. It is part of the token's text.
type LinkKind string

// The kinds of links.
const (
	// InvitationLink: take an invitation up. Of is the business's FRN, ID the invitation's.
	InvitationLink LinkKind = "invitation"
	// ResetLink: choose another password or second factor. Of is the user id, ID the reset's.
	ResetLink LinkKind = "reset"
	// RequestLink: see and amend one's own access request. Of is "", ID the request's.
	RequestLink LinkKind = "request"
	// TicketLink: see and answer what the helpdesk writes to somebody who was not signed in. Of is "",
	// ID the ticket's; it does not expire before the ticket is erased.
	TicketLink LinkKind = "ticket"
)

// Link is what a token stands for.
type Link struct {
	Kind   LinkKind
	Of, ID string
	// ExpiresAt tells tokens of one invitation apart, as it is sent again; zero where links of the
	// kind do not expire.
	ExpiresAt time.Time
}

// Links makes the tokens of links that are mailed. A token is derived from a key of the key ring,
// so that whoever sends mail after an event makes the same token as whoever recorded its digest,
// and no token is kept anywhere. Its text says what it is for, in no personal words.
type Links struct{ key []byte }

// NewLinks returns the links under a key of the key ring.
func NewLinks(key []byte) Links { return Links{key: key} }

// Token returns the token of a link: "<kind>.<of>.<id>.<secret>".
func (l Links) Token(link Link) string {
	return strings.Join([]string{string(link.Kind), link.Of, link.ID, l.secret(link)}, ".")
}

// secret is a function of the key and of all that the link says.
func (l Links) secret(link Link) string {
	mac := hmac.New(sha256.New, l.key)
	expires := ""
	if !link.ExpiresAt.IsZero() {
		expires = link.ExpiresAt.UTC().Format(time.RFC3339Nano)
	}
	for _, part := range []string{string(link.Kind), link.Of, link.ID, expires} {
		mac.Write([]byte(part))
		mac.Write([]byte{0})
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// ParseLink reads what a token says it is for. Whether it is one of ours is for Digest, compared
// with the one that was recorded, or for Check to say.
func ParseLink(token string) (Link, error) {
	parts := strings.Split(token, ".")
	if len(token) > 300 || len(parts) != 4 || parts[2] == "" || parts[3] == "" {
		return Link{}, ErrLink
	}
	link := Link{Kind: LinkKind(parts[0]), Of: parts[1], ID: parts[2]}
	switch link.Kind {
	case InvitationLink, ResetLink, RequestLink, TicketLink:
		return link, nil
	}
	return Link{}, ErrLink
}

// Check returns ErrLink unless token is the one of link; for links that do not expire.
func (l Links) Check(token string, link Link) error {
	if !hmac.Equal([]byte(token), []byte(l.Token(link))) {
		return ErrLink
	}
	return nil
}

// Digest is what is kept of a token in the log.
func Digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
