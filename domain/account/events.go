package account

import (
	"time"

	"casesync/domain/address"
	"casesync/domain/calendar"
	"casesync/domain/private"
)

// Person is what is personal in an account.
type Person struct {
	Name string `json:"name"`
	// Email is the address that mail is sent to; its canonical form is what is reserved.
	Email string `json:"email"`
}

// FactorKind is a kind of second factor.
type FactorKind string

// The kinds of second factors.
const (
	TOTP    FactorKind = "totp"
	Passkey FactorKind = "passkey"
)

// Cause says what disables an account, or why it was erased.
type Cause string

// The causes.
const (
	ByOperator Cause = "operator"
	Inactivity Cause = "inactivity"
	// OnRequest: the person, or somebody for him, asked for erasure.
	OnRequest Cause = "request"
)

// Event is one of the events of an account.
type Event interface{ accountEvent() }

// Created records a new account, invited.
type Created struct {
	Person     private.Value[Person] `json:"person" seal:"case"`
	Domain     address.Domain        `json:"domain"`
	Method     Method                `json:"method"`
	Connection string                `json:"connection,omitzero"`
	Day        calendar.Day          `json:"day"`
}

// Activated records that the person may use the account, from that day.
type Activated struct {
	Day calendar.Day `json:"day"`
}

// DetailsChanged records the person's name and address, both.
type DetailsChanged struct {
	Person private.Value[Person] `json:"person" seal:"case"`
	Domain address.Domain        `json:"domain"`
}

// MethodChanged records another way of signing in; what belonged to the one before is void.
type MethodChanged struct {
	Method     Method `json:"method"`
	Connection string `json:"connection,omitzero"`
}

// IdentityLinked records the subject of an identity provider that the account is bound to.
type IdentityLinked struct {
	Connection    string `json:"connection"`
	SubjectDigest string `json:"subjectDigest"`
}

// FactorEnrolled records a second factor, in place of any before.
type FactorEnrolled struct {
	Kind FactorKind `json:"kind"`
}

// FactorReset records that there is no second factor any more.
type FactorReset struct{}

// QuestionsSet records that there are security questions. They and their answers are not kept here.
type QuestionsSet struct{}

// QuestionsReset records that there are no security questions any more.
type QuestionsReset struct{}

// ResetRequested records that a reset link is to be mailed to the person; the one before for the
// same purpose is void.
type ResetRequested struct {
	ResetID     string       `json:"resetId"`
	Purpose     ResetPurpose `json:"purpose"`
	TokenDigest string       `json:"tokenDigest"`
	ExpiresAt   time.Time    `json:"expiresAt"`
}

// ResetUsed records that a reset link was followed, for its purpose; it is void.
type ResetUsed struct {
	ResetID string       `json:"resetId"`
	Purpose ResetPurpose `json:"purpose"`
}

// DisabledFor records one more cause that disables the account. Sessions end by it.
type DisabledFor struct {
	Cause Cause        `json:"cause"`
	Day   calendar.Day `json:"day"`
}

// Enabled records that nothing disables the account any more, and what did.
type Enabled struct {
	Lifted []Cause      `json:"lifted"`
	Day    calendar.Day `json:"day"`
}

// Erased records that the person's key is to be destroyed, and whatever is kept of the person
// elsewhere purged. A crash before that is done leaves this event, from which it is done again.
type Erased struct {
	Cause Cause `json:"cause"`
}

// ActivityRecorded records a day with activity, once.
type ActivityRecorded struct {
	Day calendar.Day `json:"day"`
}

// InactivityWarned records that the person is to be warned: without activity the account is
// disabled on DisablesOn.
type InactivityWarned struct {
	Day        calendar.Day `json:"day"`
	DisablesOn calendar.Day `json:"disablesOn"`
}

// TermsAccepted records who accepted which terms for whom, and when (requirement 25).
type TermsAccepted struct {
	FRN        string    `json:"frn"`
	Version    string    `json:"version"`
	AcceptedAt time.Time `json:"acceptedAt"`
}

// CookiesChosen records the person's cookie preferences.
type CookiesChosen struct {
	Functional bool `json:"functional"`
	Analytics  bool `json:"analytics"`
}

func (*Created) accountEvent()          {}
func (*Activated) accountEvent()        {}
func (*DetailsChanged) accountEvent()   {}
func (*MethodChanged) accountEvent()    {}
func (*IdentityLinked) accountEvent()   {}
func (*FactorEnrolled) accountEvent()   {}
func (*FactorReset) accountEvent()      {}
func (*QuestionsSet) accountEvent()     {}
func (*QuestionsReset) accountEvent()   {}
func (*ResetRequested) accountEvent()   {}
func (*ResetUsed) accountEvent()        {}
func (*DisabledFor) accountEvent()      {}
func (*Enabled) accountEvent()          {}
func (*Erased) accountEvent()           {}
func (*ActivityRecorded) accountEvent() {}
func (*InactivityWarned) accountEvent() {}
func (*TermsAccepted) accountEvent()    {}
func (*CookiesChosen) accountEvent()    {}
