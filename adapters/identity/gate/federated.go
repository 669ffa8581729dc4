package gate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"casesync/adapters/commands"
	"casesync/adapters/identity/saml"
	"casesync/adapters/identity/signin"
	"casesync/domain"
	"casesync/domain/account"
	"casesync/domain/connection"
)

const (
	mediaTypeMetadata = "application/samlmetadata+xml"
	// linkPrefix stands before the token of an invitation where an attempt keeps where to go on: no
	// path in this service begins so.
	linkPrefix = "link "
	// formBytesMax is what a SAML provider's form may have; package saml bounds the response in it.
	formBytesMax = 1 << 20
)

// Departure is an e-mail address, and where to go on afterwards.
type Departure struct {
	_ struct{} `additionalProperties:"false"`

	Email string `json:"email" minLength:"3" maxLength:"254" doc:"The e-mail address of the account" example:"robin.sample@business.example"`
	To    string `json:"to,omitempty" maxLength:"2000" doc:"Where in this service to go on; anything else is taken for /" example:"/cases"`
}

// Provider is where to send the browser.
type Provider struct {
	Location string `json:"location" doc:"Where to send the browser"`
}

// startFederated sends a browser to the provider of its address's domain, whoever has an account.
func (g *Gate) startFederated(ctx context.Context, in *bodied[Departure]) (*departure, error) {
	method, provider, err := g.config.People.SignInOf(ctx, in.Body.Email)
	if err != nil {
		return nil, g.config.Fault(ctx, err)
	}
	t := trial{http: in.http, typed: accountOf(in.Body.Email), method: method, connection: provider}
	if !method.Federated() {
		return nil, g.refuse(ctx, t, signin.Refuse(signin.OtherMethod, "the domain is no provider's"))
	}
	return g.depart(ctx, t, in.Body.Email, localPath(in.Body.To))
}

// depart begins an attempt. A crash after it leaves one that expires.
func (g *Gate) depart(ctx context.Context, t trial, email, to string) (*departure, error) {
	out := &departure{CacheControl: noStore}
	var err error
	if t.method == account.SAML {
		out.Body.Location, out.Cookie, err = g.saml.Start(ctx, t.connection, to)
	} else {
		out.Body.Location, out.Cookie, err = g.oidc.Start(ctx, t.connection, email, to)
	}
	if err != nil {
		return nil, g.refuse(ctx, t, err)
	}
	return out, nil
}

// finishOIDC takes an OpenID Connect provider's answer. HEAD would use it up and answer nobody.
func (g *Gate) finishOIDC(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	identity, err := g.oidc.Finish(r.Context(), signin.HandleOf(r), r.URL.Query())
	g.arrive(w, r, account.OIDC, identity, err)
}

// finishSAML takes a SAML provider's response.
func (g *Gate) finishSAML(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, formBytesMax)
	if err := r.ParseForm(); err != nil {
		g.arrive(w, r, account.SAML, signin.Identity{}, signin.Refuse(signin.Malformed, "the form cannot be read, or is larger than %d bytes", formBytesMax))
		return
	}
	identity, err := g.saml.Finish(r.Context(), signin.HandleOf(r), r.PostForm.Get("SAMLResponse"))
	g.arrive(w, r, account.SAML, identity, err)
}

// arrive lets in whom a provider vouches for, and sends the browser on to where it wanted to go.
func (g *Gate) arrive(w http.ResponseWriter, r *http.Request, method account.Method, identity signin.Identity, err error) {
	http.SetCookie(w, signin.Forgotten())
	t := trial{http: r, method: method, connection: identity.Provider}
	if err != nil {
		g.write(w, g.refuse(r.Context(), t, err))
		return
	}
	t.typed = accountOf(identity.Email)
	to, token := identity.To, ""
	if link, invited := strings.CutPrefix(identity.To, linkPrefix); invited {
		to, token = "/", link
	}
	if err := g.enter(r.Context(), t, identity, token); err != nil {
		g.write(w, err)
		return
	}
	w.Header().Set("Cache-Control", noStore)
	http.Redirect(w, r, localPath(to), http.StatusSeeOther)
}

