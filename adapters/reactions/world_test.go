package reactions_test

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"
	"go.uber.org/goleak"

	"casesync/adapters/commands"
	"casesync/adapters/identity/local"
	"casesync/adapters/identity/sessions"
	"casesync/adapters/keyring"
	"casesync/adapters/reactions"
	"casesync/adapters/state"
	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/casefile"
	"casesync/domain/catalog"
	"casesync/domain/feed"
	"casesync/domain/membership"
	"casesync/domain/onboarding"
	"casesync/domain/private"
	"casesync/eventstore"
	"casesync/eventstore/follower"
	"casesync/eventstore/pglog"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/eventstore/sqlitelog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	frn      = "123456"
	patience = 20 * time.Second
	secret   = "a long sentence nobody else says"
)

var operator = access.Principal{ID: "token:operator", Kind: access.Machine, Roles: []access.Role{access.Operator}}

// world is an installation: its log, key ring and state, all real, in one database but for SQLite's log.
type world struct {
	*commands.People
	t           *testing.T
	address     string
	dir         string
	db          *sqldb.DB
	log         logOfTests
	ring        *keyring.Ring
	codec       *eventstore.Codec
	links       commands.Links
	checkpoints *state.Checkpoints
	letters     *state.DeadLetters
	sessions    *sessions.Sessions
	credentials *local.Credentials
	cases       *eventstore.Handler[*casefile.State, casefile.Command, casefile.Event]
	purged      map[string]int // mails, by person, request or ticket
	sent        *sent
}

type logOfTests interface {
	eventstore.Log
	eventstore.Header
	Close() error
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

func newWorld(t *testing.T, address string) *world {
	t.Helper()
	ctx := context.Background()
	w := &world{t: t, address: address, dir: t.TempDir(), links: commands.NewLinks([]byte(strings.Repeat("l", 32))), purged: map[string]int{}, sent: newSent()}
	var err error
	w.db, err = sqldb.Open(ctx, address)
	w.must(err)
	t.Cleanup(func() { _ = w.db.Close() })
	if path, is := strings.CutPrefix(address, "sqlite:"); is {
		w.dir = filepath.Dir(path)
		w.log, err = sqlitelog.Open(ctx, filepath.Join(w.dir, "log.db"), sqlitelog.Config{})
	} else {
		w.log, err = pglog.Open(ctx, address, pglog.Config{})
	}
	w.must(err)
	t.Cleanup(func() { _ = w.log.Close() })
	w.ring, err = keyring.Open(ctx, w.db, keyring.NewFileKEK(filepath.Join(t.TempDir(), "kek")), keyring.Config{})
	w.must(err)
	t.Cleanup(w.ring.Close)
	w.codec = eventstore.NewCodec(catalog.New(), w.ring)
	w.checkpoints, err = state.OpenCheckpoints(ctx, w.db, nil)
	w.must(err)
	w.letters, err = state.OpenDeadLetters(ctx, w.db, w.codec, nil)
	w.must(err)
	w.sessions, err = sessions.Open(ctx, sessions.Config{DB: w.db})
	w.must(err)
	w.credentials, err = local.Open(ctx, local.Config{
		DB: w.db, Sealer: w.codec, SubjectOf: func(user string) string { return "account-" + user },
		Hashing: local.Hashing{MemoryKiB: 64, Passes: 1},
	})
	w.must(err)
	w.People, err = commands.NewPeople(commands.PeopleConfig{
		Log: w.log, Codec: w.codec, AddressKey: []byte(strings.Repeat("a", 32)), Links: w.links, Memberships: w.memberships,
	})
	w.must(err)
	w.cases = eventstore.NewHandler(w.log, w.codec, eventstore.Decider[*casefile.State, casefile.Command, casefile.Event]{
		Initial: casefile.Initial, Decide: casefile.Decide, Evolve: casefile.Evolve,
	}, 100)
	return w
}

// config is the reactions' on real things; the read models are the log itself, never late.
func (w *world) config() reactions.Config {
	return reactions.Config{
		Log: w.log, Codec: w.codec, Checkpoints: w.checkpoints,
		EndSessions: w.sessions.EndAll, Credentials: w.credentials,
		SuspendMember: w.SuspendMember, RemoveMember: w.RemoveMember, FinishAcceptance: w.FinishAcceptance,
		ReleaseAddress: w.ReleaseAddress, FollowConfiguration: w.FollowConfiguration, NoteActive: w.NoteActive,
		ReturnCases: w.ReturnCases,
		CaughtUp:    func(context.Context, eventstore.Position) error { return nil },
		Memberships: w.memberships, Allocations: w.allocations,
		PurgeMails: func(_ context.Context, id string) error { w.purged[id]++; return nil },
		PurgeSaved: func(context.Context, string) error { return nil }, PurgeLetters: w.letters.Erase, DestroyKeys: w.ring.DestroyTreeOnce,
		StopUploads: w.sent.stopUploads, StopNotification: w.sent.stopNotification, EraseUploads: w.sent.eraseUploads,
		NotificationsInLine: w.sent.inLine,
		RemoveUpload:        w.sent.remove, RescanUpload: w.sent.rescan, ForgetDocuments: w.sent.forgetDocuments,
		LeaseTTL: 2 * time.Second, RetryPauseFirst: time.Millisecond, RetryPauseMax: 5 * time.Millisecond,
		Logger: slog.New(slog.DiscardHandler),
	}
}

// start runs reactions until stop.
func (w *world) start(config reactions.Config) (r *reactions.Reactions, stop func()) {
	w.t.Helper()
	r, err := reactions.New(config)
	w.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("run reactions: got %v", err)
		}
	}
	w.t.Cleanup(stop)
	return r, stop
}

