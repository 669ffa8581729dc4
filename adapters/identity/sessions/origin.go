package sessions

import (
	"net/http"

	"casesync/adapters/identity/signin"
)

// SameOrigin refuses requests that change something and come from a page of another site, by what
// the browser says of their origin (Sec-Fetch-Site, Origin), so that no form needs a token.
// Requests of no browser pass: they carry no cookie that somebody else chose to send.
//
// The exempt patterns are those of http.ServeMux with method and path, such as
// "POST /sign-in/saml": SAML's answer is a POST across sites by design, and is bound to the
// browser by its own cookie ([signin.Cookie]). Where refuse is nil the answer is a plain 403.
func SameOrigin(next http.Handler, refuse func(w http.ResponseWriter, r *http.Request, refusal *signin.Refusal), exempt ...string) http.Handler {
	if refuse == nil {
		refuse = func(w http.ResponseWriter, _ *http.Request, refusal *signin.Refusal) {
			http.Error(w, refusal.Error(), http.StatusForbidden)
		}
	}
	protection := http.NewCrossOriginProtection()
	for _, pattern := range exempt {
		protection.AddInsecureBypassPattern(pattern)
	}
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse(w, r, signin.Refuse(signin.CrossOrigin, "origin %s, site %s",
			signin.Shorten(r.Header.Get("Origin")), signin.Shorten(r.Header.Get("Sec-Fetch-Site"))))
	}))
	return protection.Handler(next)
}
