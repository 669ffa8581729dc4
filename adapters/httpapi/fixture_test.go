package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"casesync/adapters/cms"
	"casesync/adapters/commands"
	"casesync/adapters/httpapi"
	"casesync/adapters/identity"
	"casesync/adapters/keyring"
	"casesync/adapters/readmodel"
	"casesync/adapters/state"
	"casesync/domain/access"
	"casesync/domain/catalog"
	"casesync/eventstore"
	"casesync/eventstore/pglog"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/eventstore/sqlitelog"
	"casesync/projections"
	"casesync/projections/engine"
)

// now is the time of all tests: midday on a summer's day.
var now = time.Date(2026, 6, 10, 12, 0, 0, 0, time.UTC)

// The businesses of tests.
const (
	frnA = "123456"
	frnB = "7654321"
)

// fixture is a whole installation behind a real HTTP server.
type fixture struct {
	*httptest.Server
	t       *testing.T
	api     *httpapi.Server
	log     eventstore.Log
	store   *readmodel.Store
	ring    *keyring.Ring
	codec   *eventstore.Codec
	tokens  *identity.Tokens
	letters *state.DeadLetters
	logged  *lockedBuffer

	mu       sync.Mutex
	byRole   map[access.Role]string
	cms      string
	sequence map[string]int
	position string // of the last event accepted
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

// onEach runs a test on SQLite and on PostgreSQL.
func onEach(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) { test(t, newFixture(t, address, nil)) })
}

// newFixture starts an installation; change may alter its configuration first.
func newFixture(t *testing.T, address string, change func(*httpapi.Config)) *fixture {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	f := &fixture{t: t, byRole: map[access.Role]string{}, sequence: map[string]int{}, logged: &lockedBuffer{}}
	db := f.open(ctx, address)
	logger := slog.New(slog.NewTextHandler(f.logged, nil))
	keys, err := f.ring.Ensure(ctx, "search", "digest")
	f.must(err)
	words := projections.NewWords(keys[0].Secret)
	f.letters, err = state.OpenDeadLetters(ctx, db, f.codec, nil)
	f.must(err)
	f.tokens, err = identity.Open(ctx, identity.Config{DB: db, AllowUserTokens: true})
	f.must(err)
	run := commands.New(commands.Config{Log: f.log, Codec: f.codec})
	ingester, err := cms.NewIngester(cms.Config{Commands: run, DeadLetters: f.letters, DigestKey: keys[1].Secret, Logger: logger})
	f.must(err)
	f.must(engine.Setup(ctx, f.store))
	var configs []engine.Config
	var running sync.WaitGroup
	for _, projection := range projections.All() {
		config := engine.Config{Store: f.store, Log: f.log, Prepare: engine.NewPrepare(f.codec, words.Index), Projection: projection, Logger: logger}
		configs = append(configs, config)
		runner, err := engine.NewRunner(config)
		f.must(err)
		running.Go(func() {
			if err := runner.Run(ctx); err != nil {
				t.Errorf("runner of %s: %v", projection.Name, err)
			}
		})
	}
	config := httpapi.Config{
		Log: f.log, Store: f.store, Codec: f.codec, Keys: f.ring, Tokens: f.tokens, SearchWords: words.Query,
		Ingest: ingester.Handler(httpapi.PrincipalOf), Letters: f.letters,
		Desk: &commands.Desk{Letters: f.letters, Commands: run, Retake: ingester.Retake}, Commands: run, Projections: configs,
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "# metrics") }),
		Now:     func() time.Time { return now }, Logger: logger, Limits: patient(),
	}
	if change != nil {
		change(&config)
	}
	f.api, err = httpapi.New(ctx, config)
	f.must(err)
	f.Server = httptest.NewServer(f.api)
	t.Cleanup(func() {
		f.api.Close()
		f.Close()
		cancel()
		running.Wait()
	})
	f.cms = f.issue(identity.Spec{Role: access.CMS})
	return f
}

// open opens the storage at an address, and returns the state database.
func (f *fixture) open(ctx context.Context, address string) *sqldb.DB {
	t := f.t
	t.Helper()
	db, err := sqldb.Open(ctx, address)
	f.must(err)
	t.Cleanup(func() { _ = db.Close() })
	dir := t.TempDir()
	if strings.HasPrefix(address, "sqlite:") {
		log, err := sqlitelog.Open(ctx, filepath.Join(dir, "log.db"), sqlitelog.Config{})
		f.must(err)
		t.Cleanup(func() { _ = log.Close() })
		f.log = log
		f.store, err = readmodel.Open(ctx, "sqlite:"+filepath.Join(dir, "rows.db"))
		f.must(err)
	} else {
		log, err := pglog.Open(ctx, address, pglog.Config{})
		f.must(err)
		t.Cleanup(func() { _ = log.Close() })
		f.log = log
		f.store, err = readmodel.Open(ctx, address)
		f.must(err)
	}
	t.Cleanup(func() { _ = f.store.Close() })
	f.ring, err = keyring.Open(ctx, db, keyring.NewFileKEK(filepath.Join(dir, "kek")), keyring.Config{})
	f.must(err)
	t.Cleanup(f.ring.Close)
	f.codec = eventstore.NewCodec(catalog.New(), f.ring)
	return db
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) issue(spec identity.Spec) string {
	f.t.Helper()
	token, err := f.tokens.Issue(context.Background(), spec)
	f.must(err)
	return token
}

