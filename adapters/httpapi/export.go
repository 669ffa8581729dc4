package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"casesync/projections"
	"casesync/projections/engine"
)

// A sheet takes the rows of an export, in one format.
type sheet interface {
	// begin writes what comes before the rows.
	begin(columns []column, note exportNote) error
	// row writes one row: a value for each column, of the column's kind, or nil.
	row(values []any) error
	// flush hands on what was written so far.
	flush() error
	// end writes what comes after the rows. Without it the file is visibly incomplete.
	end() error
}

// exportNote is what an export says of itself (requirement 67).
type exportNote struct {
	filters []string // "name=value", as they were in force
	asOf    AsOf
	at      time.Time
	by      string
}

func (n exportNote) String() string {
	filters := "none"
	if len(n.filters) > 0 {
		filters = strings.Join(n.filters, " & ")
	}
	return fmt.Sprintf("exported %s by %s as of position %s; filters: %s", n.at.UTC().Format(time.RFC3339), n.by, n.asOf.Position, filters)
}

// A column of an export. Texts are the only kind that a spreadsheet could take for a formula.
type column struct {
	name  string
	kind  kind
	value func(Case) any
}

type kind int

const (
	kindText    kind = iota // string
	kindNumber              // int64
	kindFlag                // bool
	kindInstant             // *time.Time or time.Time
	kindDay                 // string, a full-date
)

var exportColumns = []column{
	{"reference", kindText, func(c Case) any { return c.Reference }},
	{"businessReference", kindText, func(c Case) any { return c.BusinessReference }},
	{"business", kindText, func(c Case) any { return c.Business }},
	{"status", kindText, func(c Case) any { return c.Status }},
	{"sector", kindText, func(c Case) any { return c.Product.Sector }},
	{"group", kindText, func(c Case) any { return c.Product.Group }},
	{"product", kindText, func(c Case) any { return c.Product.Product }},
	{"issue", kindText, func(c Case) any { return c.Issue }},
	{"stage", kindText, func(c Case) any { return c.Stage }},
	{"priority", kindFlag, func(c Case) any { return c.Priority }},
	{"priorityReason", kindText, func(c Case) any { return c.PriorityReason }},
	{"consumer", kindText, func(c Case) any { return partyName(c.Consumer) }},
	{"representative", kindText, func(c Case) any { return partyName(c.Representative) }},
	{"smallBusiness", kindFlag, func(c Case) any { return c.SmallBusiness }},
	{"handler", kindText, func(c Case) any { return c.Handler }},
	{"convertedAt", kindInstant, func(c Case) any { return &c.ConvertedAt }},
	{"closedAt", kindInstant, func(c Case) any { return c.ClosedAt }},
	{"outcome", kindText, func(c Case) any { return c.Outcome }},
	{"decisionReference", kindText, func(c Case) any { return c.DecisionReference }},
	{"actionsOpen", kindNumber, func(c Case) any { return c.ActionsOpen }},
	{"dueDate", kindDay, func(c Case) any { return c.DueDate }},
	{"overdue", kindFlag, func(c Case) any { return c.Overdue }},
	{"allocatedTo", kindText, func(c Case) any { return c.AllocatedTo }},
	{"updatedAt", kindInstant, func(c Case) any { return &c.UpdatedAt }},
}

// suppressedColumn is for auditors alone.
var suppressedColumn = column{"suppressed", kindFlag, func(c Case) any { return c.Suppressed }}

func partyName(party *Party) string {
	if party == nil {
		return ""
	}
	return party.Name
}

