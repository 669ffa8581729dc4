package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/adapters/demo"
	"casesync/adapters/identity"
	"casesync/adapters/readmodel"
	"casesync/domain/access"
	"casesync/eventstore"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections"
	"casesync/projections/engine"
)

// world is one installation of its own: storage on one kind of database, and the program on it,
// in this process or in others.
type world struct {
	t       *testing.T
	storage []string  // flags
	store   string    // address of the read models
	logged  io.Writer // what servers log; the test's output if nil
}

// eachWorld runs test on an installation with SQLite files and on one in PostgreSQL.
func eachWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for name, fresh := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t))
		})
	}
}

var worlds = map[string]func(*testing.T) *world{"sqlite": sqliteWorld, "postgres": postgresWorld}

func sqliteWorld(t *testing.T) *world {
	dir := t.TempDir()
	return &world{t: t, storage: []string{"--data", dir}, store: "sqlite:" + filepath.Join(dir, "readmodel.db")}
}

func postgresWorld(t *testing.T) *world {
	address := sqldbtest.Postgres(t)
	storage := []string{"--data", t.TempDir()}
	for _, flag := range []string{"--log", "--read-model", "--keyring", "--state"} {
		storage = append(storage, flag, address)
	}
	return &world{t: t, storage: storage, store: address}
}

// run runs a command in this process, and returns what it printed and its exit code.
func (w *world) run(args ...string) (output string, code int) {
	w.t.Helper()
	var printed bytes.Buffer
	code = run(w.t.Context(), append(args, w.storage...), func(string) string { return "" }, strings.NewReader(""), &printed, &printed)
	return printed.String(), code
}

// must runs a command that has to succeed.
func (w *world) must(args ...string) string {
	w.t.Helper()
	output, code := w.run(args...)
	if code != exitDone {
		w.t.Fatalf("casesync %s: exit code %d\n%s", strings.Join(args, " "), code, output)
	}
	return output
}

// process prepares a command in a process of its own, which can be killed.
func (w *world) process(args ...string) *exec.Cmd {
	w.t.Helper()
	cmd := exec.Command(os.Args[0], append(args, w.storage...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// asProgram makes the test binary the program.
const asProgram = "CASESYNC_TEST_AS_PROGRAM"

// api is a running server.
type api struct {
	t     *testing.T
	url   string
	token map[string]string // by name of the principal
	// client is http.DefaultClient if nil.
	client *http.Client
}

// unhurried are the flags of a server that answers as often as a test asks.
var unhurried = []string{
	"--requests-per-second", "100000", "--requests-burst", "100000", "--user-requests-per-second", "100000", "--user-requests-burst", "100000",
}

// serve serves the installation until the test ends or stop is called, with every role, and gives
// tokens to an auditor, an operator and two business users: everything of the two biggest
// businesses, and of the second one alone.
func (w *world) serve(roles ...string) (a *api, stop func()) {
	w.t.Helper()
	p := &program{
		settings: &manual{}, resolver: newResolver(os.Getenv), getenv: func(string) string { return "" },
		stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, now: time.Now,
	}
	if len(roles) == 0 {
		roles = []string{"ingest,project,publish,web"}
	}
	args := slices.Concat([]string{"serve", "--listen", "127.0.0.1:0", "--roles", strings.Join(roles, ",")}, unhurried, w.storage)
	if _, err := p.parse(args); err != nil {
		w.t.Fatal(err)
	}
	if err := p.settings.complete(); err != nil {
		w.t.Fatal(err)
	}
	logged := w.logged
	if logged == nil {
		logged = w.t.Output()
	}
	p.logger = slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelWarn}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	sys := p.system()
	sys.allowUserTokens = true
	a = &api{t: w.t, url: "http://" + listener.Addr().String(), token: w.tokens(sys)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		defer sys.close()
		ended <- (&serving{system: sys, settings: &p.settings.Serve, stopped: map[string]string{}}).run(ctx, listener)
	}()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("serve ended: %v", err)
		}
	}
	w.t.Cleanup(stop)
	return a, stop
}

