package gate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
	"go.uber.org/goleak"

	"casesync/adapters/commands"
	"casesync/adapters/httpapi"
	"casesync/adapters/identity/gate"
	"casesync/adapters/identity/local"
	"casesync/adapters/identity/sessions"
	"casesync/adapters/identity/signin"
	"casesync/adapters/keyring"
	"casesync/domain"
	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/catalog"
	"casesync/domain/connection"
	"casesync/eventstore"
	"casesync/eventstore/pglog"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/eventstore/sqlitelog"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const (
	publicURL = "https://casesync.test"
	northbank = "123456"  // its people are northbank.example's
	northcard = "7654321" // of the same group
	password  = "velvet otter lantern"
)

// house is a whole installation behind its gate, with a clock that tests move.
type house struct {
	t        *testing.T
	server   *httptest.Server
	gate     *gate.Gate
	people   *commands.People
	links    commands.Links
	local    *local.Credentials
	sessions *sessions.Sessions
	log      eventstore.Log
	codec    *eventstore.Codec
	activity *recorder
	secrets  string
	logged   *lockedBuffer
	micros   atomic.Int64
	// tamper changes what providers answer on the wire, if it is not nil.
	tamper atomic.Pointer[func(path, body string) string]
}

// each runs a test on each database.
func each(t *testing.T, test func(t *testing.T, h *house)) {
	t.Helper()
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) { test(t, open(t, address)) })
}

// open opens an installation whose people sign in locally.
func open(t *testing.T, address string) *house { return openWith(t, address, time.Millisecond) }

// openWith is open where answers take their time.
func openWith(t *testing.T, address string, answerTime time.Duration) *house {
	t.Helper()
	h := &house{t: t, activity: &recorder{}, secrets: t.TempDir(), logged: &lockedBuffer{}}
	h.micros.Store(time.Now().Truncate(30 * time.Second).UnixMicro())
	db, err := sqldb.Open(t.Context(), address)
	h.must(err)
	t.Cleanup(func() { db.Close() })
	h.openLog(db, address)
	h.openGate(db, answerTime)
	h.must(h.configure(northbank, account.Local, ""))
	return h
}

func (h *house) openLog(db *sqldb.DB, at string) {
	ctx, dir := h.t.Context(), h.t.TempDir()
	if strings.HasPrefix(at, "sqlite:") {
		log, err := sqlitelog.Open(ctx, filepath.Join(dir, "log.db"), sqlitelog.Config{})
		h.must(err)
		h.t.Cleanup(func() { _ = log.Close() })
		h.log = log
	} else {
		log, err := pglog.Open(ctx, at, pglog.Config{})
		h.must(err)
		h.t.Cleanup(func() { _ = log.Close() })
		h.log = log
	}
	ring, err := keyring.Open(ctx, db, keyring.NewFileKEK(filepath.Join(dir, "kek")), keyring.Config{})
	h.must(err)
	h.t.Cleanup(ring.Close)
	h.codec = eventstore.NewCodec(catalog.New(), ring)
	h.links = commands.NewLinks(bytes.Repeat([]byte("k"), 32))
	h.people, err = commands.NewPeople(commands.PeopleConfig{
		Log: h.log, Codec: h.codec, AddressKey: bytes.Repeat([]byte("a"), 32), Links: h.links, Now: h.now,
		// It may name too many.
		Memberships:     func(context.Context, string) ([]string, error) { return []string{northbank, northcard}, nil },
		BusinessesUnder: func(context.Context, address.Domain) ([]string, error) { return []string{northbank, northcard}, nil },
	})
	h.must(err)
}

func (h *house) openGate(db *sqldb.DB, answerTime time.Duration) {
	ctx := h.t.Context()
	logger := slog.New(slog.NewTextHandler(h.logged, nil))
	attempts, err := signin.Open(ctx, db, h.now)
	h.must(err)
	h.sessions, err = sessions.Open(ctx, sessions.Config{DB: db, Now: h.now, CheckEvery: 20 * time.Millisecond, Logger: logger})
	h.must(err)
	h.local, err = local.Open(ctx, local.Config{
		DB: db, Sealer: h.codec, SubjectOf: func(user string) string { return "account-" + user },
		Hashing: local.Hashing{MemoryKiB: 32, Passes: 1}, Now: h.now,
	})
	h.must(err)
	h.gate, err = gate.New(gate.Config{
		People: h.people, Local: h.local, Attempts: attempts, Sessions: h.sessions, Activity: h.activity,
		PublicURL: publicURL, SecretsDir: h.secrets, AddressDigest: func(address string) string { return "digest of " + address },
		Refused:       func(code, detail string, after time.Duration) error { return httpapi.Refused(code, detail, after) },
		Fault:         h.fault,
		AnswerTimeMin: answerTime, Transport: h, Now: h.now, Logger: logger,
	})
	h.must(err)
	router := chi.NewRouter()
	h.gate.Register(humachi.New(router, huma.DefaultConfig("test", "1")), router)
	router.Get("/who", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, h.gate.Person(r.Context())) })
	router.Get("/stream", func(w http.ResponseWriter, r *http.Request) {
		until, done := h.gate.Until(r.Context())
		defer done()
		fmt.Fprintln(w, "open")
		_ = http.NewResponseController(w).Flush()
		<-until.Done()
	})
	h.server = httptest.NewTLSServer(h.gate.Middleware(router))
	h.t.Cleanup(h.server.Close)
}

// RoundTrip is the wire to OpenID Connect providers.
func (h *house) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	tamper := h.tamper.Load()
	if err != nil || tamper == nil {
		return answer, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	changed := (*tamper)(r.URL.Path, string(text))
	answer.Body, answer.ContentLength = io.NopCloser(strings.NewReader(changed)), int64(len(changed))
	answer.Header.Del("Content-Length")
	return answer, nil
}

