package state_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"casesync/adapters/state"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

// The last success stays known while a sweep fails.
func TestSweepsKeepTheLastSuccess(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		ctx := context.Background()
		db, err := sqldb.Open(ctx, address)
		if err != nil {
			t.Fatalf("open database: %v", err)
		}
		t.Cleanup(func() { _ = db.Close() })
		sweeps, err := state.OpenSweeps(ctx, db)
		if err != nil {
			t.Fatalf("open sweeps: %v", err)
		}
		steps := []struct {
			at                 time.Time
			fault              string
			succeeded          time.Time
			wantFaultBytesMost int
		}{
			{start, "broken", time.Time{}, 6},
			{start.Add(time.Hour), "", start.Add(time.Hour), 0},
			{start.Add(2 * time.Hour), strings.Repeat("é", 1000), start.Add(time.Hour), 510},
			{start.Add(3 * time.Hour), "", start.Add(3 * time.Hour), 0},
		}
		if started, succeeded, fault, err := sweeps.Last(ctx, "accounts"); err != nil || !started.IsZero() || !succeeded.IsZero() || fault != "" {
			t.Errorf("never run: got %v, %v, %q, %v", started, succeeded, fault, err)
		}
		for _, step := range steps {
			if err := sweeps.Note(ctx, "accounts", step.at, step.fault); err != nil {
				t.Fatalf("note: %v", err)
			}
			started, succeeded, fault, err := sweeps.Last(ctx, "accounts")
			if err != nil || !started.Equal(step.at) || !succeeded.Equal(step.succeeded) || (fault == "") != (step.fault == "") || len(fault) > step.wantFaultBytesMost {
				t.Errorf("at %v: got %v, %v, %q, %v, want success at %v", step.at, started, succeeded, fault, err, step.succeeded)
			}
		}
	})
}
