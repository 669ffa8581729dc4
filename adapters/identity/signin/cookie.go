package signin

import (
	"net/http"
	"time"
)

// cookieName: a cookie of this prefix is set by this very host over HTTPS, or not at all.
const cookieName = "__Host-casesync-signin"

// Cookie returns the cookie that keeps an attempt's handle in the browser. Where the provider
// answers by a POST across sites, as SAML does, the browser sends it back only with crossSite.
func Cookie(handle string, age time.Duration, crossSite bool) *http.Cookie {
	cookie := &http.Cookie{
		Name: cookieName, Value: handle, Path: "/", MaxAge: int(age.Seconds()),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if crossSite {
		cookie.SameSite = http.SameSiteNoneMode
	}
	return cookie
}

// Forgotten returns the cookie that takes an attempt's handle from the browser, once it is over.
func Forgotten() *http.Cookie {
	return &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// HandleOf returns the handle in a request's cookie, "" if there is none.
func HandleOf(r *http.Request) string {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return ""
	}
	return cookie.Value
}