// tokens issues the tokens of serve.
func (w *world) tokens(sys *system) map[string]string {
	w.t.Helper()
	tokens, err := sys.tokens(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	first, second := demo.FRN(0), demo.FRN(1)
	issued := map[string]string{}
	for name, spec := range map[string]identity.Spec{
		"auditor":    {Role: access.Auditor, Name: "auditor"},
		"operator":   {Role: access.Operator, Name: "operator"},
		"cms":        {Role: access.CMS, Name: "cms", Source: demo.Source},
		"supervisor": {Name: "both", User: "both", Businesses: map[string][]access.Role{first: {access.Supervisor}, second: {access.Caseworker}}},
		"caseworker": {Name: "one", User: "one", Businesses: map[string][]access.Role{second: {access.Caseworker}}},
	} {
		if issued[name], err = tokens.Issue(w.t.Context(), spec); err != nil {
			w.t.Fatal(err)
		}
	}
	return issued
}

// get returns the status, headers and body of a request.
func (a *api) get(as, path string, headers ...string) (status int, header http.Header, body string) {
	a.t.Helper()
	return a.do(http.MethodGet, as, path, "", headers...)
}

func (a *api) do(method, as, path, body string, headers ...string) (int, http.Header, string) {
	a.t.Helper()
	response, err := cmp.Or(a.client, http.DefaultClient).Do(a.request(method, as, path, body, headers...))
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(read)
}

// request makes a request; headers are pairs of name and value.
func (a *api) request(method, as, path, body string, headers ...string) *http.Request {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+a.token[as])
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return request
}

// object gets a JSON object, and fails on any other answer.
func (a *api) object(as, path string) map[string]any {
	a.t.Helper()
	status, _, body := a.get(as, path)
	var object map[string]any
	if err := json.Unmarshal([]byte(body), &object); err != nil || status != http.StatusOK {
		a.t.Fatalf("GET %s as %s: %d %s", path, as, status, body)
	}
	return object
}

// caughtUp waits until every read model has folded the whole log.
func (w *world) caughtUp() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Minute)
	defer cancel()
	head := w.head()
	w.reading(func(store engine.Store) {
		for _, projection := range projections.All() {
			// Until the runner has made the tables there is nothing to wait on.
			for {
				err := engine.WaitFor(ctx, store, projection.Name, head)
				if err == nil {
					break
				}
				if ctx.Err() != nil {
					w.t.Fatalf("%s has not reached %v: %v", projection.Name, head, err)
				}
				time.Sleep(20 * time.Millisecond)
			}
		}
	})
}

func (w *world) head() eventstore.Position {
	w.t.Helper()
	for i, flag := range w.storage {
		if flag == "--log" {
			return headOf(w.t, w.storage[i+1])
		}
	}
	return headOf(w.t, "sqlite:"+filepath.Join(w.storage[1], "log.db"))
}