// reacted waits until everything in the log, and what reactions added to it, was reacted to.
func (w *world) reacted() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for before := -1; ; {
		events, err := w.events(ctx, "")
		w.must(err)
		if len(events) == before {
			return
		}
		before = len(events)
		for name, wanted := range reactions.Wants() {
			for _, event := range slices.Backward(events) {
				if slices.Contains(wanted, event.Type) {
					w.must(follower.WaitFor(ctx, w.checkpoints, name, event.Position))
					break
				}
			}
		}
	}
}

func (w *world) events(ctx context.Context, prefix string) ([]eventstore.Decoded, error) {
	var list []eventstore.Decoded
	for recorded, err := range w.log.ReadAll(ctx, eventstore.Position{}) {
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(string(recorded.Stream), prefix) {
			decoded, err := w.codec.Decode(recorded)
			if err != nil {
				return nil, err
			}
			list = append(list, decoded)
		}
	}
	return list, nil
}

func (w *world) memberships(ctx context.Context, person string) ([]string, error) {
	events, err := w.events(ctx, "access-")
	frns := map[string]bool{}
	for _, event := range events {
		if invited, is := event.Event.(*membership.MemberInvited); is && invited.Person == person {
			frns[strings.TrimPrefix(string(event.Stream), "access-")] = true
		}
	}
	return slices.Sorted(maps.Keys(frns)), err
}

