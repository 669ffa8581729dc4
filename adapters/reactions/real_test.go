package reactions_test

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/adapters/reactions"
	"casesync/adapters/readmodel"
	"casesync/domain/calendar"
	"casesync/domain/casefile"
	"casesync/domain/notification"
	"casesync/domain/outgoing"
	"casesync/domain/private"
	"casesync/domain/upload"
	"casesync/eventstore"
	"casesync/eventstore/sqldb"
	"casesync/projections"
	"casesync/projections/engine"
)

// withCasework is the configuration with real casework, and a real read model of cases that keeps up with the log.
func (w *world) withCasework() (reactions.Config, *commands.Casework) {
	w.t.Helper()
	store := w.keepCases()
	desk, err := commands.NewCasework(commands.CaseworkConfig{
		Log: w.log, Codec: w.codec, People: w.People, Limits: upload.Standard(), DigestKey: []byte(strings.Repeat("d", 32)), Links: w.links,
		SentOn: func(context.Context, string, calendar.Day) (int64, error) { return 0, nil },
	})
	w.must(err)
	c := w.config()
	c.StopUploads, c.StopNotification, c.EraseUploads = desk.StopUploads, desk.StopNotification, desk.EraseUploads
	c.CaughtUp = func(ctx context.Context, at eventstore.Position) error {
		return engine.WaitFor(ctx, store, projections.CasesName, at)
	}
	c.NotificationsInLine = func(ctx context.Context, ref string) (ids []string, err error) {
		err = engine.Read(ctx, store, projections.CasesName, func(view engine.View) error {
			ids, err = projections.NotificationsInLine(ctx, view, projections.SystemScope("reactions"), ref)
			return err
		})
		return ids, err
	}
	return c, desk
}

// keepCases keeps the read model of cases up with the log until the test ends.
func (w *world) keepCases() engine.Store {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w.t.Cleanup(cancel)
	address := "sqlite:" + filepath.Join(w.dir, "rows.db")
	if w.db.Dialect == sqldb.Postgres {
		address = w.address
	}
	store, err := readmodel.Open(ctx, address)
	w.must(err)
	w.t.Cleanup(func() { _ = store.Close() })
	w.must(engine.Setup(ctx, store))
	words := projections.NewWords(bytes.Repeat([]byte("w"), 32))
	for _, projection := range projections.All() {
		if projection.Name != projections.CasesName {
			continue
		}
		runner, err := engine.NewRunner(engine.Config{
			Store: store, Log: w.log, Prepare: engine.NewPrepare(w.codec, words.Index), Projection: projection, Logger: slog.New(slog.DiscardHandler),
		})
		w.must(err)
		done := make(chan error, 1)
		go func() { done <- runner.Run(ctx) }()
		w.t.Cleanup(func() { cancel(); <-done })
	}
	return store
}

// send has somebody send a notification about a case.
func (w *world) send(ref string) (id string) {
	w.t.Helper()
	id = uuid.NewString()
	events, err := notification.Decide(notification.Initial(), notification.Send{
		Case: ref, Standing: outgoing.Case{FRN: frn, Converted: true, Open: true}, FRN: frn, Person: "u", Type: "general-update",
		Fields: map[string]string{"message": "The file is on its way."}, At: upTo,
	})
	w.must(err)
	w.tell("notification-"+id, events[0])
	return id
}

// last is the type of the last event of a stream.
func (w *world) last(stream string) (name string) {
	w.t.Helper()
	events, err := w.events(context.Background(), stream)
	w.must(err)
	return events[len(events)-1].Type
}

// A notification in line is withdrawn when its case is hidden, also where the read model is behind; one about another
// case stays in line, and so does one whose case is shown again by then.
func TestSuppressionWithdrawsWhatIsInLine(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		config, desk := w.withCasework()
		hidden := func(ref string) *casefile.Suppressed {
			return &casefile.Suppressed{Origin: from(), Reason: private.Of("threats")}
		}
		for _, ref := range []string{"C-1", "C-2", "C-3"} {
			w.open(ref, "")
		}
		barred, other, shown := w.send("C-1"), w.send("C-2"), w.send("C-3")
		w.record("C-1", hidden("C-1"))
		w.record("C-3", hidden("C-3"))
		_, err := desk.Unsuppress(context.Background(), byOperator(), "C-3")
		w.must(err)
		w.start(config)
		w.reacted()
		for id, want := range map[string]string{barred: "notification.withdrawn.v1", other: "notification.sent.v1", shown: "notification.sent.v1"} {
			if got := w.last("notification-" + id); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	})
}