// exportCases streams all cases that the filters take. Each chunk is read with the scope asked
// again, so that a suppression takes effect in the middle.
func (s *Server) exportCases(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.limits.ExportTimeout)
	defer cancel()
	who := callerOf(ctx)
	query, refusal := parseCases(r.URL.RawQuery, exportParameters, s.today(), s.config.SearchWords)
	if refusal != nil {
		refusal.write(w)
		return
	}
	leave, ok := s.exports.enter(who.principal.ID)
	if !ok {
		s.tooManyExports().write(w)
		return
	}
	defer leave()
	note, err := s.noteExport(ctx, r)
	if err != nil {
		s.problemOf(ctx, err).write(w)
		return
	}
	e := &export{server: s, note: note, query: query, columns: exportColumns, control: http.NewResponseController(w)}
	if who.scope.SeesSuppressed() {
		e.columns = append(slices.Clip(e.columns), suppressedColumn)
	}
	e.start(w)
	err = e.run(ctx, who.scope)
	visit := visitOf(ctx)
	visit.note("rows", strconv.Itoa(e.rows))
	visit.note("format", query.format)
	s.logger.InfoContext(ctx, "cases exported", "actor", who.principal.ID, "format", query.format, "rows", e.rows,
		"position", note.asOf.Position, "complete", err == nil)
	if err != nil {
		if !isGone(err) {
			s.logger.ErrorContext(ctx, "export failed", "error", err)
		}
		// The status has gone out already: cutting the connection is how the client learns that
		// the file is not whole.
		panic(http.ErrAbortHandler)
	}
}

func (s *Server) tooManyExports() *Problem {
	return problem(CodeTooMany, "You may run %d exports at one time, and all together %d. Try again when one has ended.",
		s.limits.ExportsPerPrincipalMax, s.limits.ExportsMax).retryAfter(30 * time.Second)
}

// isGone reports whether a request ended because its client went away, which is no fault of ours.
func isGone(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// noteExport says as of when the export begins, waiting for the position that the request names.
func (s *Server) noteExport(ctx context.Context, r *http.Request) (exportNote, error) {
	if err := s.waitForPosition(ctx, r.Header, projections.CasesName); err != nil {
		return exportNote{}, err
	}
	note := exportNote{at: s.config.Now(), by: callerOf(ctx).principal.ID}
	values, _ := url.ParseQuery(r.URL.RawQuery) // was parsed before
	for _, name := range sortedKeys(values) {
		for _, value := range values[name] {
			if name != "format" {
				note.filters = append(note.filters, name+"="+value)
			}
		}
	}
	err := engine.Read(ctx, s.config.Store, projections.CasesName, func(view engine.View) error {
		note.asOf = asOf(view)
		return nil
	})
	return note, err
}

// An export on its way to one client.
type export struct {
	server  *Server
	note    exportNote
	query   caseQuery
	columns []column
	control *http.ResponseController
	sheet   sheet
	rows    int
}

func (e *export) start(w http.ResponseWriter) {
	header := w.Header()
	name := fmt.Sprintf("cases-%s-at-%s.%s", e.note.at.UTC().Format("20060102T150405Z"), e.note.asOf.Position, e.query.format)
	header.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	header.Set(headerPosition, e.note.asOf.Position)
	out := io.Writer(w)
	if e.query.format == "xlsx" {
		header.Set("Content-Type", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
		e.sheet = newXLSX(out)
		return
	}
	header.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	e.sheet = newCSV(out)
}

func (e *export) run(ctx context.Context, scope projections.Scope) error {
	if err := e.sheet.begin(e.columns, e.note); err != nil {
		return err
	}
	err := projections.ExportCases(ctx, e.server.config.Store, scope, e.query.CaseQuery, func(rows []projections.CaseRow) error {
		return e.chunk(ctx, rows)
	})
	if err != nil {
		return err
	}
	return e.sheet.end()
}

// chunk writes some rows and hands them on, giving the client its time for each chunk anew.
func (e *export) chunk(ctx context.Context, rows []projections.CaseRow) error {
	cases, err := e.server.openCases(ctx, rows, e.query.Today)
	if err != nil {
		return err
	}
	// A connection that cannot set deadlines (a test's recorder) has none.
	_ = e.control.SetWriteDeadline(time.Now().Add(e.server.limits.RequestTimeout))
	if err := ctx.Err(); err != nil {
		return err // it may have ended, and cut the connection, just before the deadline was set
	}
	values := make([]any, len(e.columns))
	for _, c := range cases {
		for i, column := range e.columns {
			values[i] = column.value(c)
		}
		if err := e.sheet.row(values); err != nil {
			return err
		}
		e.rows++
	}
	if err := e.sheet.flush(); err != nil {
		return err
	}
	if err := e.control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}