// as returns a token of a role; business users hold it at frnA.
func (f *fixture) as(role access.Role) string {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byRole[role] == "" {
		spec := identity.Spec{Role: role}
		if role.OfBusiness() {
			spec = identity.Spec{Businesses: map[string][]access.Role{frnA: {role}}, User: string(role)}
		}
		f.byRole[role] = f.issue(spec)
	}
	return f.byRole[role]
}

// data is the data of an event.
type data map[string]any

// product returns a product of the taxonomy.
func product(name string) data {
	return data{"sector": "Banking and credit", "group": "Cards", "product": name}
}

// converted is the data of a conversion; with replaces or adds to it.
func converted(frn string, with data) data {
	d := data{
		"frn": frn, "businessReference": "SB/42", "product": product("Credit card"), "issue": "Statement",
		"consumer":    data{"name": "Alex Specimen", "email": "alex@consumer.example"},
		"convertedAt": "2026-06-01T09:00:00Z",
	}
	maps.Copy(d, with)
	return d
}

// event hands in an event of the case system, next in its subject's sequence.
func (f *fixture) event(subject, eventType string, d data) {
	f.t.Helper()
	f.sequence[subject]++
	if status := f.send(subject, eventType, f.sequence[subject], d); status != "accepted" {
		f.t.Fatalf("event %s of %s: got %s, want accepted", eventType, subject, status)
	}
}

// send hands in an event with a sequence, and returns what became of it.
func (f *fixture) send(subject, eventType string, sequence int, d data) string {
	f.t.Helper()
	body, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": subject + "/" + strconv.Itoa(sequence), "source": "https://cms.example/one",
		"type": "cms." + eventType + ".v1", "subject": subject, "sequence": strconv.Itoa(sequence),
		"time": "2026-06-01T10:00:00Z", "data": d,
	})
	f.must(err)
	answer := f.do(http.MethodPost, "/cms/v1/events", f.cms, string(body), "Content-Type", "application/cloudevents+json")
	if answer.status != http.StatusAccepted {
		f.t.Fatalf("POST /cms/v1/events: got %d %s", answer.status, answer.body)
	}
	if position := answer.header.Get("Casesync-Position"); position != "" {
		f.position = position
	}
	return answer.text("results", 0, "status")
}

// answer is what came back.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

// get asks as a role, after everything that was handed in has reached the read models.
func (f *fixture) get(role access.Role, path string, header ...string) answer {
	f.t.Helper()
	if f.position != "" {
		header = append([]string{"Casesync-Min-Position", f.position}, header...)
	}
	return f.do(http.MethodGet, path, f.as(role), "", header...)
}

func (f *fixture) post(role access.Role, path string, body any) answer {
	f.t.Helper()
	text, err := json.Marshal(body)
	f.must(err)
	return f.do(http.MethodPost, path, f.as(role), string(text), "Content-Type", "application/json")
}

func (f *fixture) do(method, path, token, body string, header ...string) answer {
	f.t.Helper()
	request, err := http.NewRequest(method, f.URL+path, strings.NewReader(body))
	f.must(err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := f.Client().Do(request)
	f.must(err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	f.must(err)
	return answer{f.t, response.StatusCode, response.Header, content}
}

// want fails the test unless the status is as wanted.
func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("got %d %s, want %d", a.status, a.body, status)
	}
	return a
}

// at returns the part of the body at a path of names and indexes, nil if there is none.
func (a answer) at(path ...any) any {
	a.t.Helper()
	var value any
	if err := json.Unmarshal(a.body, &value); err != nil {
		a.t.Fatalf("decode %s: %v", a.body, err)
	}
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return nil
			}
			value = list[step]
		}
	}
	return value
}

// text returns the part of the body at a path as text, "" if there is none.
func (a answer) text(path ...any) string {
	a.t.Helper()
	if value := a.at(path...); value != nil {
		return fmt.Sprint(value)
	}
	return ""
}

// refs returns the references of a list's items, joined by spaces.
func (a answer) refs() string {
	a.t.Helper()
	a.want(http.StatusOK)
	items, _ := a.at("items").([]any)
	refs := make([]string, len(items))
	for i := range items {
		refs[i] = a.text("items", i, "reference")
	}
	return strings.Join(refs, " ")
}

// patient are the default limits for a machine that does much else: a test waits for a read model as
// long as a request may take, and fails no sooner.
func patient() httpapi.Limits {
	limits := httpapi.DefaultLimits()
	limits.PositionWaitMax = 25 * time.Second
	return limits
}
