package ratelimit_test

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"casesync/adapters/ratelimit"
)

// clock is a time that tests move.
type clock struct{ micros atomic.Int64 }

func (c *clock) Now() time.Time      { return time.UnixMicro(1_700_000_000_000_000 + c.micros.Load()) }
func (c *clock) add(d time.Duration) { c.micros.Add(d.Microseconds()) }

func open(t *testing.T, clock *clock, limit ratelimit.Limit, keysMax int) *ratelimit.Limiter {
	t.Helper()
	limiter, err := ratelimit.New(ratelimit.Config{Limit: limit, KeysMax: keysMax, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	return limiter
}

// taken returns how many of n requests go.
func taken(l *ratelimit.Limiter, key string, n int) (count int) {
	for range n {
		if _, ok := l.Allow(key); ok {
			count++
		}
	}
	return count
}

func TestBucket(t *testing.T) {
	t.Parallel()
	clock := &clock{}
	l := open(t, clock, ratelimit.Limit{PerSecond: 2, Burst: 5}, 10)
	if got := taken(l, "a", 20); got != 5 {
		t.Errorf("at once: got %d, want 5", got)
	}
	if wait, ok := l.Allow("a"); ok || wait != 500*time.Millisecond {
		t.Errorf("without a token: got %s, %v, want 500ms, false", wait, ok)
	}
	if got := taken(l, "b", 20); got != 5 {
		t.Errorf("another key: got %d, want 5", got)
	}
	clock.add(time.Second)
	if got := taken(l, "a", 20); got != 2 {
		t.Errorf("a second later: got %d, want 2: who was refused has not waited in line", got)
	}
	clock.add(time.Hour)
	if got := taken(l, "a", 20); got != 5 {
		t.Errorf("an hour later: got %d, want 5", got)
	}
}

func TestRequestsAtOnce(t *testing.T) {
	t.Parallel()
	l := open(t, &clock{}, ratelimit.Limit{PerSecond: 1, Burst: 50}, 10)
	var went atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { went.Add(int64(taken(l, "a", 100))) })
	}
	group.Wait()
	if went.Load() != 50 {
		t.Errorf("got %d, want 50", went.Load())
	}
}

// With too many keys the least recently used is forgotten, so that the busy ones stay limited.
func TestBoundedMemory(t *testing.T) {
	t.Parallel()
	l := open(t, &clock{}, ratelimit.Limit{PerSecond: 1, Burst: 3}, 100)
	if got := taken(l, "busy", 3); got != 3 {
		t.Fatalf("got %d, want 3", got)
	}
	for i := range 10_000 {
		taken(l, fmt.Sprint(i), 1)
		if got := taken(l, "busy", 1); got != 0 {
			t.Fatalf("after %d other keys: got %d, want 0", i+1, got)
		}
	}
	if got := taken(l, "0", 3); got != 3 {
		t.Errorf("a forgotten key: got %d, want 3", got)
	}
}

func TestMiddleware(t *testing.T) {
	t.Parallel()
	clock := &clock{}
	l := open(t, clock, ratelimit.Limit{PerSecond: 0.4, Burst: 2}, 10)
	served := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	ask := func(handler http.Handler, address, user string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = address
		r.Header.Set("User", user)
		r.Header.Set("X-Forwarded-For", fmt.Sprint(clock.Now().UnixNano())) // nobody is asked to believe it
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	byAddress := l.ByAddress(served)
	for _, c := range []struct {
		address string
		want    int
	}{
		{"192.0.2.1:1000", 204}, {"192.0.2.1:2000", 204}, {"192.0.2.1:3000", 429}, {"192.0.2.2:1000", 204}, {"[::ffff:192.0.2.1]:1", 429},
	} {
		w := ask(byAddress, c.address, "")
		if w.Code != c.want {
			t.Errorf("%s: got %d, want %d", c.address, w.Code, c.want)
		}
		if retry := w.Header().Get("Retry-After"); c.want == 429 && retry != "3" {
			t.Errorf("%s: Retry-After: got %q, want 3: two and a half seconds, rounded up", c.address, retry)
		}
	}
	byUser := open(t, clock, ratelimit.Limit{PerSecond: 1, Burst: 1}, 10).By(func(r *http.Request) string { return r.Header.Get("User") })(served)
	for i, c := range []struct {
		user string
		want int
	}{{"ada", 204}, {"ada", 429}, {"bob", 204}, {"", 204}, {"", 204}} {
		if w := ask(byUser, "192.0.2.9:1", c.user); w.Code != c.want {
			t.Errorf("request %d of %q: got %d, want %d", i, c.user, w.Code, c.want)
		}
	}
}

func TestAddressKey(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1", "192.0.2.1": "192.0.2.1", "[::ffff:192.0.2.1]:80": "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64", "[2001:db8:1:2:ffff::1]:80": "2001:db8:1:2::/64", "[2001:db8:1:3::1]:80": "2001:db8:1:3::/64",
		"[fe80::1%eth0]:80": "fe80::/64", "": "unknown", "@": "unknown", "pipe": "unknown",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = address
		if got := ratelimit.AddressKey(r); got != want {
			t.Errorf("%q: got %q, want %q", address, got, want)
		}
	}
}

func TestUnfitLimits(t *testing.T) {
	t.Parallel()
	for _, config := range []ratelimit.Config{
		{Limit: ratelimit.Limit{PerSecond: 1}}, {Limit: ratelimit.Limit{Burst: 1}}, {Limit: ratelimit.Limit{PerSecond: -1, Burst: 1}},
		{Limit: ratelimit.Limit{PerSecond: math.NaN(), Burst: 1}}, {Limit: ratelimit.Limit{PerSecond: math.Inf(1), Burst: 1}}, {KeysMax: -1},
	} {
		if _, err := ratelimit.New(config); err == nil {
			t.Errorf("%+v: got no error", config)
		}
	}
	if _, err := ratelimit.New(ratelimit.Config{}); err != nil {
		t.Errorf("defaults: %v", err)
	}
}

func FuzzAddressKey(f *testing.F) {
	f.Add("192.0.2.1:80")
	f.Add("[::1%x]:1")
	f.Fuzz(func(t *testing.T, address string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = address
		if key := ratelimit.AddressKey(r); key == "" || len(key) > 50 {
			t.Errorf("%q: got key %q", address, key)
		}
	})
}

// Several tokens are taken together or not at all; more than there ever are cost all.
func TestSeveral(t *testing.T) {
	t.Parallel()
	clock := &clock{}
	l := open(t, clock, ratelimit.Limit{PerSecond: 1, Burst: 10}, 10)
	for _, step := range []struct {
		n    int
		wait time.Duration
	}{{8, 0}, {3, time.Second}, {2, 0}, {10, 10 * time.Second}, {1000, 10 * time.Second}} {
		if wait, ok := l.AllowN("a", step.n); wait != step.wait || ok != (step.wait == 0) {
			t.Errorf("%d: got %v, %v, want %v", step.n, wait, ok, step.wait)
		}
	}
	if _, ok := l.AllowN("b", 1000); !ok {
		t.Error("all of a full bucket: got refused, want taken")
	}
}
