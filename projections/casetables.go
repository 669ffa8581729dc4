package projections

import (
	"strconv"

	"casesync/projections/engine"
)

// caseRow is all that is known of a case in clear. It is narrow, for it is written with every
// fact and scanned by filters; what is sealed stands beside it. A case that was not converted yet
// is in no list and no figure.
type caseRow struct {
	Ref, FRN                         string
	Converted, Open, Suppressed      bool
	Sector, Group, Product           string
	Issue                            string
	Stage, StageAtClosure            string
	Priority                         bool
	PriorityReason                   string
	SmallBusiness, HasRepresentative bool
	ConvertedAt, ConvertedDay        int64
	ClosedAt, ClosedDay, ReopenedAt  int64
	Outcome, DecisionReference       string
	ActionsOpen, DueDay              int64
	AllocatedTo                      string
	AllocationReturned               bool // nobody has it since its holder can not work on it any more
	// What its present business sent; failed uploads are rejected or quarantined.
	FailedUploads, Uploads, Notifications    int64
	OnHold, DataErased                       bool
	SuppressedBySource, SuppressedByOperator bool
	SuppressedAt                             int64
	FileRequestedDay                         int64 // of the latest request, NoDay if unknown
	ErasesDay                                int64 // when its data is due for erasure, NoDay for never
	UpdatedAt                                int64
	TimelineLen, LedgerLen                   int64
	RecordedAt, Revision                     int64
}

// neverText is NoDay in the text of an index and of the queries that it answers.
var neverText = strconv.FormatInt(int64(NoDay), 10)

var cases = &engine.Table[caseRow]{
	Spec: engine.Spec{
		Name: "cases", Key: 1,
		Columns: join(texts("ref", "frn"), flags("converted", "open", "suppressed"),
			texts("sector", "product_group", "product", "issue", "stage", "stage_at_closure"),
			flags("priority"), texts("priority_reason"), flags("small_business", "has_representative"),
			numbers("converted_at", "converted_day", "closed_at", "closed_day", "reopened_at"),
			texts("outcome", "decision_reference"), numbers("actions_open", "due_day"),
			texts("allocated_to"), flags("allocation_returned"), numbers("failed_uploads", "uploads", "notifications"),
			flags("on_hold", "data_erased", "suppressed_by_source", "suppressed_by_operator"),
			numbers("suppressed_at", "file_requested_day", "erases_day", "updated_at", "timeline_len", "ledger_len",
				"recorded_at", "revision")),
		// One index for each order that must not depend on the number of cases, and two for those
		// who see every business. The other orders sort what their filters leave. The last two are for
		// what the clock and the end of an account make due.
		Indexes: []string{
			"frn, open, due_day, ref", "frn, open, updated_at, ref", "frn, open, converted_at, ref",
			"frn, open, closed_at, ref", "frn, open, ref",
			"open, due_day, ref", "open, closed_at, ref",
			"erases_day, ref WHERE erases_day < " + neverText, "allocated_to, frn, ref WHERE allocated_to <> ''",
			"ref WHERE suppressed = TRUE",
		},
		Aside: []string{"recorded_at", "revision"},
	},
	Fields: func(r *caseRow) []any {
		return []any{&r.Ref, &r.FRN, &r.Converted, &r.Open, &r.Suppressed,
			&r.Sector, &r.Group, &r.Product, &r.Issue, &r.Stage, &r.StageAtClosure,
			&r.Priority, &r.PriorityReason, &r.SmallBusiness, &r.HasRepresentative,
			&r.ConvertedAt, &r.ConvertedDay, &r.ClosedAt, &r.ClosedDay, &r.ReopenedAt,
			&r.Outcome, &r.DecisionReference, &r.ActionsOpen, &r.DueDay,
			&r.AllocatedTo, &r.AllocationReturned, &r.FailedUploads, &r.Uploads, &r.Notifications,
			&r.OnHold, &r.DataErased, &r.SuppressedBySource, &r.SuppressedByOperator,
			&r.SuppressedAt, &r.FileRequestedDay, &r.ErasesDay, &r.UpdatedAt, &r.TimelineLen, &r.LedgerLen,
			&r.RecordedAt, &r.Revision}
	},
}

// sealedRow holds a case's envelopes; "" where there is nothing. They differ whenever an event is
// sealed anew, though they hold the same, so they are set aside in comparisons. Beside them stand the
// hashed words that the case is found by for the sake of each, joined by spaces, so that they can be
// taken away again.
type sealedRow struct {
	Ref, BusinessReference, Handler, Consumer, Representative string
	ReferenceWords, ConsumerWords, RepresentativeWords        string
}