func headOf(t *testing.T, address string) eventstore.Position {
	t.Helper()
	log, err := openLog(t.Context(), address, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	head, err := log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return head.Position
}

func (w *world) reading(f func(engine.Store)) {
	w.t.Helper()
	store, err := readmodel.Open(w.t.Context(), w.store)
	if err != nil {
		w.t.Fatal(err)
	}
	defer store.Close()
	f(store)
}

// project runs the read models until they are caught up, and returns all their rows.
func (w *world) project() []string {
	w.t.Helper()
	_, stop := w.serve("project")
	w.caughtUp()
	stop()
	return w.rows()
}

// rows returns every row of every read model, without the columns that depend on when and in what
// company an event was recorded.
func (w *world) rows() (rows []string) {
	w.t.Helper()
	w.reading(func(store engine.Store) {
		for _, projection := range projections.All() {
			for _, table := range projection.Tables {
				rows = append(rows, w.tableRows(store, projection.Name, table.Describe())...)
			}
		}
	})
	return rows
}

func (w *world) tableRows(store engine.Store, projection string, spec engine.Spec) (rows []string) {
	w.t.Helper()
	var columns []string
	for _, column := range spec.Columns {
		if !slices.Contains(spec.Aside, column.Name) {
			columns = append(columns, column.Name)
		}
	}
	err := engine.Read(w.t.Context(), store, projection, func(view engine.View) error {
		cursor, err := view.Query(w.t.Context(), "SELECT "+strings.Join(columns, ", ")+" FROM {"+spec.Name+"}")
		if err != nil {
			return err
		}
		defer cursor.Close()
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		for cursor.Next() {
			if err := cursor.Scan(into...); err != nil {
				return err
			}
			rows = append(rows, rowText(spec, columns, values))
		}
		return cursor.Err()
	})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(rows)
	return rows
}

// rowText is the text of a row, alike on both databases; "" for a sum that came to nothing.
func rowText(spec engine.Spec, columns []string, values []any) string {
	types := map[string]engine.Type{}
	for _, column := range spec.Columns {
		types[column.Name] = column.Type
	}
	var text strings.Builder
	text.WriteString(spec.Name)
	for i, name := range columns {
		value := fmt.Sprint(values[i])
		if strings.HasSuffix(name, "words") || name == "word" { // hashes under each installation's own key
			value = fmt.Sprint(len(strings.Fields(value)))
		}
		if types[name] == engine.Boolean {
			value = map[string]string{"0": "false", "1": "true", "false": "false", "true": "true"}[value]
		}
		fmt.Fprintf(&text, " %s=%s", name, value)
	}
	return text.String()
}

// same fails where two installations' rows differ, and shows the first few.
func same(t *testing.T, got, want []string) {
	t.Helper()
	got, want = slices.Clone(got), slices.Clone(want)
	slices.Sort(got)
	slices.Sort(want)
	var differences []string
	for len(got) > 0 || len(want) > 0 {
		switch {
		case len(want) == 0 || len(got) > 0 && got[0] < want[0]:
			differences = append(differences, "+ "+got[0])
			got = got[1:]
		case len(got) == 0 || want[0] < got[0]:
			differences = append(differences, "- "+want[0])
			want = want[1:]
		default:
			got, want = got[1:], want[1:]
		}
	}
	if len(differences) > 0 {
		t.Errorf("%d rows differ (+ got, - want):\n%s", len(differences), strings.Join(differences[:min(12, len(differences))], "\n"))
	}
}

// feedNow is when the test feeds end; it is fixed, so that they are the same in every run.
var feedNow = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

// feedLines returns the first events of a feed out of the complaint register, a line each.
func feedLines(t *testing.T, events int) []string {
	t.Helper()
	register, err := demo.Open()
	if err != nil {
		t.Fatal(err)
	}
	var feed bytes.Buffer
	if _, err := demo.Write(&feed, register.Scale(demo.Options{Seed: 7, Now: feedNow}, events)); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(feed.String(), "\n"), "\n")
}

// disturb returns the lines in another order within each case, 5 % of them twice. Between cases
// the order stays roughly what it was.
func disturb(t *testing.T, lines []string, seed uint64) []string {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	places, of := map[string][]int{}, map[string][]string{}
	for i, line := range lines {
		var event struct{ Subject string }
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatal(err)
		}
		places[event.Subject] = append(places[event.Subject], i)
		of[event.Subject] = append(of[event.Subject], line)
	}
	shuffled := make([]string, len(lines))
	for subject, all := range of {
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for i, place := range places[subject] {
			shuffled[place] = all[i]
		}
	}
	var disturbed []string
	for i, line := range shuffled {
		disturbed = append(disturbed, line)
		if random.IntN(20) == 0 {
			disturbed = append(disturbed, shuffled[random.IntN(i+1)])
		}
	}
	return disturbed
}

// file writes lines to a file and returns its name.
func file(t *testing.T, lines []string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "feed.jsonl")
	if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
