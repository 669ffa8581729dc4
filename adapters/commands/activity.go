package commands

import (
	"context"
	"time"
)

// ActivityKind says what somebody did, for Security Operations. The texts are stored, and stay.
type ActivityKind string

// The kinds of activity (requirements 43 and 44).
const (
	SignedIn        ActivityKind = "signed-in"
	SignInRefused   ActivityKind = "sign-in-refused"
	SignedOut       ActivityKind = "signed-out"
	SessionsEnded   ActivityKind = "sessions-ended"
	CredentialSet   ActivityKind = "credential-changed" //nolint:gosec // no credential: one of a person's was changed
	AccessRefused   ActivityKind = "access-refused"     // a request that was not permitted, or without a valid token
	DataRead        ActivityKind = "data-read"          // a list, a case, figures
	DataExported    ActivityKind = "data-exported"
	FileDownloaded  ActivityKind = "file-downloaded"
	CommandGiven    ActivityKind = "command-given"
	ActivityRead    ActivityKind = "activity-read"
	PersonErased    ActivityKind = "person-erased"
	MailSent        ActivityKind = "mail-sent"
	TooManyRequests ActivityKind = "too-many-requests"
)

// Activity is something that somebody did or tried. It holds no name, no e-mail address and no
// secret: people are user ids, and what was typed by somebody unknown is a keyed digest.
type Activity struct {
	At   time.Time
	Kind ActivityKind
	// Actor is the id of the principal, "" for nobody known.
	Actor string
	// Account is the keyed digest of the address that was typed at a sign-in.
	Account string
	// Address is the network address that the request came from.
	Address string
	// Operation is the route ("GET /api/v1/cases/{ref}") or the command ("membership.invite").
	Operation string
	// Subject is the stream or thing concerned ("casefile-1234", "account-…"), "" for none or many.
	Subject string
	// FRNs are the businesses concerned, as far as they are known.
	FRNs []string
	// Failed is whether it was refused or failed; Code says why, in a stable word.
	Failed bool
	Code   string
	// Detail is what else is known: the method of a sign-in, the count of exported rows.
	Detail map[string]string
}

// ActivityLog takes what Security Operations has to know (requirement 43). It is apart from the
// log of events, and no business user ever sees it.
type ActivityLog interface {
	// Record keeps an activity. When it returns nil the entry is kept in order, and is durable
	// within the time that the log's configuration says; kinds that must not be lost (sign-ins,
	// exports, reading of this very log) are durable by then.
	Record(ctx context.Context, activity Activity) error
}