// fault answers as the API does: refusals of deciders by their code, all else as a fault.
func (h *house) fault(_ context.Context, err error) error {
	if refusal, is := errors.AsType[*domain.Refusal](err); is {
		return httpapi.Refused(refusal.Code, refusal.Reason, 0)
	}
	fmt.Fprintln(h.logged, "fault:", err)
	return huma.NewError(http.StatusInternalServerError, "the fault is logged")
}

func (h *house) now() time.Time      { return time.UnixMicro(h.micros.Load()).UTC() }
func (h *house) add(d time.Duration) { h.micros.Add(d.Microseconds()) }

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatalf("%v\n%s", err, h.logged)
	}
}

// operator is who sets businesses up.
func operator() commands.Ask {
	return commands.Ask{By: access.Principal{ID: "user:operator", Kind: access.User, Roles: []access.Role{access.Operator}}, Reason: "test"}
}

// configure sets how the people of a business sign in.
func (h *house) configure(frn string, method account.Method, provider string) error {
	_, err := h.people.ConfigureBusiness(h.t.Context(), operator(), frn, []string{"northbank.example"}, method, provider)
	return err
}

// connect makes the settings of an identity provider, and its secret's file.
func (h *house) connect(settings connection.Settings, secret string) {
	h.t.Helper()
	if secret != "" {
		h.must(os.WriteFile(filepath.Join(h.secrets, settings.OIDC.SecretReference), []byte(secret+"\n"), 0o600))
	}
	_, err := h.people.SetConnection(h.t.Context(), operator(), settings)
	h.must(err)
}

// invite invites somebody as a caseworker and returns the token that is mailed.
func (h *house) invite(frn, email string) (token, person string) {
	h.t.Helper()
	expires := h.now().Add(7 * 24 * time.Hour).Truncate(time.Second)
	id, person, _, err := h.people.Invite(h.t.Context(), operator(), frn, commands.Invitation{
		Name: "Robin Sample", Email: email, Roles: []access.Role{access.Caseworker},
	})
	h.must(err)
	return h.links.Token(commands.Link{Kind: commands.InvitationLink, Of: frn, ID: id, ExpiresAt: expires}), person
}

// resetLink returns the token of the last reset that was asked for, as it is mailed; "" for none.
func (h *house) resetLink(person string) (token string) {
	h.t.Helper()
	for recorded, err := range h.log.ReadStream(h.t.Context(), eventstore.StreamName("account-"+person), 0) {
		h.must(err)
		decoded, err := h.codec.Decode(recorded)
		h.must(err)
		if asked, is := decoded.Event.(*account.ResetRequested); is {
			token = h.links.Token(commands.Link{Kind: commands.ResetLink, Of: person, ID: asked.ResetID, ExpiresAt: asked.ExpiresAt})
		}
	}
	return token
}

// code returns the present one-time code of a seed, in the step after any that was used.
func (h *house) code(secret string) string {
	h.t.Helper()
	h.add(30 * time.Second)
	code, err := totp.GenerateCodeCustom(secret, h.now(), totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	h.must(err)
	return code
}

// member is somebody with an account in use.
type member struct {
	person, email, secret string
	recovery              []string
}

// enrol invites somebody and has him take the invitation up.
func (h *house) enrol(email string) member {
	h.t.Helper()
	token, person := h.invite(northbank, email)
	b := h.browser()
	secret := b.post("/api/v1/enrolment/password", body{"password": password}, token).want(http.StatusOK, "").text("authenticator", "secret")
	done := b.post("/api/v1/enrolment/code", body{"code": h.code(secret)}, token).want(http.StatusOK, "")
	m := member{person: person, email: email, secret: secret}
	for _, code := range done.body["recoveryCodes"].([]any) {
		m.recovery = append(m.recovery, code.(string))
	}
	if got := b.who(); got != person {
		h.t.Fatalf("after taking an invitation up: got %q signed in, want %q", got, person)
	}
	return m
}

// signIn signs a member in, in a new browser.
func (h *house) signIn(m member) *browser {
	h.t.Helper()
	b := h.browser()
	b.post("/sign-in/password", body{"email": m.email, "password": password}).want(http.StatusOK, "")
	b.post("/sign-in/code", body{"code": h.code(m.secret)}).want(http.StatusOK, "")
	b.wantWho(m.person)
	return b
}

// recorder keeps what Security Operations is told.
type recorder struct {
	mu   sync.Mutex
	all  []commands.Activity
	fail error
}

func (r *recorder) Record(_ context.Context, activity commands.Activity) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return r.fail
	}
	r.all = append(r.all, activity)
	return nil
}

func (r *recorder) setFail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
}

// last returns the last activity.
func (r *recorder) last() commands.Activity {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) == 0 {
		return commands.Activity{}
	}
	return r.all[len(r.all)-1]
}

// kinds returns how often each kind was recorded.
func (r *recorder) count(kind commands.ActivityKind) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(r.all), func(a commands.Activity) bool { return a.Kind != kind }))
}

// wantRefused makes sure that the last thing that Security Operations was told is a refusal.
func (h *house) wantRefused(what string, want signin.Code) {
	h.t.Helper()
	got := h.activity.last()
	if got.Kind != commands.SignInRefused || got.Code != string(want) || !got.Failed || got.Address == "" || got.At.IsZero() {
		h.t.Errorf("%s: recorded %+v, want a refusal with %s", what, got, want)
	}
}

// events returns how many events the log has: refusals leave none.
func (h *house) events() (n int) {
	h.t.Helper()
	for _, err := range h.log.ReadAll(h.t.Context(), eventstore.Position{}) {
		h.must(err)
		n++
	}
	return n
}

// lockedBuffer keeps what was logged.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
