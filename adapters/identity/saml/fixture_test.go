package saml

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/beevik/etree"
	"go.uber.org/goleak"

	"casesync/adapters/identity/idptest"
	"casesync/adapters/identity/signin"
	"casesync/eventstore/sqldb"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const entityID = "https://casesync.test/saml"

var errUnknown = errors.New("no such provider")

// service is a service provider on a real database, towards a real identity provider.
type service struct {
	*ServiceProvider
	t         *testing.T
	idp       *idptest.Providers
	providers map[string]Provider
	offset    atomic.Int64 // of our clock
}

func (s *service) now() time.Time { return time.Now().Add(time.Duration(s.offset.Load())) }

func start(t *testing.T, idp *idptest.Providers, address string, change func(*Config)) *service {
	t.Helper()
	db, err := sqldb.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s := &service{t: t, idp: idp, providers: map[string]Provider{}}
	attempts, err := signin.Open(t.Context(), db, s.now)
	if err != nil {
		t.Fatal(err)
	}
	config := Config{
		Attempts: attempts, EntityID: entityID, Address: idptest.SAMLAddress, Now: s.now,
		Provider: func(_ context.Context, key string) (Provider, error) {
			provider, ok := s.providers[key]
			if !ok {
				return Provider{}, errUnknown
			}
			return provider, nil
		},
	}
	if change != nil {
		change(&config)
	}
	if s.ServiceProvider, err = New(config); err != nil {
		t.Fatal(err)
	}
	provider, err := ParseMetadata(s.get(idp.SAML+"/metadata"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	provider.Key, provider.Domains = "north", signin.Only("northbank.example")
	s.providers["north"] = provider
	return s
}

func (s *service) get(address string) []byte {
	s.t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: got %s, %v: %.1000s", address, answer.Status, err, body)
	}
	return body
}

var formResponse = regexp.MustCompile(`name="SAMLResponse"\s+value="([^"]*)"`)

// options are samlp's, and user and email.
type options map[string]any

// begin starts a sign-in and lets the person sign in at the provider, who answers by options.
func (s *service) begin(o options) (handle, response string) {
	s.t.Helper()
	redirect, cookie, err := s.Start(s.t.Context(), "north", "/cases")
	if err != nil {
		s.t.Fatal(err)
	}
	return cookie.Value, s.visit(redirect, o)
}

func (s *service) visit(redirect string, o options) (response string) {
	s.t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		s.t.Fatal(err)
	}
	page := s.get(redirect + "&options=" + url.QueryEscape(string(text)))
	form := formResponse.FindSubmatch(page)
	if form == nil {
		s.t.Fatalf("the provider gave no form with a response: %.1000s", page)
	}
	return html.UnescapeString(string(form[1]))
}

func (s *service) signIn(o options) (signin.Identity, error) {
	s.t.Helper()
	handle, response := s.begin(o)
	return s.Finish(s.t.Context(), handle, response)
}

// edit changes a response as somebody on the way could.
func (s *service) edit(response string, change func(root *etree.Element)) string {
	s.t.Helper()
	raw, err := base64.StdEncoding.DecodeString(response)
	if err != nil {
		s.t.Fatal(err)
	}
	document := etree.NewDocument()
	if err := document.ReadFromBytes(raw); err != nil {
		s.t.Fatal(err)
	}
	change(document.Root())
	text, err := document.WriteToBytes()
	if err != nil {
		s.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(text)
}

func (s *service) wantRefused(what string, err error, want signin.Code) {
	s.t.Helper()
	var refusal *signin.Refusal
	errors.As(err, &refusal)
	if signin.CodeOf(err) != want || want == "" && err != nil {
		s.t.Errorf("%s: got %q (%v, %+v), want %q", what, signin.CodeOf(err), err, refusal, want)
	}
}
