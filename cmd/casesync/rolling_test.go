package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"casesync/adapters/demo"
)

// Two web processes are updated one after the other while people read: no request fails but by a refused connection, which
// a proxy tries at the other process; a stream of changes ends, comes back at the other one, and misses nothing.
func TestRollingRestart(t *testing.T) {
	long(t)
	t.Parallel()
	w := postgresWorld(t)
	rest := w.start("--roles", "ingest,project,publish")
	web := []*service{w.start("--roles", "web"), w.start("--roles", "web")}
	const cases = 12
	refs := rest.manyCases(demo.FRN(1), cases, "rolling")
	w.caughtUp()

	ctx, cancel := context.WithCancel(t.Context())
	b := &balancer{t: t, behind: web}
	var group sync.WaitGroup
	var read atomic.Int64
	for range 4 {
		group.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				path := []string{"/api/v1/cases?limit=20", "/api/v1/dashboard", "/api/v1/cases/" + refs[i%cases], "/api/v1/cases/" + refs[i%cases] + "/timeline"}[i%4]
				if status, body := b.get("caseworker", path); status != http.StatusOK {
					t.Errorf("GET %s: got %d %s", path, status, short(body))
				}
				read.Add(1)
			}
		})
	}
	changes := &changesSeen{b: b, count: map[string]int{}, opened: make(chan struct{}, 1)}
	group.Go(func() { changes.follow(ctx) })
	<-changes.opened

	sequence := 1
	for round := range 2 {
		for i, s := range web {
			before := read.Load()
			s.terminate()
			sequence++
			rest.publish(changed(refs, sequence))
			for deadline := time.Now().Add(time.Minute); read.Load() < before+100; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("round %d, process %d: reads stand still", round, i)
				}
			}
			s.restart()
		}
	}
	w.caughtUp()
	sequence++
	rest.publish(changed(refs, sequence)) // so that there is something that comes last
	changes.wait(refs, sequence-1)        // the first fact of each was before
	cancel()
	group.Wait()
	t.Logf("%d reads, %d of them asked again; the stream was opened %d times", read.Load(), b.again.Load(), changes.streams.Load())
	if changes.streams.Load() < 2 {
		t.Errorf("the stream was opened %d times: nothing was seen of it coming back", changes.streams.Load())
	}
}

// changed changes each case: its issue says which change it is.
func changed(refs []string, sequence int) (events []map[string]any) {
	for _, ref := range refs {
		events = append(events, fact("cms.case.details-changed.v1", ref, sequence, map[string]any{"issue": fmt.Sprint("change ", sequence)}))
	}
	return events
}

// balancer is a proxy in front of several processes: it goes round, and on to the next where nobody listens.
type balancer struct {
	t      *testing.T
	behind []*service
	next   atomic.Int64
	again  atomic.Int64
}

// do asks one process after the other until one listens.
func (b *balancer) do(ctx context.Context, who, path string, headers ...string) (*http.Response, error) {
	for range 500 {
		s := b.behind[int(b.next.Add(1))%len(b.behind)]
		response, err := http.DefaultClient.Do(s.request(http.MethodGet, who, path, "", headers...).WithContext(ctx))
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return response, err
		}
		b.again.Add(1)
		time.Sleep(time.Millisecond)
	}
	return nil, errors.New("no process listens")
}

func (b *balancer) get(who, path string) (status int, body string) {
	response, err := b.do(b.t.Context(), who, path)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}

// changesSeen follows the stream of changes, and comes back where it ends.
type changesSeen struct {
	b       *balancer
	opened  chan struct{} // once it is open first
	streams atomic.Int64

	last string // the id of the last change

	mu    sync.Mutex
	count map[string]int // of changes told, by case
}

func (c *changesSeen) follow(ctx context.Context) {
	for ctx.Err() == nil {
		var headers []string
		if c.last != "" {
			headers = []string{"Last-Event-ID", c.last}
		}
		response, err := c.b.do(ctx, "caseworker", "/api/v1/events", headers...)
		if err != nil {
			if ctx.Err() == nil {
				c.b.t.Errorf("open the stream: %v", err)
			}
			return
		}
		if response.StatusCode != http.StatusOK {
			c.b.t.Errorf("open the stream: got %d", response.StatusCode)
		}
		if c.streams.Add(1) == 1 {
			c.opened <- struct{}{}
		}
		if err := c.read(response.Body); err != nil && ctx.Err() == nil {
			c.b.t.Errorf("the stream broke off: %v, want that it ends", err)
		}
		_ = response.Body.Close()
	}
}

// read takes changes until the stream ends.
func (c *changesSeen) read(body io.Reader) error {
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "id":
			c.last = value
		case "event":
			if value == "reset" {
				c.b.t.Error("the stream came back too late: what was missed is not told any more")
			}
		case "data":
			var change struct{ Ref string }
			if err := json.Unmarshal([]byte(value), &change); err != nil {
				return fmt.Errorf("%w: %s", err, value)
			}
			c.mu.Lock()
			c.count[change.Ref]++
			c.mu.Unlock()
		}
	}
	return lines.Err()
}

// wait waits until so many changes of each case were told, and fails where more were.
func (c *changesSeen) wait(refs []string, want int) {
	c.b.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c.mu.Lock()
		counts := maps.Clone(c.count)
		c.mu.Unlock()
		least := want
		for _, ref := range refs {
			least = min(least, counts[ref])
			if counts[ref] > want {
				c.b.t.Fatalf("case %s: got %d changes, want %d", ref, counts[ref], want)
			}
		}
		if least == want {
			return
		}
		if time.Now().After(deadline) {
			c.b.t.Fatalf("got %v, want %d changes of each case", counts, want)
		}
	}
}
