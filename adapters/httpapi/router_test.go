package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
)

// TestEveryRouteHasARule registers everything and walks the router: each route has a row in the
// table, and each row its route.
func TestEveryRouteHasARule(t *testing.T) {
	t.Parallel()
	s := bareServer(t)
	registered := map[string]bool{}
	err := chi.Walk(s.router, func(method, pattern string, _ http.Handler, middlewares ...func(http.Handler) http.Handler) error {
		registered[method+" "+pattern] = true
		if _, known := routeOf(method, pattern); !known {
			t.Errorf("%s %s is registered and has no rule", method, pattern)
		}
		if want := len(s.router.Middlewares()) + len(s.guards()); len(middlewares) != want {
			t.Errorf("%s %s passes %d middlewares, want %d: the guards are missing", method, pattern, len(middlewares), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, route := range routes {
		if !registered[route.Method+" "+route.Pattern] {
			t.Errorf("%s %s has a rule and is not registered", route.Method, route.Pattern)
		}
		if route.Public == (route.Permission != "") {
			t.Errorf("%s %s: want either a permission or public", route.Method, route.Pattern)
		}
	}
}

// TestRouteWithoutRuleIsRefused proves that forgetting a rule closes a route, and does not open it.
func TestRouteWithoutRuleIsRefused(t *testing.T) {
	t.Parallel()
	s := bareServer(t)
	s.router.With(s.guards()...).Get("/api/v1/forgotten", func(http.ResponseWriter, *http.Request) { t.Error("the handler ran") })
	for _, token := range []string{"", "Bearer anything"} {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/forgotten", nil)
		r.Header.Set("Authorization", token)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusNotFound {
			t.Errorf("got %d, want 404", w.Code)
		}
	}
}

// TestPanic: a handler that panics is answered for, and says nothing of why.
func TestPanic(t *testing.T) {
	t.Parallel()
	s := bareServer(t)
	s.router.Get("/boom", func(http.ResponseWriter, *http.Request) { panic("a secret") })
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/boom", nil))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret") || !strings.Contains(w.Body.String(), `"internal"`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// TestRoutingContextOfAnother: a middleware in front may bring a routing context of its own, to read
// the route's pattern from afterwards, as the one that measures does.
func TestRoutingContextOfAnother(t *testing.T) {
	t.Parallel()
	s := bareServer(t)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		matched := chi.NewRouteContext()
		r := httptest.NewRequest(method, "/livez", nil)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), chi.RouteCtxKey, matched)))
		if w.Code != http.StatusOK || matched.RoutePattern() != "/livez" {
			t.Errorf("%s: got %d on the route %q, want 200 on /livez", method, w.Code, matched.RoutePattern())
		}
	}
}

// TestAllow: an answer 405 says which methods are taken (RFC 9110, 15.5.6).
func TestAllow(t *testing.T) {
	t.Parallel()
	s := bareServer(t)
	for _, c := range []struct{ method, path, want string }{
		{http.MethodDelete, "/api/v1/cases", "GET, HEAD"},
		{http.MethodOptions, "/api/v1/cases/C-1/timeline", "GET, HEAD"},
		{http.MethodPut, "/api/v1/events", "GET"},
		{http.MethodGet, "/cms/v1/events", "POST"},
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if got := w.Header().Get("Allow"); w.Code != http.StatusMethodNotAllowed || got != c.want {
			t.Errorf("%s %s: got %d, Allow %q; want 405, %q", c.method, c.path, w.Code, got, c.want)
		}
	}
}
