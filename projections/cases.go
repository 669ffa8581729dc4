package projections

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/domain/notification"
	"casesync/domain/outgoing"
	"casesync/domain/upload"
	"casesync/eventstore"
	"casesync/projections/engine"
)

// How the streams begin whose events are about cases. Of a case file the rest is the case's reference; of an
// upload and of a notification it is their own id, and each event says which case it is about.
const (
	caseStreams         = "casefile-"
	uploadStreams       = "upload-"
	notificationStreams = "notification-"
)

// Cases is the read model of cases: the rows of lists and details, what people sent about them, and all
// statistics, which are sums of differences of case rows.
//
// A case's events stand in several streams: its own, and one for each upload and notification. Their order is
// the log's, which is the one in which the engine hands them to the fold, live and in a rebuild; no two of
// these streams say the same thing of a case, so that whatever the order in which they were appended, what
// each of them says last is what the rows hold. What is parked is the whole case: an event of an upload that
// can not be folded stops the case, visibly, and not that upload alone. It is folded again from the whole log,
// of which the case files of other cases need not be decoded.
func Cases() engine.Projection {
	return engine.Projection{
		Name: CasesName, Version: 6,
		Tables: []engine.AnyTable{
			cases, caseSealed, timeline, actions, documents, earlierBusinesses, searchWords,
			uploads, notifications, dashboardCells, upholdCells, upholdLedger,
		},
		Key:       caseKey,
		Fold:      foldCase,
		Whole:     caseWhole,
		StreamKey: refOfCaseFile,
		Prefixes:  []string{caseStreams, uploadStreams, notificationStreams},
	}
}

// refOfCaseFile returns the reference of the case whose own stream it is.
func refOfCaseFile(stream eventstore.StreamName) (ref string, ok bool) {
	return strings.CutPrefix(string(stream), caseStreams)
}

// caseKey is the case's reference. What is held, was not recognised or was skipped says nothing
// of the case.
func caseKey(e engine.Event) (key string, wanted bool) {
	switch event := e.Event.(type) {
	case *casefile.FactHeld, *casefile.FactUnrecognised, *casefile.SequenceSkipped,
		*upload.FactHeld, *upload.FactUnrecognised, *upload.SequenceSkipped,
		*notification.FactHeld, *notification.FactUnrecognised, *notification.SequenceSkipped:
		return "", false
	case upload.Event:
		return upload.CaseOf(event), true
	case notification.Event:
		return notification.CaseOf(event), true
	}
	return CaseOf(e.Recorded)
}

// CaseOf returns the reference of the case that an event is about, as far as that can be told without
// decoding it; false for one that is about no case. Of an event of an upload or a notification that is
// damaged it returns the stream's name, so that what can not be folded is parked somewhere, and seen.
func CaseOf(recorded eventstore.Recorded) (ref string, ok bool) {
	stream := string(recorded.Stream)
	if ref, ok := refOfCaseFile(recorded.Stream); ok {
		return ref, true
	}
	if !strings.HasPrefix(stream, uploadStreams) && !strings.HasPrefix(stream, notificationStreams) {
		return "", false
	}
	var about outgoing.About
	if err := json.Unmarshal(recorded.Data, &about); err != nil || about.Case == "" {
		return stream, true
	}
	return about.Case, true
}

// What folds need in whole, beside what is loaded for each batch.
var (
	sentTables    = []engine.AnyTable{uploads, notifications}
	uploadTables  = []engine.AnyTable{uploads}
	notifyTables  = []engine.AnyTable{notifications}
	erasureTables = []engine.AnyTable{uploads, notifications, timeline}
)

// caseWhole names what of a case is loaded for an event. What people sent is loaded where it changes, where
// the case may move to another business, and to be erased: most facts of a feed have nothing to do with it.
func caseWhole(e engine.Event) []engine.AnyTable {
	switch e.Event.(type) {
	case upload.Event:
		return uploadTables
	case notification.Event:
		return notifyTables
	case *casefile.Converted, *casefile.Transferred, *casefile.SnapshotTaken:
		return sentTables
	case *casefile.DataErased:
		return erasureTables
	}
	return nil
}

// foldCase takes a fact into its case's rows, and the difference that it makes into the statistics.
func foldCase(rows *engine.Rows, e engine.Event) error {
	ref, _ := caseKey(e)
	row := cases.Get(rows, ref)
	if row == nil {
		row = cases.Put(rows, caseRow{Ref: ref, Open: true, DueDay: int64(NoDay), ErasesDay: int64(NoDay), FileRequestedDay: int64(NoDay)})
	}
	before, wordsBefore := *row, found(rows, ref)
	f := &caseFold{rows: rows, e: e, row: row}
	if err := f.fold(); err != nil {
		return fmt.Errorf("fold %s of case %s: %w", e.Type, ref, err)
	}
	row.ErasesDay = int64(row.erasesOn())
	count(rows, before, row)
	countWords(rows, ref, before.FRN, row.FRN, wordsBefore, found(rows, ref))
	if f.elsewhere {
		countChange(rows, "", "")
		return nil
	}
	countChange(rows, before.FRN, row.FRN)
	return nil
}

// caseFold is the folding of one fact into one case.
type caseFold struct {
	rows *engine.Rows
	e    engine.Event
	row  *caseRow
	// elsewhere: it is about what a business sent that the case is not with now, and which nobody of a
	// business sees.
	elsewhere bool
}

