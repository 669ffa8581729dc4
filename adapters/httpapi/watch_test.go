package httpapi_test

import (
	"context"
	"errors"
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
			"the role for it taken away": func(p person) { h.onlyAdministers(p, admin) },
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

// onlyAdministers leaves a caseworker of frnA the role of administrator alone, which reads no cases.
func (h *house) onlyAdministers(p, admin person) {
	h.t.Helper()
	h.told(http.MethodPost, "/api/v1/administrator-requests/grant", h.operator(), data{"business": frnA, "user": p.id, "requestedBy": admin.id})
	h.told(http.MethodPost, "/api/v1/users/"+p.id+"/revoke", admin.token, data{"business": frnA, "roles": []string{"caseworker"}, "reason": "a test"})
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
// is disabled, or loses the role that lets him export, and does not say that it is whole; what was given
// out is recorded. A role beside it that is taken away changes nothing.
func TestExportEndsWithItsRight(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.found(frnA, domainA)
		admin := h.administrator(frnA, domainA, "first@"+domainA)
		h.convertMany(1200)
		for name, take := range map[string]func(p person){
			"disabled": func(p person) {
				h.told(http.MethodPost, "/api/v1/users/"+p.id+"/disable", admin.token, data{"business": frnA, "reason": "a test"})
			},
			"role taken away": func(p person) { h.onlyAdministers(p, admin) },
		} {
			p := h.join(frnA, admin.token, "Sample Person", strings.ReplaceAll(name, " ", ".")+"@"+domainA, access.Caseworker)
			client, over := h.export(p)
			take(p)
			select {
			case cause := <-over:
				if err, _ := cause.(error); !errors.Is(err, http.ErrAbortHandler) {
					t.Errorf("%s: got %v, want the connection cut", name, cause)
				}
			case <-time.After(endsWithin):
				t.Fatalf("%s: the export goes on", name)
			}
			if strings.Contains(client.String(), "N1199") {
				t.Errorf("%s: the export was whole", name)
			}
			last := h.activities(httpapi.ActivityFilter{Actor: "user:" + p.id, Kind: "data-exported"}, 2)
			if len(last) != 2 || !last[0].Failed || last[0].Code != "cut-off" || last[1].Detail["phase"] != "begun" || last[1].Failed {
				t.Errorf("%s: activity: got %+v, want an export begun and cut off", name, last)
			}
		}
		p := h.join(frnA, admin.token, "Sample Person", "both@"+domainA, access.Caseworker, access.Supervisor)
		client, over := h.export(p)
		h.told(http.MethodPost, "/api/v1/users/"+p.id+"/revoke", admin.token, data{"business": frnA, "roles": []string{"supervisor"}, "reason": "a test"})
		client.cut.Do(func() { close(client.goOn) })
		if cause := <-over; cause != nil || !strings.Contains(client.String(), "N1199") {
			t.Errorf("a role beside it: got %v, want the export whole", cause)
		}
	})
}

// export begins an export by a person's session, to a client that takes nothing after the first case; over
// tells how it ended.
func (h *house) export(p person) (client *stuck, over chan any) {
	h.t.Helper()
	client, over = &stuck{slowReader: newSlowReader("N0001")}, make(chan any, 1)
	request := httptest.NewRequest(http.MethodGet, "/api/v1/cases/export?sort=reference&status=open", nil)
	request.Header.Set("Cookie", h.signIn(p.id))
	request.Header.Set("Casesync-Min-Position", h.position)
	go func() {
		defer func() { over <- recover() }()
		h.api.ServeHTTP(client, request)
	}()
	<-client.stopped
	return client, over
}
