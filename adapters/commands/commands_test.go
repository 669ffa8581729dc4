package commands_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/adapters/keyring"
	"casesync/domain"
	"casesync/domain/access"
	"casesync/domain/business"
	"casesync/domain/casefile"
	"casesync/domain/catalog"
	"casesync/domain/feed"
	"casesync/domain/private"
	"casesync/eventstore"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqlitelog"
)

const source = "https://cms.example/a"

var (
	system   = access.Principal{ID: "token:cms", Roles: []access.Role{access.CMS}}
	operator = access.Principal{ID: "token:operator", Roles: []access.Role{access.Operator}}
	now      = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
)

// open returns commands on a log of their own.
func open(t *testing.T, limits eventstore.Limits) (*commands.Commands, *sqlitelog.Log, *eventstore.Codec) {
	t.Helper()
	ctx, dir := context.Background(), t.TempDir()
	db, err := sqldb.Open(ctx, "sqlite:"+filepath.Join(dir, "keyring.db"))
	if err != nil {
		t.Fatalf("open database: %v", err)
	}
	t.Cleanup(func() { _ = db.Close() })
	ring, err := keyring.Open(ctx, db, keyring.NewFileKEK(filepath.Join(dir, "kek")), keyring.Config{})
	if err != nil {
		t.Fatalf("open key ring: %v", err)
	}
	t.Cleanup(ring.Close)
	log, err := sqlitelog.Open(ctx, filepath.Join(dir, "log.db"), sqlitelog.Config{Limits: limits})
	if err != nil {
		t.Fatalf("open log: %v", err)
	}
	t.Cleanup(func() { _ = log.Close() })
	codec := eventstore.NewCodec(catalog.New(), ring)
	return commands.New(commands.Config{Log: log, Codec: codec}), log, codec
}

func origin(id string, sequence int64) feed.Origin {
	return feed.Origin{Source: source, ID: id, Sequence: sequence, Time: now, Digest: "digest of " + id}
}

func record(t *testing.T, run *commands.Commands, o feed.Origin) commands.Verdict {
	t.Helper()
	verdict, err := run.RecordCase(context.Background(), system, "C-1", o, &casefile.StageChanged{Origin: o, Stage: "on-hold"}, nil)
	if err != nil {
		t.Fatalf("record: %v", err)
	}
	return verdict
}

func TestNobodyDoesWhatHeMayNot(t *testing.T) {
	t.Parallel()
	run, log, _ := open(t, eventstore.Limits{})
	ctx, o := context.Background(), origin("1", 1)
	for _, role := range access.Roles() {
		by := access.Principal{ID: "x", Roles: []access.Role{role}, Grants: map[string][]access.Role{"123456": {role}}}
		_, caseErr := run.RecordCase(ctx, by, "C-1", o, &casefile.StageChanged{Origin: o, Stage: "s"}, nil)
		_, businessErr := run.RecordBusiness(ctx, by, "123456", o, &business.Updated{Origin: o, FRN: "123456", Name: "N"}, nil)
		_, retryErr := run.RecordCase(ctx, by, "C-1", o, &casefile.StageChanged{Origin: o, Stage: "s"}, &commands.Retry{Reason: "r"})
		_, skipErr := run.Skip(ctx, by, commands.Skip{Stream: "casefile-C-1", Source: source, From: 1, To: 1, Reason: "r", At: now})
		for what, got := range map[string]struct {
			err error
			may access.Permission
		}{
			"record case": {caseErr, access.PublishEvents}, "record business": {businessErr, access.PublishEvents},
			"retry": {retryErr, access.OperateFeeds}, "skip": {skipErr, access.OperateFeeds},
		} {
			if forbidden := errors.Is(got.err, commands.ErrForbidden); forbidden == role.Gives(got.may) {
				t.Errorf("%s: %s: got %v, want it forbidden: %v", role, what, got.err, !role.Gives(got.may))
			}
		}
	}
	for recorded, err := range log.ReadAll(ctx, eventstore.Position{}) {
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		if !strings.Contains(string(recorded.Metadata), `"actor":"cms:`) && !strings.Contains(string(recorded.Metadata), `"actor":"x"`) {
			t.Errorf("got metadata %s", recorded.Metadata)
		}
	}
}