var caseSealed = &engine.Table[sealedRow]{
	Spec: engine.Spec{
		Name: "case_sealed", Key: 1, Wide: true,
		Columns: texts("ref", "business_reference", "handler", "consumer", "representative",
			"reference_words", "consumer_words", "representative_words"),
		Aside: []string{"business_reference", "handler", "consumer", "representative"},
	},
	Fields: func(r *sealedRow) []any {
		return []any{&r.Ref, &r.BusinessReference, &r.Handler, &r.Consumer, &r.Representative,
			&r.ReferenceWords, &r.ConsumerWords, &r.RepresentativeWords}
	},
}

// timelineRow is one fact of a case, or one thing done about it, numbered in the order of the log.
type timelineRow struct {
	Ref         string
	N           int64
	FRN         string // the business that it belongs to, "" for whichever the case is with
	Kind        string
	At          int64
	About       string // an action's, a document's, an upload's or a notification's id
	Data        string // JSON object, in clear
	Contradicts string // joined by spaces
	Internal    bool   // for auditors alone
	Sealed      string
	RecordedAt  int64
}

var timeline = &engine.Table[timelineRow]{
	Spec: engine.Spec{
		Name: "case_timeline", Key: 2, AppendOnly: true,
		Columns: join(texts("ref"), numbers("n"), texts("frn", "kind"), numbers("at"),
			texts("about", "data", "contradicts"), flags("internal"), texts("sealed"), numbers("recorded_at")),
		Aside: []string{"sealed", "recorded_at"},
	},
	Fields: func(r *timelineRow) []any {
		return []any{&r.Ref, &r.N, &r.FRN, &r.Kind, &r.At, &r.About, &r.Data, &r.Contradicts, &r.Internal,
			&r.Sealed, &r.RecordedAt}
	},
}

// actionRow is an action; it is open while Result is "".
type actionRow struct {
	Ref, ActionID, Kind   string
	DueDay                int64
	Result                string
	RequestedAt, ClosedAt int64
	Sealed                string
}

var actions = &engine.Table[actionRow]{
	Spec: engine.Spec{
		Name: "case_actions", Key: 2,
		Columns: join(texts("ref", "action_id", "kind"), numbers("due_day"), texts("result"),
			numbers("requested_at", "closed_at"), texts("sealed")),
		Aside: []string{"sealed"},
	},
	Fields: func(r *actionRow) []any {
		return []any{&r.Ref, &r.ActionID, &r.Kind, &r.DueDay, &r.Result, &r.RequestedAt, &r.ClosedAt, &r.Sealed}
	},
}

// documentRow is a key document. Of one given in confidence nothing is kept but that it is there.
type documentRow struct {
	Ref, DocumentID, Kind, MediaType string
	Size                             int64
	SHA256                           string
	PublishedAt                      int64
	Confidential                     bool
	Sealed                           string
}

var documents = &engine.Table[documentRow]{
	Spec: engine.Spec{
		Name: "case_documents", Key: 2,
		Columns: join(texts("ref", "document_id", "kind", "media_type"), numbers("size"), texts("sha256"),
			numbers("published_at"), flags("confidential"), texts("sealed")),
		Aside: []string{"sealed"},
	},
	Fields: func(r *documentRow) []any {
		return []any{&r.Ref, &r.DocumentID, &r.Kind, &r.MediaType, &r.Size, &r.SHA256, &r.PublishedAt,
			&r.Confidential, &r.Sealed}
	},
}

// earlierRow is a business that the case was with before.
type earlierRow struct {
	Ref   string
	N     int64
	FRN   string
	Until int64
}

var earlierBusinesses = &engine.Table[earlierRow]{
	Spec: engine.Spec{
		Name: "case_earlier_businesses", Key: 2,
		Columns: join(texts("ref"), numbers("n"), texts("frn"), numbers("until")),
	},
	Fields: func(r *earlierRow) []any { return []any{&r.Ref, &r.N, &r.FRN, &r.Until} },
}

func columns(kind engine.Type, names []string) []engine.Column {
	list := make([]engine.Column, len(names))
	for i, name := range names {
		list[i] = engine.Column{Name: name, Type: kind}
	}
	return list
}

func texts(names ...string) []engine.Column   { return columns(engine.Text, names) }
func numbers(names ...string) []engine.Column { return columns(engine.BigInt, names) }
func flags(names ...string) []engine.Column   { return columns(engine.Boolean, names) }

func join(lists ...[]engine.Column) []engine.Column {
	var all []engine.Column
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}
