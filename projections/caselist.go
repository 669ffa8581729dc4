package projections

import (
	"errors"
	"time"
)

// Field is something that cases are filtered and counted by.
type Field string

// The fields that take several values, and a negative filter (requirement 66).
const (
	FieldBusiness    Field = "business" // FRN
	FieldStage       Field = "stage"
	FieldProduct     Field = "product"
	FieldIssue       Field = "issue"
	FieldOutcome     Field = "outcome"
	FieldAllocatedTo Field = "allocatedTo" // a user's id, AllocatedToMe or AllocatedToNone
)

// What allocatedTo takes beside a user's id.
const (
	AllocatedToMe   = "me"
	AllocatedToNone = "none"
)

// The values of CaseFilter.Status; "" takes open and closed cases alike.
const (
	StatusOpen   = "open"
	StatusClosed = "closed"
)

// CaseFilter says which cases are asked for, of those that the scope sees. Its zero value takes
// all of them.
type CaseFilter struct {
	Status string
	// In takes cases that have one of the values of each field, Not leaves out those that have any.
	In, Not map[Field][]string
	// Each nil flag takes both. ActionNeeded and Overdue hold of open cases alone.
	Priority, ActionNeeded, Overdue, FailedUpload *bool
	// Returned takes cases that nobody has since whoever had them can not work on them any more
	// (requirement 42).
	Returned *bool
	// The first and last day, both included; the due day is that of the earliest open action.
	ConvertedFrom, ConvertedTo, ClosedFrom, ClosedTo, DueFrom, DueTo *Day
	// Reference takes cases whose reference begins so, Words those that have all these hashed
	// words in the consumer's name, the representative's or the business's reference. With both,
	// one of the two is enough.
	Reference string
	Words     []string
	// Today is the day that Overdue is counted from.
	Today Day
}

// The values of SortKey.By.
const (
	SortReference   = "reference"
	SortBusiness    = "business" // by FRN
	SortProduct     = "product"
	SortStage       = "stage"
	SortPriority    = "priority"
	SortDueDate     = "dueDate" // of the earliest open action; none comes last
	SortConvertedAt = "convertedAt"
	SortClosedAt    = "closedAt"
	SortUpdatedAt   = "updatedAt"
	SortAllocatedTo = "allocatedTo"
	SortOutcome     = "outcome"
)

// SortKey orders by one thing. The reference breaks ties, in the last key's direction.
type SortKey struct {
	By         string
	Descending bool
}

// The limits of a query.
const (
	SortKeysMax = 2
	PageRowsMax = 1000
	// TotalExactMax is the highest total that is counted where no statistic answers it.
	TotalExactMax = 10_000
	// FacetRowsMax is how many cases are looked at for one facet.
	FacetRowsMax = 100_000
	// FacetValuesMax is how many values of one facet are returned, the most frequent first.
	FacetValuesMax = 100
)

// CaseQuery asks for a page of a case list.
type CaseQuery struct {
	CaseFilter
	// Sort has at most SortKeysMax keys; none means DefaultSort.
	Sort []SortKey
	// Limit is the page's length, 1 to PageRowsMax.
	Limit int
	// After is the end of the page before, or nil.
	After *Cursor
}

// DefaultSort is the order of a list that asks for none: open cases by due date, closed ones by
// the time they closed, latest first.
func DefaultSort(status string) []SortKey {
	if status == StatusClosed {
		return []SortKey{{By: SortClosedAt, Descending: true}}
	}
	return []SortKey{{By: SortDueDate}}
}

// Cursor is the place of a row in a sorted list: the row's values of the sort keys, as text, and
// its reference. It holds nothing that the row does not show, but it is not to be trusted as it
// comes back: who hands it out signs it.
type Cursor struct {
	Values []string `json:"v"`
	Ref    string   `json:"r"`
}

// Errors of queries that were asked wrongly; they wrap what was wrong.
var (
	ErrUnknownSort   = errors.New("unknown sort key")
	ErrUnknownFilter = errors.New("unknown filter")
	ErrBadCursor     = errors.New("cursor does not fit the query")
)

// CaseRow is a case as lists and details show it. Times are UTC, zero where there is none; the
// fields named Sealed are envelopes (private.Value.Envelope), "" where there is nothing.
type CaseRow struct {
	Ref, FRN                          string
	Open, Suppressed                  bool
	Sector, Group, Product            string
	Issue                             string
	Stage, StageAtClosure             string
	Priority                          bool
	PriorityReason                    string
	SmallBusiness, HasRepresentative  bool
	ConvertedAt, ClosedAt, ReopenedAt time.Time
	Outcome, DecisionReference        string
	ActionsOpen                       int64
	DueDay                            Day // NoDay without an open action
	AllocatedTo                       string
	// AllocationReturned: nobody has it since whoever had it can not work on it any more; until it is
	// allocated again.
	AllocationReturned bool
	// DataErased: its time has come, and only the decision and basic data are left (requirement 64).
	DataErased bool
	// FailedUploads, Uploads and Notifications count those that its present business sent: failed ones are
	// rejected or quarantined.
	FailedUploads, Uploads, Notifications int64
	// TellBy and MakeBy are the days by which a proactive offer is to be told of and made
	// (casefile.OfferClocks), NoDay where no clock runs.
	TellBy, MakeBy Day
	// LastEntry is the number of the last entry of its timeline, shown or not: a mark for CaseChanges.
	LastEntry                              int64
	UpdatedAt                              time.Time // when its last fact happened at the source
	RecordedAt                             time.Time
	Revision                               int64 // of the last event of its stream that was folded
	SealedBusinessReference, SealedHandler string
	SealedConsumer, SealedRepresentative   string
}

// CasePage is a page of a case list; Next is nil on the last one.
type CasePage struct {
	Items []CaseRow
	Next  *Cursor
}

// FacetCount is how many cases have a value; the value is "" where a case has none (an
// allocatedTo of nobody is AllocatedToNone).
type FacetCount struct {
	Value string
	Count int64
}
