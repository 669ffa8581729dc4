// Package outgoing holds what uploads and notifications share: both go out to the case management
// system that speaks for a case, and are answered by it.
//
// It promises:
//
//   - What a person sent about a case is private to the case: it is sealed under the case's own key
//     ([Seal]), so that it is gone when that key is destroyed (requirement 64), in whatever stream it stands.
//   - Nothing goes out about a case that is suppressed, with another business, or erased ([Case.Bars],
//     requirements 46, 48 and 61); who asks for it learns no more than that there is no such case
//     (requirement 47).
//   - The answers of case management systems are facts as all others: in the order of their sequences, each
//     once, never refused for what they say ([feed.Intake], requirements 9 and 10).
//
// # Who stops what is under way
//
// A case's suppression, transfer and closing are facts in the case's own stream, and no command of another
// stream is appended together with them. So the standing of the case comes with each command that lets
// something go on, read from the case's stream just before, and the last of these commands is given
// immediately before publishing. What is overtaken between that and the end of publishing went out: it is
// recorded as gone, for what it notes has happened.
package outgoing

import (
	"casesync/domain"
	"casesync/domain/casefile"
	"casesync/domain/private"
)

// SealWord is the word of the seal tag of what Seal seals: `seal:"casefile"`.
const SealWord = "casefile"

// Subject returns the subject of the key of the case ref: its stream's name.
func Subject(ref string) string { return SealWord + "-" + ref }

// Seal returns v to be sealed under the key of the case ref, and under no other.
func Seal[T any](ref string, v T) private.Value[T] { return private.Of(v).About(Subject(ref)) }

// Case is the standing of a case, as its own stream has it now.
type Case struct {
	// FRN is the business that the case is with.
	FRN string
	// Converted: there is such a case. Open: it is not closed.
	Converted, Open bool
	// Suppressed: it is hidden from all business users.
	Suppressed bool
	// Erased: its data was erased, and nothing new is to be kept of it.
	Erased bool
}

// Standing returns the standing of a case.
func Standing(s *casefile.State) Case {
	return Case{FRN: s.FRN(), Converted: s.Converted(), Open: s.Open(), Suppressed: s.Suppressed(), Erased: s.DataErased()}
}

// Cause says why something can not go out about a case; stored, so never changed.
type Cause string

// The causes.
const (
	CaseUnknown     Cause = "case-unknown"
	CaseSuppressed  Cause = "case-suppressed"
	CaseTransferred Cause = "case-transferred"
	CaseErased      Cause = "case-data-erased"
	CaseClosed      Cause = "case-closed"
)

// Bars returns why nothing of the business frn can go out about the case now, "" where it can.
// OnClosed is whether it may go out about a closed case.
func (c Case) Bars(frn string, onClosed bool) Cause {
	switch {
	case !c.Converted:
		return CaseUnknown
	case c.Suppressed:
		return CaseSuppressed
	case c.FRN != frn:
		return CaseTransferred
	case c.Erased:
		return CaseErased
	case !c.Open && !onClosed:
		return CaseClosed
	}
	return ""
}

// Refusal returns what is told to whoever asks for something that the cause bars. A suppressed case and one
// of another business answer like one that does not exist (requirement 47).
func (c Cause) Refusal() error {
	switch c {
	case CaseErased:
		return &domain.Refusal{Code: string(c), Reason: "The data of this case was erased, as its time had come. Nothing can be added to it."}
	case CaseClosed:
		return &domain.Refusal{Code: string(c), Reason: "This case is closed, and this can not be sent about closed cases. Send a general update instead."}
	}
	return &domain.Refusal{
		Code: string(CaseUnknown), Reason: "There is no such case among those you may act on. Check its reference.",
	}
}