// fold changes the case's own rows. It never refuses a fact for what it contradicts: the source
// wins (requirement 9). Facts count in the order of the log, one that was recorded late too, as
// the decider that let it in has it.
func (f *caseFold) fold() error {
	switch e := f.e.Event.(type) {
	case upload.Event:
		return f.foldUpload(e)
	case notification.Event:
		return f.foldNotification(e)
	case *casefile.Converted:
		return f.fact(e.Origin, f.converted(e))
	case *casefile.StageChanged:
		f.stageChanged(e)
		return f.fact(e.Origin, entry{kind: "stage-changed", data: stageData{Stage: e.Stage}})
	case *casefile.PriorityChanged:
		priority, _ := e.Priority.Get()
		f.row.Priority, f.row.PriorityReason = priority.Priority, priority.Reason
		return f.fact(e.Origin, entry{kind: "priority-changed", data: priority})
	case *casefile.DetailsChanged:
		return f.fact(e.Origin, f.detailsChanged(e))
	case *casefile.Recategorised:
		f.setProduct(e.Product)
		return f.fact(e.Origin, entry{kind: "recategorised", data: productData{Product: e.Product}})
	case *casefile.Transferred:
		from := f.row.FRN
		f.moveTo(e.FRN, e.Origin.Time)
		return f.fact(e.Origin, entry{kind: "transferred", data: transferData{FRN: e.FRN, From: from}})
	case *casefile.HandedOver:
		return f.fact(e.Origin, entry{kind: "handed-over", internal: true, data: handOverData{e.ToSource}})
	case *casefile.SnapshotTaken:
		return f.snapshot(e)
	}
	return f.foldCourse()
}

// foldCourse takes the facts that ask something of the business, and those that end the case.
func (f *caseFold) foldCourse() error {
	switch e := f.e.Event.(type) {
	case *casefile.ActionRequested:
		return f.actionRequested(e)
	case *casefile.ActionExtended:
		return f.actionExtended(e)
	case *casefile.ActionClosed:
		return f.actionClosed(e)
	case *casefile.DocumentPublished:
		return f.documentPublished(e)
	case *casefile.Closed:
		f.closed(e.Outcome, e.DecisionReference, e.ClosedAt)
		return f.fact(e.Origin, entry{kind: "closed", data: closedData{
			Outcome: e.Outcome, ClosedAt: e.ClosedAt.UTC(), DecisionReference: e.DecisionReference,
		}})
	case *casefile.Reopened:
		f.reopened(e.ReopenedAt)
		return f.fact(e.Origin, entry{kind: "reopened", data: reopenedData{e.ReopenedAt.UTC()}})
	}
	return f.foldSuppression()
}

// fact notes that there was one more fact, and writes it to the timeline. What was erased may be there
// again, of which the rules of retention hold anew.
func (f *caseFold) fact(origin feed.Origin, shown entry) error {
	f.row.UpdatedAt = max(f.row.UpdatedAt, micros(origin.Time))
	f.row.DataErased = false
	return f.note(origin, shown)
}

// note notes that something was recorded of the case, and writes it to the timeline.
func (f *caseFold) note(origin feed.Origin, shown entry) error {
	f.row.RecordedAt = micros(f.e.RecordedAt)
	f.row.Revision = int64(f.e.Revision)
	return f.tell(origin, shown)
}

// moveTo gives the case to a business; the one that had it is kept, and sees it no more. Its person
// has no part in it either.
func (f *caseFold) moveTo(frn string, at time.Time) {
	if f.row.FRN != "" && f.row.FRN != frn {
		f.row.AllocatedTo, f.row.AllocationReturned = "", false
		n := int64(len(earlierBusinesses.All(f.rows, f.row.Ref))) + 1
		earlierBusinesses.Put(f.rows, earlierRow{Ref: f.row.Ref, N: n, FRN: f.row.FRN, Until: micros(at)})
		f.row.FileRequestedDay = int64(NoDay) // it was asked of the business before
	}
	if f.row.FRN != frn {
		f.row.FRN = frn
		f.settleSent()
	}
}

func (f *caseFold) setProduct(p casefile.Product) {
	f.row.Sector, f.row.Group, f.row.Product = p.Sector, p.Group, p.Product
}

// converted opens the case: the respondent was notified. What was known before stays, but for
// what the conversion itself says.
func (f *caseFold) converted(e *casefile.Converted) entry {
	f.convertedAs(e.FRN, e.Product, e.ConvertedAt, e.Origin.Time)
	if f.row.Stage == "" {
		f.row.Stage = "converted"
	}
	f.details(e.Details)
	f.parties(e.Consumer, e.Representative)
	return entry{kind: "converted", data: convertedData{
		FRN: e.FRN, Product: e.Product, ConvertedAt: e.ConvertedAt.UTC(),
	}}
}

func (f *caseFold) convertedAs(frn string, product casefile.Product, convertedAt, at time.Time) {
	f.row.Converted = true
	f.row.ConvertedAt, f.row.ConvertedDay = micros(convertedAt), int64(DayOf(convertedAt))
	f.moveTo(frn, at)
	f.setProduct(product)
}

// closed closes the case, or corrects how it was closed.
func (f *caseFold) closed(outcome, decisionReference string, at time.Time) {
	f.row.Open = false
	f.row.Outcome, f.row.DecisionReference = outcome, decisionReference
	f.row.ClosedAt, f.row.ClosedDay = micros(at), int64(DayOf(at))
	f.row.StageAtClosure = f.row.Stage
}

// reopened opens the case again; it counts as resolved no more. How it was closed stays in the
// timeline alone.
func (f *caseFold) reopened(at time.Time) {
	f.open()
	f.row.ReopenedAt = micros(at)
}

func (f *caseFold) open() {
	f.row.Open = true
	f.row.Outcome, f.row.DecisionReference, f.row.StageAtClosure = "", "", ""
	f.row.ClosedAt, f.row.ClosedDay = 0, 0
}

// micros is the stored form of an instant: microseconds UTC since 1970, 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// instant is the time that micros stored.
func instant(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
