package subject_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"casesync/adapters/activity"
	"casesync/adapters/commands"
	"casesync/adapters/identity/local"
	"casesync/adapters/identity/sessions"
	"casesync/adapters/keyring"
	"casesync/adapters/reactions"
	"casesync/adapters/state"
	"casesync/adapters/subject"
	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/casefile"
	"casesync/domain/catalog"
	"casesync/domain/membership"
	"casesync/eventstore"
	"casesync/eventstore/pglog"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/eventstore/sqlitelog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	frn      = "123456"
	patience = 20 * time.Second
)

var operator = access.Principal{ID: "token:operator", Kind: access.Machine, Roles: []access.Role{access.Operator}}

func byOperator() commands.Ask { return commands.Ask{By: operator, Reason: "as the rules say"} }

// world is an installation, all real, but for mails and the read models, which are one business.
type world struct {
	*subject.Subjects
	t           *testing.T
	db          *sqldb.DB
	log         eventstore.Log
	ring        *keyring.Ring
	codec       *eventstore.Codec
	people      *commands.People
	desk        *commands.Casework
	links       commands.Links
	checkpoints *state.Checkpoints
	sessions    *sessions.Sessions
	credentials *local.Credentials
	activity    *activity.Log
	cases       *eventstore.Handler[*casefile.State, casefile.Command, casefile.Event]
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	sqldbtest.Each(t, func(t *testing.T, address string) { test(t, newWorld(t, address)) })
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("got %v", err)
	}
}

func (w *world) open(address string) {
	t, ctx := w.t, context.Background()
	t.Helper()
	var err error
	w.db, err = sqldb.Open(ctx, address)
	w.must(err)
	t.Cleanup(func() { _ = w.db.Close() })
	if path, is := strings.CutPrefix(address, "sqlite:"); is {
		log, err := sqlitelog.Open(ctx, filepath.Join(filepath.Dir(path), "log.db"), sqlitelog.Config{})
		w.must(err)
		t.Cleanup(func() { _ = log.Close() })
		w.log = log
	} else {
		log, err := pglog.Open(ctx, address, pglog.Config{})
		w.must(err)
		t.Cleanup(func() { _ = log.Close() })
		w.log = log
	}
	w.ring, err = keyring.Open(ctx, w.db, keyring.NewFileKEK(filepath.Join(t.TempDir(), "kek")), keyring.Config{})
	w.must(err)
	t.Cleanup(w.ring.Close)
	w.codec = eventstore.NewCodec(catalog.New(), w.ring)
}

func newWorld(t *testing.T, address string) *world {
	t.Helper()
	ctx := context.Background()
	w := &world{t: t, links: commands.NewLinks([]byte(strings.Repeat("l", 32)))}
	w.open(address)
	var err error
	w.checkpoints, err = state.OpenCheckpoints(ctx, w.db, nil)
	w.must(err)
	w.sessions, err = sessions.Open(ctx, sessions.Config{DB: w.db})
	w.must(err)
	w.credentials, err = local.Open(ctx, local.Config{
		DB: w.db, Sealer: w.codec, SubjectOf: func(user string) string { return "account-" + user }, Hashing: local.Hashing{MemoryKiB: 64, Passes: 1},
	})
	w.must(err)
	w.activity, err = activity.Open(ctx, activity.Config{DB: w.db})
	w.must(err)
	t.Cleanup(w.activity.Close)
	w.people, err = commands.NewPeople(commands.PeopleConfig{
		Log: w.log, Codec: w.codec, AddressKey: []byte(strings.Repeat("a", 32)), Links: w.links, Memberships: everybody,
	})
	w.must(err)
	w.cases = eventstore.NewHandler(w.log, w.codec, eventstore.Decider[*casefile.State, casefile.Command, casefile.Event]{
		Initial: casefile.Initial, Decide: casefile.Decide, Evolve: casefile.Evolve,
	}, 10)
	w.desk = w.newDesk()
	w.Subjects, err = subject.New(w.config())
	w.must(err)
	return w
}

func everybody(context.Context, string) ([]string, error) { return []string{frn}, nil }

func (w *world) allocations(ctx context.Context, person string) (refs []string, err error) {
	err = w.cases.State(ctx, "casefile-C-1", func(s *casefile.State, _ eventstore.Revision) {
		if person != "" && s.Allocated() == person {
			refs = []string{"C-1"}
		}
	})
	return refs, err
}

