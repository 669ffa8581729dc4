package projections

import (
	"context"
	"fmt"
	"strings"
	"time"

	"casesync/domain/business"
	"casesync/eventstore"
	"casesync/projections/engine"
)

// businessStreams is how the streams of businesses begin; the rest is the FRN.
const businessStreams = "business-"

type businessRow struct {
	FRN, Name, Group   string
	FirstAt, UpdatedAt int64
}

var businesses = &engine.Table[businessRow]{
	Spec: engine.Spec{
		Name: "businesses", Key: 1,
		Columns: join(texts("frn", "name", "business_group"), numbers("first_at", "updated_at")),
	},
	Fields: func(r *businessRow) []any { return []any{&r.FRN, &r.Name, &r.Group, &r.FirstAt, &r.UpdatedAt} },
}

// Businesses is the read model of respondent businesses, by FRN.
func Businesses() engine.Projection {
	return engine.Projection{
		Name: BusinessesName, Version: 1,
		Tables: []engine.AnyTable{businesses},
		Key:    businessKey,
		Fold:   foldBusiness,
		Streams: func(frn string) []eventstore.StreamName {
			return []eventstore.StreamName{eventstore.StreamName(businessStreams + frn)}
		},
		Prefixes: []string{businessStreams},
	}
}

// businessKey is the FRN. What is held, was not recognised or was skipped says nothing of the business.
func businessKey(e engine.Event) (key string, wanted bool) {
	frn, ours := strings.CutPrefix(string(e.Stream), businessStreams)
	switch e.Event.(type) {
	case nil, *business.Updated:
		return frn, ours
	}
	return "", false
}

func foldBusiness(rows *engine.Rows, e engine.Event) error {
	updated, ok := e.Event.(*business.Updated)
	if !ok {
		return fmt.Errorf("fold business: no fold for a %T", e.Event)
	}
	frn, _ := businessKey(e)
	at := micros(updated.Origin.Time)
	row := businessRow{FRN: frn, Name: updated.Name, Group: updated.Group, FirstAt: at, UpdatedAt: at}
	if known := businesses.Get(rows, frn); known != nil {
		row.FirstAt, row.UpdatedAt = min(known.FirstAt, at), max(known.UpdatedAt, at)
	}
	businesses.Put(rows, row)
	return nil
}

// BusinessRow is a respondent business as its source names it. One that cases name but no source
// ever described is in no answer here: show its FRN.
type BusinessRow struct {
	FRN, Name, Group   string
	FirstAt, UpdatedAt time.Time // when it was first named and last changed, at the source
}

// ListBusinesses returns at most limit (up to PageRowsMax) of the businesses that scope sees,
// after FRN after, by FRN; operators see all. View is of BusinessesName.
func ListBusinesses(ctx context.Context, view engine.View, scope Scope, after string, limit int) ([]BusinessRow, error) {
	s := &statement{}
	return businessRows(ctx, view, s.named(scope)+" AND frn > "+s.arg(after)+" ORDER BY frn"+s.limit(limit), s)
}

// FindBusiness returns the business frn; false if there is none that scope sees.
func FindBusiness(ctx context.Context, view engine.View, scope Scope, frn string) (BusinessRow, bool, error) {
	s := &statement{}
	rows, err := businessRows(ctx, view, s.named(scope)+" AND frn = "+s.arg(frn), s)
	if err != nil || len(rows) == 0 {
		return BusinessRow{}, false, err
	}
	return rows[0], true, nil
}

// named is true for a business whose name scope sees.
func (s *statement) named(scope Scope) string {
	if scope.feeds {
		return "1 = 1"
	}
	return s.businesses(scope, "frn")
}

func businessRows(ctx context.Context, view engine.View, rest string, s *statement) ([]BusinessRow, error) {
	rows, err := rowsOf(ctx, view, businesses, "SELECT "+list(businesses.Columns, "")+" FROM {businesses} WHERE "+rest, s)
	shown := make([]BusinessRow, len(rows))
	for i, r := range rows {
		shown[i] = BusinessRow{FRN: r.FRN, Name: r.Name, Group: r.Group,
			FirstAt: instant(r.FirstAt), UpdatedAt: instant(r.UpdatedAt)}
	}
	return shown, err
}
