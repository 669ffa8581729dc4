package httpapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"casesync/adapters/httpapi"
	"casesync/adapters/identity"
	"casesync/domain/access"
)

// endsWithin is how long an open answer may go on without its right: it is meant to be a second, and
// here as much as a busy machine may take; with the next heartbeat it would be fifteen.
const endsWithin = 6 * time.Second

// ended waits for a stream's end, and fails if it takes too long.
func (l *listener) ended(why string) {
	l.t.Helper()
	began := time.Now()
	over := time.After(endsWithin)
	for {
		select {
		case _, open := <-l.events:
			if !open {
				l.t.Logf("%s: ended after %v", why, time.Since(began).Round(time.Millisecond))
				return
			}
		case <-over:
			l.t.Fatalf("%s: the stream is still open", why)
		}
	}
}

// TestStreamEndsWithItsRight: whatever an open stream relies on ends it when it is taken away, by
// session as by token; what is taken from others does not.
func TestStreamEndsWithItsRight(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.found(frnA, domainA)
		admin := h.administrator(frnA, domainA, "first@"+domainA)
		takes := map[string]func(p person){
			"session ended": func(p person) { h.must(h.sessions.EndAll(context.Background(), p.id)) },
			"account disabled": func(p person) {
				h.told(http.MethodPost, "/api/v1/accounts/"+p.id+"/disable", h.operator(), data{"reason": "a test"})
			},
			"access disabled": func(p person) {
				h.told(http.MethodPost, "/api/v1/users/"+p.id+"/disable", admin.token, data{"business": frnA, "reason": "a test"})
			},
			"access removed": func(p person) {
				h.told(http.MethodPost, "/api/v1/users/"+p.id+"/remove", admin.token, data{"business": frnA, "reason": "a test"})
			},
		}
		bystander := h.join(frnA, admin.token, "Sample Bystander", "bystander@"+domainA, access.Caseworker)
		stays := h.listenWith("Cookie", h.signIn(bystander.id))
		stays.next("id")
		for why, take := range takes {
			p := h.join(frnA, admin.token, "Sample Person", strings.ReplaceAll(why, " ", ".")+"@"+domainA, access.Caseworker)
			bySession, byToken := h.listenWith("Cookie", h.signIn(p.id)), h.listen(p.token, "")
			bySession.next("id")
			byToken.next("id")
			take(p)
			bySession.ended(why + ", by session")
			if why != "session ended" {
				byToken.ended(why + ", by token")
			}
		}
		h.event("C1", "case.converted", converted(frnA, nil))
		if stays.next("case-changed") == "" {
			t.Error("the stream of somebody else ended")
		}
		byToken := h.listen(bystander.token, "")
		byToken.next("id")
		h.told(http.MethodPost, "/api/v1/terms", h.operator(), data{"kind": "terms-of-use", "version": "2026-03", "text": "# New", "reason": "x"})
		stays.ended("terms published, by session")
		byToken.ended("terms published, by token")
	})
}

// TestStreamEndsWithItsToken: a revoked token ends its stream, of a machine as well.
func TestStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqliteAddress(t), nil)
	token := h.issue(identity.Spec{Role: access.Auditor})
	stream := h.listen(token, "")
	stream.next("id")
	h.must(h.tokens.Revoke(context.Background(), strings.Split(token, "_")[2]))
	stream.ended("token revoked")
}

// stuck is a client that takes nothing after the first case, until its connection's time is over.
type stuck struct {
	*slowReader
	cut sync.Once
}

func (s *stuck) SetWriteDeadline(at time.Time) error {
	if !at.IsZero() && !at.After(time.Now()) {
		s.cut.Do(func() { close(s.goOn) })
	}
	return nil
}

func (s *stuck) SetReadDeadline(time.Time) error { return nil }

// TestExportEndsWithItsRight: an export that its client keeps waiting is cut off as soon as the person
// is disabled, and does not say that it is whole; what was given out is recorded.
func TestExportEndsWithItsRight(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.found(frnA, domainA)
		admin := h.administrator(frnA, domainA, "first@"+domainA)
		p := h.join(frnA, admin.token, "Sample Person", "p@"+domainA, access.Caseworker)
		h.convertMany(1200)
		client := &stuck{slowReader: newSlowReader("N0001")}
		request := httptest.NewRequest(http.MethodGet, "/api/v1/cases/export?sort=reference&status=open", nil)
		request.Header.Set("Cookie", h.signIn(p.id))
		request.Header.Set("Casesync-Min-Position", h.position)
		cut := make(chan any, 1)
		go func() {
			defer func() { cut <- recover() }()
			h.api.ServeHTTP(client, request)
		}()
		<-client.stopped
		h.told(http.MethodPost, "/api/v1/users/"+p.id+"/disable", admin.token, data{"business": frnA, "reason": "a test"})
		select {
		case cause := <-cut:
			if cause != http.ErrAbortHandler {
				t.Errorf("got %v, want the connection cut", cause)
			}
		case <-time.After(endsWithin):
			t.Fatal("the export goes on")
		}
		if strings.Contains(client.String(), "N1199") {
			t.Error("the export was whole")
		}
		last := h.activities(httpapi.ActivityFilter{Actor: "user:" + p.id, Kind: "data-exported"}, 2)
		if len(last) != 2 || !last[0].Failed || last[0].Code != "cut-off" || last[1].Detail["phase"] != "begun" || last[1].Failed {
			t.Errorf("activity: got %+v, want an export begun and cut off", last)
		}
	})
}
