package signin

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"casesync/domain/access"
)

// Code says why somebody was not signed in. Codes are stable: the activity log keeps them.
type Code string

// The codes. Those of one text are for Security Operations to tell apart, and for nobody else.
const (
	// Wrong: the password, the code or the recovery code, or there is no such account.
	Wrong Code = "credentials-wrong"
	// Limited: too many attempts on the account or from the address; the right answer is not heard.
	Limited Code = "attempts-limited"
	// Busy: too many sign-ins are being checked at this moment.
	Busy Code = "sign-in-busy"
	// CodeUsed: a one-time code that was right, but was used before.
	CodeUsed Code = "one-time-code-used"
	// AttemptOver: the attempt has ended, expired, or belongs to another browser.
	AttemptOver Code = "attempt-over"
	// NotEnrolled: the password is right, but the account has no second factor yet.
	NotEnrolled Code = "second-factor-missing"
	// ProviderRefused: the identity provider itself answered with an error.
	ProviderRefused Code = "provider-refused"
	// ProviderDown: the identity provider cannot be reached or does not answer sensibly.
	ProviderDown Code = "provider-unreachable"
	// Malformed: what came back is not an answer at all.
	Malformed Code = "answer-malformed"
	// Unsolicited: nobody here had asked the provider.
	Unsolicited Code = "answer-unsolicited"
	// BadSignature: it is unsigned, wrongly signed, or signed by another.
	BadSignature Code = "signature-wrong"
	// WeakAlgorithm: it is signed in a way that does not protect it (none, HMAC, SHA-1).
	WeakAlgorithm Code = "algorithm-refused"
	// WrongIssuer: another provider than the one that was asked.
	WrongIssuer Code = "issuer-wrong"
	// WrongAudience: meant for another service, or another address of this one.
	WrongAudience Code = "audience-wrong"
	// WrongNonce: the answer to another attempt.
	WrongNonce Code = "nonce-wrong"
	// OutOfTime: expired, or not valid yet, beyond the bounded difference of clocks.
	OutOfTime Code = "answer-out-of-time"
	// Replayed: the same answer was used before.
	Replayed Code = "answer-replayed"
	// EmailUnusable: the provider names no e-mail address, or does not vouch for it.
	EmailUnusable Code = "email-unusable"
	// EmailDomain: the address is outside the business's domains.
	EmailDomain Code = "email-domain-refused"
	// CrossOrigin: a page of another site sent the request.
	CrossOrigin Code = "cross-origin-refused"
	// AccountUnknown: the provider vouches for somebody who has no account here.
	AccountUnknown Code = "account-unknown"
	// AccountInactive: the account is disabled, erased, or not taken up yet.
	AccountInactive Code = "account-inactive"
	// OtherMethod: the account is not signed in to in this way, or by this provider.
	OtherMethod Code = "sign-in-method-other"
	// IdentityOfAnother: the account is bound to another person of the provider, or the invitation is
	// for another person.
	IdentityOfAnother Code = "identity-of-another"
	// LinkUnusable: the token of a link is unknown, used, revoked or expired.
	LinkUnusable Code = "link-unusable"
)

const (
	textAgain    = "You could not be signed in. Start again, and if it happens again ask your administrator."
	textAccount  = "There is no account for you here that can be used now. Ask your administrator."
	textProvider = "Your organisation's sign-in service did not answer as it should. Try again later, or ask your administrator."
)

// texts are what people read. They say what to do, and not which check failed.
var texts = map[Code]string{
	Wrong:           "The details you entered are not right. Check them and try again.",
	Limited:         "There were too many attempts. Wait before you try again.",
	Busy:            "Too many people are signing in at this moment. Try again shortly.",
	CodeUsed:        "The details you entered are not right. Check them and try again.",
	AttemptOver:     "This took too long or was done already. Sign in again from the beginning.",
	NotEnrolled:     "Your account needs an authenticator app. Use the link in your invitation, or ask your administrator for a new one.",
	ProviderRefused: textProvider,
	ProviderDown:    textProvider,
	Malformed:       textAgain,
	Unsolicited:     "Sign in from this service's own page.",
	BadSignature:    textAgain,
	WeakAlgorithm:   textAgain,
	WrongIssuer:     textAgain,
	WrongAudience:   textAgain,
	WrongNonce:      textAgain,
	OutOfTime:       textAgain,
	Replayed:        textAgain,
	EmailUnusable:   "Your organisation's sign-in service gave no confirmed e-mail address. Ask your administrator.",
	EmailDomain:     "Your e-mail address is outside your organisation's domains. Ask your administrator.",
	CrossOrigin:     "This request came from another site and was refused.",

	AccountUnknown:    textAccount,
	AccountInactive:   textAccount,
	OtherMethod:       textAccount,
	IdentityOfAnother: textAccount,
	LinkUnusable:      "This link cannot be used, or not any more. Ask for a new one.",
}

// Codes returns all codes with what people read.
func Codes() map[Code]string {
	return maps.Clone(texts)
}

// Refusal is why somebody was not signed in. Its Error may be shown to anybody. It Is
// access.ErrUnauthenticated, and another Refusal of the same code.
type Refusal struct { //nolint:errname // the word of the code base for what is no fault
	Code Code
	// Detail is for the activity log alone: what exactly was wrong. It holds no secret and no name.
	Detail string
	// Provider is our own key of the identity provider whose answer it was; "" where none is known.
	Provider string
	// RetryAfter is how long to wait before another attempt is heard; 0 where waiting does not help.
	RetryAfter time.Duration
}

// Refuse returns a refusal with a detail for the activity log.
func Refuse(code Code, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Of notes whose answer an error refuses, if it is a refusal.
func Of(provider string, err error) error {
	if refusal, is := errors.AsType[*Refusal](err); is && refusal.Provider == "" {
		of := *refusal
		of.Provider = provider
		return &of
	}
	return err
}

// Error implements error with what people may read.
func (r *Refusal) Error() string { return texts[r.Code] }

// Is reports whether target is a refusal of the same code.
func (r *Refusal) Is(target error) bool {
	other, ok := target.(*Refusal)
	return ok && other.Code == r.Code
}

// Unwrap makes every refusal an access.ErrUnauthenticated.
func (r *Refusal) Unwrap() error { return access.ErrUnauthenticated }

// CodeOf returns the code of a refusal, and "" for any other error: that is a fault of ours.
func CodeOf(err error) Code {
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal.Code
	}
	return ""
}