func (w *world) config() subject.Config {
	return subject.Config{
		Log: w.log, Codec: w.codec, Account: w.people.Account, Memberships: everybody, Allocations: w.allocations,
		Credentials: func(ctx context.Context, person string) (subject.Credentials, error) {
			s, err := w.credentials.Status(ctx, person)
			return subject.Credentials{
				PasswordSetAt: s.PasswordSetAt, SecondFactor: s.SecondFactor, RecoveryCodesLeft: s.RecoveryCodesLeft, Questions: s.Questions,
			}, err
		},
		Sessions: func(ctx context.Context, person string) ([]subject.Session, error) {
			list, err := w.sessions.List(ctx, person)
			var shown []subject.Session
			for _, s := range list {
				shown = append(shown, subject.Session{Method: s.Method, StartedAt: s.StartedAt, SeenAt: s.SeenAt})
			}
			return shown, err
		},
		Mails: func(context.Context, string) ([]subject.Mail, error) {
			return []subject.Mail{{Kind: "invitation", Status: "sent"}}, nil
		},
		Activities: func(ctx context.Context, actor string, each func(commands.Activity) error) error {
			for after := int64(0); ; {
				page, err := w.activity.After(ctx, activity.Filter{Actor: actor}, after, activity.PageEntriesMax)
				if err != nil || len(page) == 0 {
					return err
				}
				for _, entry := range page {
					if err := each(entry.Activity); err != nil {
						return err
					}
					after = entry.Seq
				}
			}
		},
		Tickets: w.tickets, Views: w.desk.Views, Uploads: w.uploads, Notifications: w.notifications,
		EraseAccount: w.people.EraseAccount, EraseParty: w.people.EraseParty,
		Reacted: func(ctx context.Context, position eventstore.Position) error {
			return reactions.Reacted(ctx, w.checkpoints, position)
		},
	}
}

// react runs reactions until the test ends, or stop.
func (w *world) react(destroy func(ctx context.Context, order string, subjects ...string) error) {
	w.t.Helper()
	r, err := reactions.New(unsent(reactions.Config{
		Log: w.log, Codec: w.codec, Checkpoints: w.checkpoints, EndSessions: w.sessions.EndAll, Credentials: w.credentials,
		SuspendMember: w.people.SuspendMember, RemoveMember: w.people.RemoveMember, FinishAcceptance: w.people.FinishAcceptance,
		ReleaseAddress: w.people.ReleaseAddress, FollowConfiguration: w.people.FollowConfiguration, NoteActive: w.people.NoteActive,
		ReturnCases: w.people.ReturnCases, CaughtUp: func(context.Context, eventstore.Position) error { return nil }, Memberships: everybody,
		Allocations:  func(ctx context.Context, person, _ string) ([]string, error) { return w.allocations(ctx, person) },
		PurgeMails:   func(context.Context, string) error { return nil },
		PurgeLetters: func(context.Context, eventstore.StreamName) error { return nil }, DestroyKeys: destroy,
		RetryPauseFirst: time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	}))
	w.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("run reactions: %v", err)
		}
	})
}

// join invites somebody as a caseworker, who accepts, and returns the user id and the token used.
func (w *world) join(name, email string) (person, token string) {
	w.t.Helper()
	ctx := context.Background()
	id, person, _, err := w.people.Invite(ctx, byOperator(), frn, commands.Invitation{Name: name, Email: email, Roles: []access.Role{access.Caseworker}})
	w.must(err)
	w.must(w.people.NoteFactor(ctx, person, account.TOTP, 0))
	for recorded, err := range w.log.ReadStream(ctx, "access-"+frn, 0) {
		w.must(err)
		decoded, err := w.codec.Decode(recorded)
		w.must(err)
		if invited, is := decoded.Event.(*membership.MemberInvited); is && invited.InvitationID == id {
			token = w.links.Token(commands.Link{Kind: commands.InvitationLink, Of: frn, ID: id, ExpiresAt: invited.ExpiresAt})
		}
	}
	_, err = w.people.AcceptInvitation(ctx, token, "")
	w.must(err)
	return person, token
}

func (w *world) signIn(person string) {
	w.t.Helper()
	handler := w.sessions.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ticket, err := w.sessions.Ticket(r.Context(), person)
		w.must(err)
		w.must(w.sessions.SignIn(r.Context(), ticket, "local"))
	}))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "https://portal.example/", nil))
}

func (w *world) decide(ref string, command casefile.Command) {
	w.t.Helper()
	_, err := w.cases.Handle(context.Background(), eventstore.Request{
		Stream: eventstore.StreamName("casefile-" + ref), CommandID: uuid.New(), Actor: "system:test", OccurredAt: time.Now(), Expected: eventstore.Any,
	}, command)
	w.must(err)
}
