package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"casesync/adapters/demo"
	"casesync/adapters/scheduler"
	"casesync/eventstore/sqldb"
)

const (
	// leaseTTL is after how long another process takes over, leaseTTLOfSweeps the same for what the clock makes
	// due; a standby looks every quarter of it.
	leaseTTL, leaseTTLOfSweeps = 10 * time.Second, 30 * time.Second
	// takeoverSlack is for a busy machine, and for a transaction that its stopped owner left open.
	takeoverSlack = 10 * time.Second
	// stoppedFor is how long a process sleeps through its leases.
	stoppedFor = 30 * time.Second
	// answerWithin is how long a client waits for a process before it asks the other one.
	answerWithin = 8 * time.Second
)

// Two processes of each role on one PostgreSQL. Those that do the work are killed, and later stopped for longer than
// their leases and woken again, while events come in and people send things: the others take over in time, nothing
// is skipped or done twice, and whoever wakes up writes nothing that was not his to write.
func TestReplicas(t *testing.T) {
	long(t)
	t.Parallel()
	w := postgresWorld(t)
	lines := feedLines(t, 2500)
	r := replicate(t, w)
	parts := slices.Collect(slices.Chunk(lines, len(lines)/6+1))
	r.begin()
	r.traffic(parts[0])
	r.mailed() // a mail that is just being handed over when its process dies is tried again minutes later

	victims := r.active()
	before, since := r.leases(), time.Now()
	for _, s := range victims {
		s.kill()
	}
	taken := r.takeover("killed", before, victims, since)
	r.traffic(parts[1])
	taken()
	r.traffic(parts[2])
	for _, s := range victims {
		s.restart()
	}

	victims = r.active()
	before, since = r.leases(), time.Now()
	for _, s := range victims {
		s.signal(syscall.SIGSTOP)
	}
	taken = r.takeover("stopped", before, victims, since)
	r.traffic(parts[3])
	taken()
	r.traffic(parts[4])
	time.Sleep(time.Until(since.Add(stoppedFor)))
	for _, s := range victims {
		s.signal(syscall.SIGCONT)
	}
	r.traffic(parts[5])

	r.wentOut()
	w.caughtUp()
	r.equalsUndisturbed(lines)
}

// replicas is an installation of two processes of each role, a case management system and people.
type replicas struct {
	t       *testing.T
	w       *world
	hook    *receiver
	scanner *scannerDaemon
	state   *sqldb.DB
	by      map[string][]*service // by role; the first is asked first

	refs    []string
	rounds  int
	told    map[string]string // ids of notifications, by case and text
	uploads []string
	asked   []string // addresses of those who asked for access
}

var roles = []string{"ingest", "project", "publish", "web"}

func replicate(t *testing.T, w *world) *replicas {
	t.Helper()
	r := &replicas{t: t, w: w, hook: w.receive(), scanner: clamav(t, 8), by: map[string][]*service{}, told: map[string]string{}}
	for _, role := range roles {
		for range 2 {
			r.by[role] = append(r.by[role], w.start(append(r.scanner.flags(), "--roles", role, "--outbox", r.hook.url)...))
		}
	}
	var err error
	if r.state, err = sqldb.Open(t.Context(), w.store); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.state.Close() })
	return r
}

// active returns the processes that do the work now: the first of ingest and web, and those of project and publish that
// hold the leases of the cases and of the outbox.
func (r *replicas) active() []*service {
	r.t.Helper()
	list := []*service{r.by["ingest"][0], r.by["web"][0]}
	leases := r.leases()
	for role, name := range map[string]string{"project": "project/cases", "publish": outboxFollower} {
		i := slices.IndexFunc(r.by[role], func(s *service) bool { return s.pid() == leases[name] })
		if i < 0 {
			r.t.Fatalf("lease %s is held by process %d, which is none of role %s", name, leases[name], role)
		}
		list = append(list, r.by[role][i])
	}
	return list
}

// leases returns which process holds which lease, of those that are in force.
func (r *replicas) leases() map[string]int {
	r.t.Helper()
	held, err := r.readLeases()
	if err != nil {
		r.t.Fatal(err)
	}
	return held
}

func (r *replicas) readLeases() (map[string]int, error) {
	rows, err := r.state.QueryContext(r.t.Context(), `SELECT name, holder FROM engine_leases WHERE expires_at > $1
		UNION ALL SELECT name, holder FROM leases WHERE expires_at > $1`, time.Now().UnixMicro())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	held := map[string]int{}
	for rows.Next() {
		var name, holder string
		if err := rows.Scan(&name, &holder); err != nil {
			return nil, err
		}
		if parts := strings.Split(holder, "/"); len(parts) == 3 { // host, process, chance
			held[name], _ = strconv.Atoi(parts[1])
		}
	}
	return held, rows.Err()
}

