package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestBehindProxies(t *testing.T) {
	t.Parallel()
	const refused = ""
	networks := []string{"10.0.0.0/8", "2001:db8::/32"}
	for name, c := range map[string]struct {
		settings serveCommand
		peer     string
		header   []string
		want     string // what the handler sees as the client, or refused
	}{
		"this machine":                   {serveCommand{}, "127.0.0.1:1000", nil, "127.0.0.1:1000"},
		"this machine by IPv6":           {serveCommand{}, "[::1]:1000", nil, "[::1]:1000"},
		"another machine":                {serveCommand{}, "192.0.2.1:1000", nil, refused},
		"another machine claims":         {serveCommand{TrustedProxy: networks}, "192.0.2.1:1000", []string{"127.0.0.1"}, refused},
		"no address":                     {serveCommand{TrustedProxy: networks}, "@", nil, refused},
		"this machine claims":            {serveCommand{TrustedProxy: networks}, "127.0.0.1:1000", []string{"192.0.2.9"}, "127.0.0.1:1000"},
		"a proxy":                        {serveCommand{TrustedProxy: networks}, "10.1.2.3:1000", []string{"192.0.2.9"}, "192.0.2.9:0"},
		"a proxy, mapped":                {serveCommand{TrustedProxy: networks}, "[::ffff:10.1.2.3]:1000", []string{"::ffff:192.0.2.9"}, "192.0.2.9:0"},
		"a proxy by IPv6":                {serveCommand{TrustedProxy: networks}, "[2001:db8::1]:1000", []string{"2001:db9::9"}, "[2001:db9::9]:0"},
		"a proxy that says nothing":      {serveCommand{TrustedProxy: networks}, "10.1.2.3:1000", nil, "10.1.2.3:0"},
		"a proxy that says nonsense":     {serveCommand{TrustedProxy: networks}, "10.1.2.3:1000", []string{"192.0.2.9, unknown"}, "10.1.2.3:0"},
		"two proxies":                    {serveCommand{TrustedProxy: networks}, "10.1.2.3:1000", []string{"192.0.2.9, 10.9.9.9"}, "192.0.2.9:0"},
		"two proxies, two lines":         {serveCommand{TrustedProxy: networks}, "10.1.2.3:1000", []string{"192.0.2.9", "10.9.9.9"}, "192.0.2.9:0"},
		"the client invents another":     {serveCommand{TrustedProxy: networks}, "10.1.2.3:1000", []string{"198.51.100.1, 192.0.2.9"}, "192.0.2.9:0"},
		"all are proxies":                {serveCommand{TrustedProxy: networks}, "10.1.2.3:1000", []string{"10.7.7.7, 10.9.9.9"}, "10.7.7.7:0"},
		"TLS, from anywhere":             {serveCommand{TLSCert: "c", TLSKey: "k"}, "192.0.2.1:1000", nil, "192.0.2.1:1000"},
		"TLS, from anywhere, and claims": {serveCommand{TLSCert: "c", TLSKey: "k"}, "192.0.2.1:1000", []string{"127.0.0.1"}, "192.0.2.1:1000"},
	} {
		client := refused
		handler, err := c.settings.behindProxies(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			client = r.RemoteAddr
			if left := r.Header.Values(forwardedFor); len(left) > 0 {
				t.Errorf("%s: the handler still sees %s %q", name, forwardedFor, left)
			}
		}))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		request := httptest.NewRequest(http.MethodGet, "/livez", nil)
		request.RemoteAddr = c.peer
		request.Header[forwardedFor] = c.header
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		if client != c.want || (c.want == refused) != (answer.Code == http.StatusForbidden) {
			t.Errorf("%s: got client %q, status %d; want %q", name, client, answer.Code, c.want)
		}
	}
}

func TestTrustedProxyMustBeANetwork(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"10.0.0.1", "proxy.example", "10.0.0.0/33", ""} {
		_, err := (&serveCommand{TrustedProxy: []string{text}}).behindProxies(http.NotFoundHandler())
		if !errors.Is(err, errUsage) || !strings.Contains(err.Error(), "want a network") {
			t.Errorf("--trusted-proxy %q: got %v, want wrong usage", text, err)
		}
	}
}