func (w *world) allocations(ctx context.Context, person, frn string) ([]string, error) {
	events, err := w.events(ctx, "casefile-")
	if err != nil {
		return nil, err
	}
	refs := map[string]bool{}
	for _, event := range events {
		err := w.cases.State(ctx, event.Stream, func(s *casefile.State, _ eventstore.Revision) {
			if s.Allocated() == person && (frn == "" || s.FRN() == frn) {
				refs[strings.TrimPrefix(string(event.Stream), "casefile-")] = true
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return slices.Sorted(maps.Keys(refs)), nil
}

func (w *world) decide(ctx context.Context, ref string, command casefile.Command) (commands.Done, error) {
	answer, err := w.cases.Handle(ctx, eventstore.Request{
		Stream: eventstore.StreamName("casefile-" + ref), CommandID: uuid.New(), Actor: "system:test", OccurredAt: time.Now(), Expected: eventstore.Any,
	}, command)
	return commands.Done{Position: answer.Position}, err
}

// open opens a case at the business, allocated to a person.
func (w *world) open(ref, person string) {
	w.t.Helper()
	w.record(ref, &casefile.Converted{
		Origin: feed.Origin{Source: "https://cms.example/a", ID: uuid.NewString()}, FRN: frn, ConvertedAt: time.Now().UTC(),
		Consumer: private.Of(casefile.Party{Name: "Petra Muster", Email: "petra.muster@example.net"}),
	})
	if person != "" {
		_, err := w.decide(context.Background(), ref, casefile.Allocate{To: person})
		w.must(err)
	}
}

func (w *world) record(ref string, fact casefile.Event) {
	w.t.Helper()
	_, err := w.decide(context.Background(), ref, casefile.Record{Fact: fact})
	w.must(err)
}

func byOperator() commands.Ask { return commands.Ask{By: operator, Reason: "as the rules say"} }

func (w *world) configure(frn string) {
	w.t.Helper()
	_, err := w.ConfigureBusiness(context.Background(), byOperator(), frn, []string{"example.com"}, account.Local, "")
	w.must(err)
}

// join invites somebody, who has a second factor and accepts; it returns the user id.
func (w *world) join(frn, name, email string, warrant membership.Warrant, roles ...access.Role) (person string) {
	w.t.Helper()
	ctx := context.Background()
	id, person, _, err := w.Invite(ctx, byOperator(), frn, commands.Invitation{Name: name, Email: email, Roles: roles, Warrant: warrant})
	w.must(err)
	w.must(w.NoteFactor(ctx, person, account.TOTP, 0))
	_, err = w.AcceptInvitation(ctx, w.token(frn, id), "")
	w.must(err)
	return person
}

func (w *world) token(frn, invitationID string) string {
	w.t.Helper()
	events, err := w.events(context.Background(), "access-"+frn)
	w.must(err)
	for _, event := range events {
		if invited, is := event.Event.(*membership.MemberInvited); is && invited.InvitationID == invitationID {
			return w.links.Token(commands.Link{Kind: commands.InvitationLink, Of: frn, ID: invitationID, ExpiresAt: invited.ExpiresAt})
		}
	}
	w.t.Fatalf("there is no invitation %s", invitationID)
	return ""
}

// onboard sets the business up by an access request, and returns its id and the administrator that
// accepted.
func (w *world) onboard() (requestID, administrator string) {
	w.t.Helper()
	ctx := context.Background()
	requestID, _, _, err := w.SubmitRequest(ctx, commands.Ask{}, onboarding.Form{
		Businesses:     []onboarding.BusinessForm{{FRN: frn, Name: "Beispiel Credit", Domains: []string{"example.com"}}},
		Administrators: []onboarding.AdministratorForm{{Name: "Ada Beispiel", Email: "ada.beispiel@example.com"}},
		Contact:        onboarding.Person{Name: "Kim Beispiel", Email: "kim.beispiel@example.com"},
		Authentication: onboarding.Authentication{Method: account.Local},
	})
	w.must(err)
	_, err = w.CompleteRequest(ctx, byOperator(), requestID)
	w.must(err)
	_, err = w.ConfigureRequest(ctx, byOperator(), requestID, "", "")
	w.must(err)
	_, err = w.InviteAdministrators(ctx, byOperator(), requestID)
	w.must(err)
	events, err := w.events(ctx, "access-"+frn)
	w.must(err)
	for _, event := range events {
		if invited, is := event.Event.(*membership.MemberInvited); is {
			w.must(w.NoteFactor(ctx, invited.Person, account.TOTP, 0))
			_, err := w.AcceptInvitation(ctx, w.token(frn, invited.InvitationID), "")
			w.must(err)
			return requestID, invited.Person
		}
	}
	w.t.Fatal("nobody was invited")
	return "", ""
}

// enrol gives a person all credentials of a local account.
func (w *world) enrol(person string) {
	w.t.Helper()
	w.must(w.credentials.SetPassword(context.Background(), person, w.generations(person).Password, secret))
	w.enrolFactor(person)
	w.enrolQuestions(person)
	w.must(w.NoteQuestions(context.Background(), person, w.generations(person).Questions))
}

// changeMethodAndBack has a person sign in by a provider, and then by a local account again.
func (w *world) changeMethodAndBack(person string) error {
	accounts := eventstore.NewHandler(w.log, w.codec, eventstore.Decider[*account.State, account.Command, account.Event]{
		Initial: account.Initial, Decide: account.Decide, Evolve: account.Evolve,
	}, 1)
	for _, change := range []account.ChangeMethod{{Method: account.SAML, Connection: "idp"}, {Method: account.Local}} {
		request := eventstore.Request{
			Stream: eventstore.StreamName("account-" + person), CommandID: uuid.New(), Actor: "system:test", OccurredAt: time.Now(), Expected: eventstore.Any,
		}
		if _, err := accounts.Handle(context.Background(), request, change); err != nil {
			return err
		}
	}
	return nil
}

// generations are those under which a person enrols now.
func (w *world) generations(person string) account.Generations {
	w.t.Helper()
	view, err := w.Account(context.Background(), person)
	w.must(err)
	return view.Generations
}

// enrolFactor confirms a second factor, and notes it not.
func (w *world) enrolFactor(person string) {
	w.t.Helper()
	ctx, generation := context.Background(), w.generations(person).Factor
	enrolment, err := w.credentials.BeginTOTP(ctx, person, generation, "portal")
	w.must(err)
	code, err := totp.GenerateCode(enrolment.Secret, time.Now())
	w.must(err)
	_, err = w.credentials.ConfirmTOTP(ctx, person, generation, code)
	w.must(err)
}

// enrolQuestions sets security questions, and notes them not.
func (w *world) enrolQuestions(person string) {
	w.t.Helper()
	questions := local.Catalogue()
	w.must(w.credentials.SetQuestions(context.Background(), person, w.generations(person).Questions, []local.Answer{
		{Question: questions[0], Answer: "the first one"}, {Question: questions[1], Answer: "another"}, {Question: questions[2], Answer: "a third"},
	}))
}

func (w *world) status(person string) local.Status {
	w.t.Helper()
	status, err := w.credentials.Status(context.Background(), person)
	w.must(err)
	return status
}

// live reports whether a key of subject can be used.
func (w *world) live(subject string) bool {
	w.t.Helper()
	keys, err := w.ring.Lookup(context.Background(), subject)
	w.must(err)
	return keys[0].Secret != nil
}

// worker is a person with credentials, a session and a case.
func (w *world) worker(name, email, ref string) (person string, browser *browser) {
	w.t.Helper()
	person = w.join(frn, name, email, membership.Warrant{}, access.Caseworker)
	w.enrol(person)
	if ref != "" {
		w.open(ref, person)
	}
	return person, w.signIn(person)
}

// browser is a browser with a session.
type browser struct {
	w      *world
	cookie *http.Cookie
}

func (w *world) signIn(person string) *browser {
	w.t.Helper()
	b := &browser{w: w}
	answer := b.request(func(ctx context.Context) {
		ticket, err := w.sessions.Ticket(ctx, person)
		w.must(err)
		w.must(w.sessions.SignIn(ctx, ticket, "local"))
	})
	for _, cookie := range answer.Cookies() {
		if cookie.Name == sessions.CookieName {
			b.cookie = cookie
		}
	}
	if b.user() != person {
		w.t.Fatalf("signed in: got %q, want %q", b.user(), person)
	}
	return b
}

func (b *browser) request(do func(ctx context.Context)) *http.Response {
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodGet, "https://portal.example/", nil)
	if b.cookie != nil {
		request.AddCookie(b.cookie)
	}
	b.w.sessions.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { do(r.Context()) })).ServeHTTP(recorder, request)
	return recorder.Result()
}

// user is who the browser is signed in as, "" for nobody.
func (b *browser) user() (user string) {
	answer := b.request(func(ctx context.Context) { user = b.w.sessions.User(ctx) })
	_ = answer.Body.Close()
	return user
}

// keepLetter keeps a rejected message of a case.
func (w *world) keepLetter(ref string) {
	w.t.Helper()
	w.must(w.letters.Keep(context.Background(), commands.DeadLetter{
		Source: "https://cms.example/a", EventID: "e", Type: "cms.case.closed.v1", Subject: ref, Stream: eventstore.StreamName("casefile-" + ref),
		Code: "invalid-data", Via: "file", Fingerprint: ref, Original: []byte("{\"name\":\"Petra Muster\"}"),
	}))
}

// letterLeft reports whether a rejected message of a case can be read.
func (w *world) letterLeft(ref string) bool {
	w.t.Helper()
	letters, err := w.letters.List(context.Background(), commands.DeadLetterFilter{Subject: ref}, uuid.Nil, 10)
	w.must(err)
	for _, letter := range letters {
		letter, err := w.letters.Show(context.Background(), letter.ID)
		w.must(err)
		if letter.Original != nil {
			return true
		}
	}
	return false
}

// forget loses the checkpoints, as a state database does that was made anew: everything is reacted
// to again.
func (w *world) forget() {
	w.t.Helper()
	_, err := w.db.Exec(`DELETE FROM leases`)
	w.must(err)
}