// takeover watches, beside the test, how the leases that victims held become another process's, each in time.
// Wait waits until they all are.
func (r *replicas) takeover(how string, before map[string]int, victims []*service, since time.Time) (wait func()) {
	r.t.Helper()
	var gone []int
	for _, s := range victims {
		gone = append(gone, s.last)
	}
	waiting := maps.Clone(before)
	maps.DeleteFunc(waiting, func(_ string, pid int) bool { return !slices.Contains(gone, pid) })
	if len(waiting) < 2 {
		r.t.Fatalf("%s: the processes had the leases %v, of which %v had too few to see anything", how, before, gone)
	}
	var watching sync.WaitGroup
	watching.Go(func() {
		for ; len(waiting) > 0; time.Sleep(100 * time.Millisecond) {
			now, err := r.readLeases()
			if err != nil {
				r.t.Errorf("%s: %v", how, err)
				return
			}
			for name := range waiting {
				if pid := now[name]; pid != 0 && !slices.Contains(gone, pid) {
					r.t.Logf("%s: lease %s was taken over within %v", how, name, time.Since(since).Round(time.Millisecond))
					delete(waiting, name)
				} else if limit := takeoverMax(name); time.Since(since) > limit {
					r.t.Errorf("%s: nobody took lease %s within %v", how, name, limit)
					delete(waiting, name)
				}
			}
		}
	})
	return watching.Wait
}

// takeoverMax is within which time another process has to have a lease whose holder is gone.
func takeoverMax(name string) time.Duration {
	limit := leaseTTL
	if name == scheduler.LeaseName {
		limit = leaseTTLOfSweeps
	}
	return limit + limit/4 + takeoverSlack
}

// ask sends a request to a process of role, and to the other one where that is gone or does not answer, until one does.
func (r *replicas) ask(role, method, who, path string, body func() string, headers ...string) (int, http.Header, string) {
	r.t.Helper()
	var last string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		s := r.by[role][0]
		ctx, cancel := context.WithTimeout(r.t.Context(), answerWithin)
		response, err := http.DefaultClient.Do(s.request(method, who, path, body(), headers...).WithContext(ctx))
		if err == nil {
			text, readErr := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if readErr == nil && response.StatusCode < 500 {
				cancel()
				return response.StatusCode, response.Header, string(text)
			}
			err = fmt.Errorf("%d %s", response.StatusCode, text)
		}
		cancel()
		last = err.Error()
		r.by[role][0], r.by[role][1] = r.by[role][1], s
		time.Sleep(50 * time.Millisecond)
	}
	r.t.Fatalf("%s %s: no process of role %s answers: %s", method, path, role, last)
	return 0, nil, ""
}

// begin publishes the cases that people send things about.
func (r *replicas) begin() {
	r.t.Helper()
	r.refs = r.by["ingest"][0].manyCases(demo.FRN(1), 20, "replicas")
	r.w.caughtUp()
}

// traffic hands in events, and has people send a notification to each case, a file and a request for access.
func (r *replicas) traffic(lines []string) {
	r.t.Helper()
	r.rounds++
	for batch := range slices.Chunk(lines, 100) {
		events := "[" + strings.Join(batch, ",") + "]"
		status, _, answer := r.ask("ingest", http.MethodPost, "cms", "/cms/v1/events", func() string { return events }, "Content-Type", "application/cloudevents-batch+json")
		if kept := strings.Count(answer, `"accepted"`) + strings.Count(answer, `"duplicate"`); status != http.StatusAccepted || kept != len(batch) {
			r.t.Fatalf("got %d %s, want %d events kept", status, short(answer), len(batch))
		}
	}
	r.notify()
	r.send()
	r.askForAccess()
}

