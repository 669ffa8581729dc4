package gate_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

// browser keeps cookies and says where its requests come from, as browsers do. It reaches the house
// at its public address, and identity providers at theirs.
type browser struct {
	*http.Client

	h *house
	// address is where the house sees it come from.
	site string
}

func (h *house) browser() *browser {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	h.must(err)
	roots := x509.NewCertPool()
	roots.AddCert(h.server.Certificate())
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"}, // the name in httptest's certificate
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == strings.TrimPrefix(publicURL, "https://")+":443" {
				address = h.server.Listener.Addr().String()
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
	h.t.Cleanup(transport.CloseIdleConnections)
	return &browser{Client: &http.Client{Jar: jar, Transport: transport}, h: h, site: "same-origin"}
}

// body is a JSON object.
type body map[string]any

// reply is what the house answered.
type reply struct {
	*http.Response

	h    *house
	raw  string
	body body
	code string
}

// send sends a request with a body of JSON, and with the token of a link if one is given.
func (b *browser) send(method, path string, content body, token ...string) reply {
	b.h.t.Helper()
	var reader io.Reader
	if content != nil {
		text, err := json.Marshal(content)
		b.h.must(err)
		reader = strings.NewReader(string(text))
	}
	r, err := http.NewRequestWithContext(b.h.t.Context(), method, publicURL+path, reader)
	b.h.must(err)
	r.Header.Set("Content-Type", "application/json")
	if len(token) > 0 {
		r.Header.Set("Casesync-Link-Token", token[0])
	}
	return b.do(r)
}

func (b *browser) do(r *http.Request) reply {
	b.h.t.Helper()
	r.Header.Set("Sec-Fetch-Site", b.site)
	answer, err := b.Do(r)
	b.h.must(err)
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	b.h.must(err)
	got := reply{Response: answer, h: b.h, raw: string(raw)}
	if strings.Contains(answer.Header.Get("Content-Type"), "json") {
		b.h.must(json.Unmarshal(raw, &got.body))
		got.code, _ = got.body["code"].(string)
	}
	return got
}

func (b *browser) post(path string, content body, token ...string) reply {
	b.h.t.Helper()
	return b.send(http.MethodPost, path, content, token...)
}

func (b *browser) get(path string) reply {
	b.h.t.Helper()
	return b.send(http.MethodGet, path, nil)
}

// who returns who is signed in.
func (b *browser) who() string {
	b.h.t.Helper()
	return b.get("/who").raw
}

func (b *browser) wantWho(want string) {
	b.h.t.Helper()
	if got := b.who(); got != want {
		b.h.t.Errorf("signed in: got %q, want %q", got, want)
	}
}

// cookie returns what a cookie of the house is now.
func (b *browser) cookie(name string) string {
	home, _ := url.Parse(publicURL)
	for _, c := range b.Jar.Cookies(home) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// want makes sure of the status and, for a problem, of the code.
func (r reply) want(status int, code string) reply {
	r.h.t.Helper()
	if r.StatusCode != status || r.code != code {
		r.h.t.Fatalf("%s %s: got %d %q, want %d %q: %.600s\n%s", r.Request.Method, r.Request.URL.Path, r.StatusCode, r.code, status, code, r.raw, r.h.logged)
	}
	return r
}

// text returns a text in the body, by the names that lead to it.
func (r reply) text(names ...string) string {
	r.h.t.Helper()
	var at any = map[string]any(r.body)
	for _, name := range names {
		object, _ := at.(map[string]any)
		at = object[name]
	}
	text, is := at.(string)
	if !is {
		r.h.t.Fatalf("%s: there is no text at %v: %s", r.Request.URL.Path, names, r.raw)
	}
	return text
}
