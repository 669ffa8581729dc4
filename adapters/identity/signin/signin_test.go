package signin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"casesync/adapters/identity/signin"
	"casesync/domain/access"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, address string, now *atomic.Int64) *signin.Attempts {
	t.Helper()
	db, err := sqldb.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	attempts, err := signin.Open(t.Context(), db, func() time.Time { return time.UnixMicro(now.Load()).UTC() })
	if err != nil {
		t.Fatal(err)
	}
	return attempts
}

func clock() *atomic.Int64 {
	now := &atomic.Int64{}
	now.Store(noon.UnixMicro())
	return now
}

func TestAttemptIsTakenOnceByItsBrowser(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		now := clock()
		here, there := open(t, address, now), open(t, address, now)
		mine, err := here.Begin(t.Context(), "state-1", map[string]string{"nonce": "n"}, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		others, err := here.Begin(t.Context(), "state-2", nil, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		var data map[string]string
		for name, try := range map[string][2]string{
			"no browser": {"state-1", ""}, "another browser": {"state-1", others}, "another key": {"state-2", mine}, "nothing": {"", ""},
		} {
			if err := there.Take(t.Context(), try[0], try[1], &data); signin.CodeOf(err) != signin.AttemptOver {
				t.Errorf("%s: got %v, want %s", name, err, signin.AttemptOver)
			}
		}
		var taken atomic.Int32
		var group sync.WaitGroup
		for _, attempts := range []*signin.Attempts{here, there, here, there} {
			group.Go(func() {
				var data map[string]string
				err := attempts.Take(t.Context(), "state-1", mine, &data)
				if err == nil && data["nonce"] == "n" {
					taken.Add(1)
				} else if signin.CodeOf(err) != signin.AttemptOver {
					t.Errorf("got %v, %v, want one to be taken and the others %s", data, err, signin.AttemptOver)
				}
			})
		}
		group.Wait()
		if taken.Load() != 1 {
			t.Errorf("taken %d times, want once", taken.Load())
		}
	})
}

func TestAttemptExpires(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		now := clock()
		attempts := open(t, address, now)
		var handles [2]string
		for i, key := range []string{"a", "b"} {
			var err error
			if handles[i], err = attempts.Begin(t.Context(), key, 1, time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		var data int
		now.Add(time.Minute.Microseconds() - 1)
		if err := attempts.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := attempts.Take(t.Context(), "a", handles[0], &data); err != nil {
			t.Errorf("just in time: got %v, want no error", err)
		}
		now.Add(1)
		if err := attempts.Take(t.Context(), "b", handles[1], &data); signin.CodeOf(err) != signin.AttemptOver {
			t.Errorf("too late: got %v, want %s", err, signin.AttemptOver)
		}
	})
}

func TestAnswerIsSpentOnce(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		now := clock()
		attempts := open(t, address, now)
		spend := func() error { return attempts.Spend(t.Context(), "assertion", noon.Add(time.Minute)) }
		if err := spend(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := spend(); signin.CodeOf(err) != signin.Replayed {
				t.Errorf("again: got %v, want %s", err, signin.Replayed)
			}
			if err := attempts.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		now.Add(time.Minute.Microseconds())
		if err := attempts.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := spend(); err != nil {
			t.Errorf("forgotten when it would be refused as expired: got %v, want no error", err)
		}
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for code, text := range signin.Codes() {
		err := signin.Refuse(code, "innards %d", 42)
		if err.Error() != text || text == "" || strings.Contains(err.Error(), "innards") {
			t.Errorf("%s: got %q, want its text without detail", code, err)
		}
		if !errors.Is(err, access.ErrUnauthenticated) || !errors.Is(err, &signin.Refusal{Code: code}) || errors.Is(err, &signin.Refusal{Code: "other"}) {
			t.Errorf("%s: want it to be unauthenticated and of its own code alone", code)
		}
	}
	if signin.CodeOf(errors.New("disk full")) != "" {
		t.Error("a fault has a code, want none")
	}
	// A used code, and a wrong one, look the same to who tries.
	if texts := signin.Codes(); texts[signin.Wrong] != texts[signin.CodeUsed] {
		t.Errorf("got %q and %q, want one text", texts[signin.Wrong], texts[signin.CodeUsed])
	}
}

func TestCheckEmail(t *testing.T) {
	t.Parallel()
	domains := signin.Only("northbank.example", "north-cards.example")
	for email, want := range map[string]string{
		"ada@northbank.example": "ada@northbank.example", "Ada+x@NORTHBANK.example": "Ada+x@northbank.example",
		"a@north-cards.example": "a@north-cards.example",
	} {
		if got, err := signin.CheckEmail(t.Context(), email, domains); got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", email, got, err, want)
		}
	}
	for email, want := range map[string]signin.Code{
		"": signin.EmailUnusable, "ada": signin.EmailUnusable, "@northbank.example": signin.EmailUnusable,
		"ada@evil.example@northbank.example": signin.EmailUnusable, "ada@northbank.example\x00.evil.example": signin.EmailUnusable,
		"ada@northbank.example, eve@evil.example": signin.EmailUnusable, "ada@n\u043erthbank.example": signin.EmailUnusable,
		strings.Repeat("a", 250) + "@northbank.example": signin.EmailUnusable,
		"ada@evil.example": signin.EmailDomain, "ada@sub.northbank.example": signin.EmailDomain,
		"ada@northbank.example.evil.example": signin.EmailDomain, "ada@xnorthbank.example": signin.EmailDomain, "ada@": signin.EmailDomain,
	} {
		if got, err := signin.CheckEmail(t.Context(), email, domains); got != "" || signin.CodeOf(err) != want {
			t.Errorf("%q: got %q, %v, want %s", email, got, err, want)
		}
	}
}

