package portal_test

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"casesync/adapters/commands"
	"casesync/adapters/keyring"
	"casesync/adapters/portal"
	"casesync/domain/catalog"
	"casesync/eventstore"
	"casesync/eventstore/pglog"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/eventstore/sqlitelog"
)

const publicURL = "https://cases.portal.example"

// world is the pages, and the people of a log behind them.
type world struct {
	t       *testing.T
	people  *commands.People
	handler http.Handler
	log     logOfTests
	codec   *eventstore.Codec
	mails   []portal.Message
}

type logOfTests interface {
	eventstore.Log
	Close() error
}

// each runs a test on the pages over a log in each database.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	sqldbtest.Each(t, func(t *testing.T, address string) { test(t, newWorld(t, address)) })
}

func newWorld(t *testing.T, address string) *world {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	db, err := sqldb.Open(ctx, "sqlite:"+filepath.Join(dir, "keyring.db"))
	if err != nil {
		t.Fatalf("open database: %v", err)
	}
	t.Cleanup(func() { _ = db.Close() })
	ring, err := keyring.Open(ctx, db, keyring.NewFileKEK(filepath.Join(dir, "kek")), keyring.Config{})
	if err != nil {
		t.Fatalf("open key ring: %v", err)
	}
	t.Cleanup(ring.Close)
	w := &world{t: t}
	if path, is := strings.CutPrefix(address, "sqlite:"); is {
		w.log, err = sqlitelog.Open(ctx, path, sqlitelog.Config{})
	} else {
		w.log, err = pglog.Open(ctx, address, pglog.Config{})
	}
	if err != nil {
		t.Fatalf("open log: %v", err)
	}
	t.Cleanup(func() { _ = w.log.Close() })
	w.codec = eventstore.NewCodec(catalog.New(), ring)
	w.people, err = commands.NewPeople(commands.PeopleConfig{
		Log: w.log, Codec: w.codec, AddressKey: []byte(strings.Repeat("a", 32)),
		Links: commands.NewLinks([]byte(strings.Repeat("l", 32))), Now: now,
		Memberships: func(context.Context, string) ([]string, error) { return nil, nil },
	})
	if err != nil {
		t.Fatalf("new people: %v", err)
	}
	w.serve(func(*portal.Config) {})
	return w
}

func now() time.Time { return time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC) }

// serve makes the pages anew, with changed settings.
func (w *world) serve(change func(*portal.Config)) {
	w.t.Helper()
	config := portal.Config{
		People: w.people, PublicURL: publicURL, Guide: guide(), Demo: true, Version: "v1.2.3", Now: now,
		Mails:  func(context.Context) ([]portal.Message, error) { return w.mails, nil },
		Logger: slog.New(slog.DiscardHandler),
	}
	change(&config)
	pages, err := portal.New(config)
	if err != nil {
		w.t.Fatalf("new portal: %v", err)
	}
	router := chi.NewRouter()
	router.Use(middleware.GetHead)
	pages.Register(router)
	w.handler = router
}

// guide is what a service with usual settings tells.
func guide() portal.Guide {
	return portal.Guide{
		OIDC: portal.OIDCFacts{
			RedirectURL: publicURL + "/sign-in/oidc", Scopes: []string{"openid", "email"}, Algorithms: []string{"RS256", "ES256"},
			ClockSkew: time.Minute, SignInTime: 10 * time.Minute, KeysKept: time.Hour,
		},
		SAML: portal.SAMLFacts{
			EntityID: publicURL + "/sign-in/saml/metadata", ConsumerURL: publicURL + "/sign-in/saml", MetadataURL: publicURL + "/sign-in/saml/metadata/",
			EmailAttributes: []string{"email", "urn:oid:0.9.2342.19200300.100.1.3"}, Signatures: []string{"rsa-sha256", "ecdsa-sha256"},
			RSABitsMin: 2048, ClockSkew: time.Minute, SignInTime: 10 * time.Minute,
		},
		Local: portal.LocalFacts{
			PasswordCharactersMin: 12, PasswordCharactersMax: 128, RecoveryCodes: 10, CodeDigits: 6, CodePeriod: 30 * time.Second,
			SecurityQuestions: 3, AttemptsFree: 5, LockBase: 30 * time.Second, LockMax: time.Hour,
		},
		InvitationAge: 7 * 24 * time.Hour, ResetAge: time.Hour, SessionIdle: 20 * time.Minute, SessionAbsolute: 10 * time.Hour,
	}
}

// shown is a page that was answered.
type shown struct {
	status int
	header http.Header
	body   string
}

func (w *world) get(path string) shown {
	return w.do(httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, path, nil))
}

// post sends a form as a browser does from a page of this service.
func (w *world) post(form url.Values) shown { return w.postAs(form, "same-origin") }

func (w *world) postAs(form url.Values, site string) shown {
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, "/access-request", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", site)
	return w.do(r)
}

func (w *world) do(r *http.Request) shown {
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	answer := recorder.Result()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		w.t.Fatalf("read answer: %v", err)
	}
	return shown{answer.StatusCode, answer.Header, string(body)}
}

// with returns a form with some of its fields changed: pairs of a name and a value. A name that is given
// several times has several values.
func with(form url.Values, pairs ...string) url.Values {
	changed, seen := url.Values{}, map[string]bool{}
	maps.Copy(changed, form)
	for i := 0; i < len(pairs); i += 2 {
		if !seen[pairs[i]] {
			changed.Del(pairs[i])
		}
		seen[pairs[i]] = true
		changed.Add(pairs[i], pairs[i+1])
	}
	return changed
}

// filled is a form with which everything is right.
func filled() url.Values {
	return url.Values{
		"action": {"send"}, "key": {"6f1f0a52-6a2e-4b0f-9d3c-1f2d3c4b5a69"}, "token": {""},
		"frn": {"123456"}, "business-name": {"Example Bank plc"}, "domains": {"bank.example\r\n@cards.example"},
		"contact-name": {"Robin Sample"}, "contact-email": {"robin.sample@bank.example"},
		"administrator-name": {"Alex Sample"}, "administrator-email": {"alex.sample@bank.example"},
		"method": {"oidc"}, "identity-provider": {"Example Directory"}, "issuer": {"https://login.bank.example"}, "client-id": {"casesync"},
		"metadata-url": {""}, "metadata": {""},
	}
}