func TestSkip(t *testing.T) {
	t.Parallel()
	run, _, _ := open(t, eventstore.Limits{})
	ctx := context.Background()
	record(t, run, origin("1", 1))
	if got := record(t, run, origin("4", 4)); got.Status != commands.Held {
		t.Fatalf("got %+v, want it held", got)
	}
	skip := commands.Skip{Stream: commands.CaseStream("C-1"), Source: source, From: 2, To: 3, Reason: "lost at the source", At: now}
	cases := []struct {
		name   string
		change func(*commands.Skip)
		want   error
		code   string
	}{
		{"without a reason", func(s *commands.Skip) { s.Reason = " " }, commands.ErrNoReason, ""},
		{"of nothing we know", func(s *commands.Skip) { s.Stream = "access-123456" }, commands.ErrNoStream, ""},
		{"of a case that does not exist", func(s *commands.Skip) { s.Stream = "casefile-C-2" }, eventstore.ErrWrongExpectedRevision, ""},
		{"of what was recorded", func(s *commands.Skip) { s.From, s.To = 1, 1 }, nil, feed.CodeSequencePassed},
		{"of no range", func(s *commands.Skip) { s.From, s.To = 3, 2 }, nil, feed.CodeSequenceOutOfRange},
	}
	for _, c := range cases {
		changed := skip
		c.change(&changed)
		_, err := run.Skip(ctx, operator, changed)
		var refusal *domain.Refusal
		if c.want != nil && !errors.Is(err, c.want) || c.code != "" && (!errors.As(err, &refusal) || refusal.Code != c.code) {
			t.Errorf("%s: got %v, want %v %s", c.name, err, c.want, c.code)
		}
	}
	if got, err := run.Skip(ctx, operator, skip); err != nil || got.Status != commands.Accepted || got.Position.IsZero() {
		t.Errorf("got %+v, %v, want it accepted", got, err)
	}
	if got, err := run.Skip(ctx, operator, skip); err != nil || got.Status != commands.Duplicate {
		t.Errorf("again: got %+v, %v, want a duplicate", got, err)
	}
	if got := record(t, run, origin("5", 5)); got.Status != commands.Accepted {
		t.Errorf("after it: got %+v, want it accepted", got)
	}
}

// What would come out the same at once again is a verdict; everything else is an error.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	run, log, _ := open(t, eventstore.Limits{EventBytesMax: 4000})
	ctx := context.Background()
	if got := record(t, run, origin("1", 1)); got.Status != commands.Accepted || got.Position.Major != 1 {
		t.Errorf("got %+v, want it accepted at 1", got)
	}
	if got := record(t, run, origin("1", 1)); got.Status != commands.Duplicate {
		t.Errorf("again: got %+v, want a duplicate", got)
	}
	got := record(t, run, origin("other", 1))
	if got.Code != feed.CodeSequenceConflict || !strings.HasPrefix(got.Reason, "Other content") || !strings.HasSuffix(got.Reason, ".") {
		t.Errorf("got %+v, want a conflict, in a sentence", got)
	}
	o := origin("big", 2)
	big := &casefile.Suppressed{Origin: o, Reason: private.Of(strings.Repeat("x", 5000))}
	if got, err := run.RecordCase(ctx, system, "C-1", o, big, nil); err != nil || got.Code != commands.CodeTooLarge {
		t.Errorf("got %+v, %v, want it too large", got, err)
	}
	o = origin("1", 1)
	if got, err := run.RecordCase(ctx, system, "C-9", o, &casefile.StageChanged{Origin: o, Stage: "s"}, nil); err != nil || got.Status != commands.Duplicate {
		t.Errorf("on another case: got %+v, %v, want a duplicate", got, err)
	}
	newer := eventstore.Event{ID: uuid.New(), Type: "casefile.of-the-future.v1", Data: []byte("{}"), Metadata: []byte("{}")}
	if _, err := log.Append(ctx, "casefile-C-1", eventstore.Any, newer); err != nil {
		t.Fatalf("append: %v", err)
	}
	if got := record(t, run, origin("3", 3)); got.Code != commands.CodeNewer {
		t.Errorf("beside a newer version: got %+v, want %s", got, commands.CodeNewer)
	}
	if err := log.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if got, err := run.RecordCase(ctx, system, "C-5", o, &casefile.StageChanged{Origin: o, Stage: "s"}, nil); err == nil {
		t.Errorf("log closed: got %+v, want an error", got)
	}
}
