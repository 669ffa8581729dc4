package httpapi

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"casesync/domain/access"
	"casesync/domain/account"
)

// Tokens finds out who carries a token.
type Tokens interface {
	// Authenticate returns who carries the token. A refusal Is access.ErrUnauthenticated and its
	// text may be shown; any other error means that nobody could be asked.
	Authenticate(ctx context.Context, token string) (access.Principal, error)
}

// bearerOf returns the token that a request carries, "" for none.
func bearerOf(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// identified is who asks, before it is asked what he may do. A session says who its person is, and
// nothing of roles.
type identified struct {
	access.Principal
	session bool
}

// identify returns who asks: by the token, or else by the session. A token that is refused is not
// made up for by a session.
func (s *Server) identify(r *http.Request) (identified, *Problem) {
	ctx := r.Context()
	token := bearerOf(r)
	if token == "" {
		if s.config.Gate != nil && s.config.People != nil {
			if person := s.config.Gate.Person(ctx); person != "" {
				return identified{access.Principal{ID: personPrefix + person, Kind: access.User}, true}, nil
			}
		}
		return identified{}, problem(CodeTokenMissing, "Sign in, or send a token in the header: Authorization: Bearer casesync_….").
			with("WWW-Authenticate", `Bearer realm="casesync"`)
	}
	principal, err := s.config.Tokens.Authenticate(ctx, token)
	if errors.Is(err, access.ErrUnauthenticated) {
		return identified{}, tokenRefused("%s Ask an operator for another one.", sentence(err.Error()))
	}
	if err != nil {
		s.logger.ErrorContext(ctx, "authentication failed", "error", err)
		return identified{}, problem(CodeUnavailable, "Tokens cannot be checked now. Try again later.").retryAfter(retryUnavailable)
	}
	return identified{Principal: principal}, nil
}

// personPrefix begins the principal's id of a person; the bare id follows.
const personPrefix = "user:"

func tokenRefused(format string, args ...any) *Problem {
	return problem(CodeTokenRefused, format, args...).with("WWW-Authenticate", `Bearer realm="casesync", error="invalid_token"`)
}

func sessionEnded() *Problem {
	return problem(CodeSessionEnded, "Sign in again.").with("WWW-Authenticate", `Bearer realm="casesync"`)
}

// standing is what the log says of a caller at this moment.
type standing struct {
	principal access.Principal
	// person is the bare id of a person with an account, "" for everybody else.
	person string
	// session is whether a browser asks, by its session.
	session bool
	// terms is the version of the terms of use in force, pending where it was not accepted yet.
	terms   string
	pending []string
	cookies account.Cookies
	// withheld are the businesses where a role would allow the request if the terms were accepted.
	withheld []string
}

// stand asks the log itself what a person may do now, so that whatever was taken away a moment ago is
// gone, for tokens as for sessions. Machines, and tokens of persons without an account, hold what
// their token says.
func (s *Server) stand(ctx context.Context, who identified) (standing, *Problem) {
	person := who.Person()
	if person == "" || s.config.People == nil {
		return standing{principal: who.Principal}, nil
	}
	found, err := s.config.People.Standing(ctx, person)
	switch {
	case err != nil:
		return standing{}, s.problemOf(ctx, err)
	case found.Status == account.Missing && !who.session:
		return standing{principal: who.Principal}, nil
	case found.Status != account.Active || !found.Complete:
		if who.session {
			return standing{}, sessionEnded()
		}
		return standing{}, tokenRefused("The account that it stands for cannot be used now. Ask an administrator of your business.")
	}
	return standing{principal: found.Principal, person: person, session: who.session,
		terms: found.TermsVersion, pending: found.Pending, cookies: found.Cookies}, nil
}

// beforeTerms are the permissions that count before the terms of use are accepted: oneself, the terms
// and technical support. All others show or change data of a business, a list of its users included.
var beforeTerms = []access.Permission{access.ReadSelf, access.ReadTerms, access.AcceptTerms, access.AskSupport}

// acceptFor takes away, for a request that needs permission, the roles at businesses for which the
// terms of use in force are not accepted (requirements 25 and 26). It refuses a request that names
// such a business, and one for which no business is left. This is the one place where terms count.
func (s *standing) acceptFor(r *http.Request, permission access.Permission) *Problem {
	if slices.Contains(beforeTerms, permission) || s.principal.Everywhere(permission) {
		return nil
	}
	for _, frn := range s.pending {
		if s.principal.May(permission, frn) {
			s.withheld = append(s.withheld, frn)
		}
	}
	if len(s.withheld) == 0 {
		return nil
	}
	s.principal.Grants = maps.Clone(s.principal.Grants)
	for _, frn := range s.pending {
		delete(s.principal.Grants, frn)
	}
	if !s.principal.Somewhere(permission) {
		return s.notAccepted(s.withheld...)
	}
	return s.acceptedAt(businessesNamed(r)...)
}

// acceptedAt refuses what names a business where a role would count if the terms were accepted.
func (s *standing) acceptedAt(frns ...string) *Problem {
	for _, frn := range frns {
		if slices.Contains(s.withheld, frn) {
			return s.notAccepted(frn)
		}
	}
	return nil
}

func (s *standing) notAccepted(frns ...string) *Problem {
	if s.terms == "" {
		return problem(CodeTermsNotAccepted, "The Financial Ombudsman Service has not published its terms of use yet, and nobody sees any data before they are accepted.")
	}
	return problem(CodeTermsNotAccepted, "Accept version %s of the terms of use on behalf of %s first: POST /api/v1/terms/acceptances.",
		s.terms, strings.Join(frns, ", "))
}

// businessesNamed returns the FRNs that a request names in its address.
func businessesNamed(r *http.Request) []string {
	var named []string
	for _, frn := range append(r.URL.Query()["business"], pathValue(r, "frn")) {
		if frnPattern.MatchString(frn) {
			named = append(named, frn)
		}
	}
	return named
}

// seenTimeout bounds how long an answer waits for the day's first activity to be recorded.
const seenTimeout = 2 * time.Second

// seen records that a person was active today (domain.md, 6c), whatever becomes of the request. It
// costs an append once a day for each person and process; that it failed is no reason to refuse.
func (s *Server) seen(ctx context.Context, person string) {
	if person == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), seenTimeout)
	defer cancel()
	if err := s.config.People.Seen(ctx, person); err != nil {
		s.logger.ErrorContext(ctx, "activity of the day could not be recorded", "error", err)
	}
}
