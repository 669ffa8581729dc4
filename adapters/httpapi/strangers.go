package httpapi

import (
	"net/http"
	"slices"
)

// probes are asked by who runs the service, every few seconds and from one address, and must always
// get an answer.
var probes = []string{"/livez", "/readyz"}

// crossOrigin finds what a browser sends on behalf of another site, which the gate refuses.
var crossOrigin = http.NewCrossOriginProtection()

// limitStrangers bounds by their network address the requests of which nobody is asked who sends them:
// those of open routes, and those that the gate refuses by their origin. All others are bounded by
// refuse. So who signs in, or carries a token, is bounded as who he is, however many share his address:
// an office behind one address, or a case management system that has much to say.
func (s *Server) limitStrangers(next http.Handler) http.Handler {
	limited := orPass(s.config.LimitAddresses)(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route, known := matchedRoute(r)
		switch {
		case known && slices.Contains(probes, route.Pattern):
			next.ServeHTTP(w, r)
		case !known, s.open(route), crossOrigin.Check(r) != nil:
			limited.ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// refuse writes a refusal. Where nobody was found to have sent the request it counts as a stranger's:
// who guesses tokens is told nothing any more once his address has no request left.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, refusal *Problem) {
	if refusal.Status != http.StatusUnauthorized {
		refusal.write(w)
		return
	}
	orPass(s.config.LimitAddresses)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { refusal.write(w) })).ServeHTTP(w, r)
}