// Nobody to ask vouches for nobody, and who cannot be asked is no answer.
func TestDomains(t *testing.T) {
	t.Parallel()
	if _, err := signin.CheckEmail(t.Context(), "ada@northbank.example", nil); signin.CodeOf(err) != signin.EmailDomain {
		t.Errorf("nobody to ask: got %v, want %s", err, signin.EmailDomain)
	}
	down := errors.New("disk full")
	unasked := func(context.Context, string) (bool, error) { return true, down }
	if got, err := signin.CheckEmail(t.Context(), "ada@northbank.example", unasked); got != "" || !errors.Is(err, down) {
		t.Errorf("cannot be asked: got %q, %v, want %v", got, err, down)
	}
}

func FuzzCheckEmail(f *testing.F) {
	f.Add("ada@northbank.example")
	f.Add("a@b@northbank.example")
	f.Fuzz(func(t *testing.T, email string) {
		got, err := signin.CheckEmail(t.Context(), email, signin.Only("northbank.example"))
		if err == nil && (!strings.HasSuffix(got, "@northbank.example") || strings.Count(got, "@") != 1) {
			t.Errorf("%q passes as %q", email, got)
		}
	})
}

func TestCookie(t *testing.T) {
	t.Parallel()
	for crossSite, want := range map[bool]string{false: "SameSite=Lax", true: "SameSite=None"} {
		text := signin.Cookie("h", time.Minute, crossSite).String()
		for _, part := range []string{"__Host-", "Secure", "HttpOnly", "Path=/", "Max-Age=60", want} {
			if !strings.Contains(text, part) {
				t.Errorf("got %q, want %q in it", text, part)
			}
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if got := signin.HandleOf(r); got != "" {
		t.Errorf("without a cookie: got %q, want nothing", got)
	}
	r.AddCookie(signin.Cookie("h", time.Minute, false))
	if got := signin.HandleOf(r); got != "h" {
		t.Errorf("got %q, want h", got)
	}
	if text := signin.Forgotten().String(); !strings.Contains(text, "Max-Age=0") || !strings.Contains(text, signin.Cookie("", 0, true).Name+"=;") {
		t.Errorf("forgotten: got %q, want no time left and no handle", text)
	}
}

// A refusal is told of the provider whose answer it was; what is no refusal stays as it is.
func TestOf(t *testing.T) {
	t.Parallel()
	refused := signin.Refuse(signin.WrongNonce, "detail")
	var got *signin.Refusal
	if !errors.As(signin.Of("north", refused), &got) || got.Provider != "north" || got.Detail != "detail" || refused.Provider != "" {
		t.Errorf("got %+v, and the first %+v, want a copy of north", got, refused)
	}
	if !errors.As(signin.Of("south", got), &got) || got.Provider != "north" {
		t.Errorf("again: got %+v, want it to stay north's", got)
	}
	down := errors.New("disk full")
	if got := signin.Of("north", down); !errors.Is(got, down) || signin.Of("north", nil) != nil {
		t.Errorf("no refusal: got %v, want %v", got, down)
	}
}