func (r *replicas) notify() {
	r.t.Helper()
	text := fmt.Sprint("round ", r.rounds)
	body, err := json.Marshal(map[string]any{"type": "general-update", "fields": map[string]string{"message": text}, "cases": r.refs})
	if err != nil {
		r.t.Fatal(err)
	}
	status, _, answer := r.ask("web", http.MethodPost, "caseworker", "/api/v1/notifications", func() string { return string(body) },
		"Content-Type", "application/json", "Idempotency-Key", strings.ReplaceAll(text, " ", "-"))
	var got struct {
		Results []struct{ Case, Status, ID string }
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil || status != http.StatusOK || len(got.Results) != len(r.refs) {
		r.t.Fatalf("notify: got %d %s, %v", status, short(answer), err)
	}
	for _, result := range got.Results {
		if result.Status != "sent" {
			r.t.Errorf("notify: got %+v, want it sent", result)
		}
		r.told[result.Case+" "+text] = result.ID
	}
}

// send uploads a file, another one in each try: what an earlier try left must not make it a duplicate.
func (r *replicas) send() {
	r.t.Helper()
	for try, deadline := 1, time.Now().Add(time.Minute); ; try++ {
		s := r.by["web"][0]
		content := string(pdf(fmt.Sprintf("round %d, try %d", r.rounds, try)))
		ctx, cancel := context.WithTimeout(r.t.Context(), answerWithin)
		response, err := http.DefaultClient.Do(s.request(http.MethodPost, "caseworker", "/api/v1/uploads", content,
			"Tus-Resumable", "1.0.0", "Upload-Length", strconv.Itoa(len(content)), "Content-Type", "application/offset+octet-stream",
			"Upload-Metadata", "case "+base64Of(r.refs[0])+",filename "+base64Of("letter.pdf")).WithContext(ctx))
		if err == nil {
			_ = response.Body.Close()
		}
		cancel()
		if err == nil && response.StatusCode == http.StatusCreated {
			r.uploads = append(r.uploads, filepath.Base(response.Header.Get("Location")))
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("upload: %v, %v", response, err)
		}
		r.by["web"][0], r.by["web"][1] = r.by["web"][1], s
	}
}

// askForAccess makes a request that is answered by mail, from another address in each try.
func (r *replicas) askForAccess() {
	r.t.Helper()
	try, address := 0, ""
	status, _, answer := r.ask("web", http.MethodPost, "", "/api/v1/access-requests", func() string {
		try++
		address = fmt.Sprintf("contact%d.%d@replicas.example", r.rounds, try)
		body, err := json.Marshal(map[string]any{
			"businesses": []any{map[string]any{"frn": fmt.Sprint(9995000 + r.rounds), "name": "Invented Business"}},
			"contact":    map[string]any{"name": "Robin Contact", "email": address},
		})
		if err != nil {
			r.t.Fatal(err)
		}
		return string(body)
	}, "Content-Type", "application/json")
	if status >= 300 {
		r.t.Fatalf("ask for access: got %d %s", status, answer)
	}
	r.asked = append(r.asked, address)
}

// wentOut fails unless all that people sent went out: each message at least once and first in the order of its case, each file
// to the case system, each mail once.
func (r *replicas) wentOut() {
	r.t.Helper()
	for _, id := range r.uploads {
		r.by["web"][0].uploadBecomes("caseworker", id, "sent")
	}
	rounds := map[string]int{}
	notified := func(messages []delivery) (n int) {
		seen := map[string]bool{}
		for _, m := range messages {
			if m.Type == "portal.notification.sent.v1" {
				seen[m.ID] = true
			}
		}
		return len(seen)
	}
	r.hook.until("the last notification", func(messages []delivery) bool { return notified(messages) >= len(r.told) })
	for _, message := range r.hook.first() {
		if message.Type != "portal.notification.sent.v1" {
			continue
		}
		ref := fmt.Sprint(message.Data["caseReference"])
		rounds[ref]++
		text := fmt.Sprint("round ", rounds[ref])
		if want := r.told[ref+" "+text]; message.Subject != want {
			r.t.Errorf("case %s: message %d is of notification %s, want %s", ref, rounds[ref], message.Subject, want)
		}
	}
	for _, ref := range r.refs {
		if rounds[ref] != r.rounds {
			r.t.Errorf("case %s: got %d messages, want %d", ref, rounds[ref], r.rounds)
		}
	}
	r.mailed()
	r.t.Logf("%d messages came, %d of them again", len(r.hook.messages()), len(r.hook.messages())-len(r.hook.first()))
}

// mailed waits until everyone who asked for access has his mail, and fails where one has two.
func (r *replicas) mailed() {
	r.t.Helper()
	count := func(address string) (n int) {
		files, err := filepath.Glob(filepath.Join(r.w.storage[1], "mail", "*", "*.eml"))
		if err != nil {
			r.t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				r.t.Fatal(err)
			}
			if bytes.Contains(text, []byte("\r\nTo: <"+address+">\r\n")) || bytes.Contains(text, []byte("\nTo: "+address)) {
				n++
			}
		}
		return n
	}
	for _, address := range r.asked {
		for deadline := time.Now().Add(time.Minute); count(address) == 0; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				r.t.Fatalf("no mail came to %s", address)
			}
		}
	}
	for _, address := range r.asked {
		if n := count(address); n != 1 {
			r.t.Errorf("%s: got %d mails, want 1", address, n)
		}
	}
}

// equalsUndisturbed fails unless the read models equal those that one process makes of the same log and, for what came
// in the feed, those of an installation that took the feed undisturbed.
func (r *replicas) equalsUndisturbed(lines []string) {
	t := r.t
	t.Helper()
	for _, list := range r.by {
		for _, s := range list {
			s.kill()
		}
	}
	got := r.w.rows()
	again := *r.w
	again.storage = slices.Clone(r.w.storage)
	again.store = postgresWorld(t).store
	again.storage[slices.Index(again.storage, "--read-model")+1] = again.store
	same(t, got, again.project())
	r.w.must("verify")

	undisturbed := sqliteWorld(t)
	undisturbed.must("import", file(t, lines))
	ofFeed := func(rows []string) []string {
		return slices.DeleteFunc(slices.Clone(rows), func(row string) bool { return !strings.Contains(row, "DEMO-") })
	}
	want := ofFeed(undisturbed.project())
	if len(want) == 0 {
		t.Fatal("the feed has no rows")
	}
	same(t, ofFeed(got), want)
}