// enter signs in whom a provider vouches for: the holder of the account with that address, bound to
// this provider and, from the first time on, to this subject of it. With the token of an invitation
// it takes that up first, if it is for him.
func (g *Gate) enter(ctx context.Context, t trial, identity signin.Identity, token string) error {
	var err error
	if t.person, err = g.config.People.PersonOf(ctx, identity.Email); err != nil {
		return g.config.Fault(ctx, err)
	}
	if t.person == "" {
		return g.refuse(ctx, t, signin.Refuse(signin.AccountUnknown, "nobody here has the address"))
	}
	ticket, err := g.config.Sessions.Ticket(ctx, t.person)
	if err != nil {
		return g.config.Fault(ctx, err)
	}
	if token != "" {
		err = g.acceptAs(ctx, t, identity, token)
	} else {
		err = g.bind(ctx, t, identity, account.Active)
	}
	if err != nil {
		return g.refuse(ctx, t, err)
	}
	return g.admit(ctx, t, ticket)
}

// bind binds a person's account, which must be in one of the statuses, to the subject that a
// provider vouches for. It changes nothing where it is bound to that subject already.
func (g *Gate) bind(ctx context.Context, t trial, identity signin.Identity, statuses ...account.Status) error {
	view, err := g.config.People.Account(ctx, t.person)
	if err != nil && !errors.Is(err, commands.ErrUnknown) {
		return err
	}
	fits := false
	for _, status := range statuses {
		fits = fits || view.Status == status
	}
	switch {
	case !fits:
		return signin.Refuse(signin.AccountInactive, "the account is %s", view.Status)
	case view.Method != t.method || view.Connection != identity.Provider:
		return signin.Refuse(signin.OtherMethod, "the account's method is %s, by %s", view.Method, signin.Shorten(view.Connection))
	}
	// A subject is one of its issuer: settings that name another issuer name other people.
	err = g.config.People.LinkIdentity(ctx, t.person, identity.Provider, identity.Issuer+" "+identity.Subject)
	if refusal, is := errors.AsType[*domain.Refusal](err); is {
		return signin.Refuse(signin.IdentityOfAnother, "%s", refusal.Code)
	}
	return err
}

// acceptAs takes an invitation up for whom a provider vouches for, if it is his. A crash after the
// account was bound leaves an invitation that can be taken up again by the same person.
func (g *Gate) acceptAs(ctx context.Context, t trial, identity signin.Identity, token string) error {
	opened, err := g.config.People.OpenLink(ctx, token)
	switch {
	case err != nil:
		return err
	case opened.Link.Kind != commands.InvitationLink:
		return signin.Refuse(signin.LinkUnusable, "it is no invitation")
	case opened.Account.Person != t.person:
		return signin.Refuse(signin.IdentityOfAnother, "the invitation is for another person")
	}
	if err := g.bind(ctx, t, identity, account.Invited, account.Active); err != nil {
		return err
	}
	_, err = g.config.People.AcceptInvitation(ctx, token, identity.Email)
	return err
}

// showMetadata serves what a business's IT department gives its provider, which is often needed
// before that one's own settings are known here. So it is there for every id, and tells of none.
func (g *Gate) showMetadata(w http.ResponseWriter, r *http.Request) {
	if !connection.ValidID(chi.URLParam(r, "connection")) {
		g.write(w, g.config.Refused(codeNotFound, "There are no such settings.", 0))
		return
	}
	document, err := g.saml.Metadata(saml.Provider{})
	if err != nil {
		g.write(w, g.config.Fault(r.Context(), fmt.Errorf("show metadata: %w", err)))
		return
	}
	w.Header().Set("Content-Type", mediaTypeMetadata)
	w.Header().Set("Cache-Control", "public, max-age=3600")
	_, _ = w.Write(document) // the client may be gone; there is nobody to tell
}
