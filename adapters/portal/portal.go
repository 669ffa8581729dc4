// Package portal is the pages that people see in a browser. It promises:
//
//   - Every page is made on the server and works without a script. It loads one style sheet and one
//     icon, both from here, and nothing from anywhere else; the policy that is sent with it lets the
//     browser do no more than that.
//   - What somebody typed is in the page that answers, whatever became of it, and is always shown as
//     text.
//   - A page decides nothing: what is wrong with a form is what the deciders say of it, and what is
//     asked goes through package commands, as it does from the API.
//   - The token of a mailed link comes in by that link, goes on in hidden fields of forms, and stands
//     in no address that a page leads to.
//   - A form that comes from a page of another site is refused.
//
// Pages are templates in the folder pages, each with the layout and the parts it needs. Rate limits
// and the routes' place in the table of permissions are for whoever mounts them.
package portal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/go-chi/chi/v5"

	"casesync/adapters/commands"
	"casesync/eventstore"
	"casesync/projections/engine"
)

// Name is what the service is called.
const Name = "Casesync portal"

// Config is the manual of the portal. All fields are required but those that name a default.
type Config struct {
	// People takes access requests.
	People *commands.People
	// Casework takes questions to the helpdesk; it needs Store, which holds the read model that they are shown
	// from, and Codec, which opens them. Default: there is no such page.
	Casework *commands.Casework
	Store    engine.Store
	Codec    *eventstore.Codec
	// Strangers is asked before a question or a request for access of nobody known is kept, of which mail goes to an
	// address that he chose. Default: all are taken.
	Strangers func(r *http.Request) (retryAfter time.Duration, ok bool)
	// PublicURL is where browsers reach this service: scheme, host and port, without a path. Links in
	// mail begin with it.
	PublicURL string
	// Guide is what the guide for IT departments tells of this service.
	Guide Guide
	// Demo says on every page that this is a demonstration.
	Demo bool
	// Mails returns the mails that were kept instead of being sent, the newest first, for the page of a
	// demonstration: whoever sees it can use every link. Default: there is no such page.
	Mails func(ctx context.Context) ([]Message, error)
	// Version is shown at the foot of each page. Default "dev".
	Version string
	// Now tells the time. Default time.Now.
	Now func() time.Time
	// Logger takes what goes wrong here. Default slog.Default().
	Logger *slog.Logger
}

// Message is a mail that was kept.
type Message struct {
	At                time.Time
	To, Subject, Body string
}

// Portal is the pages. It is safe for concurrent use.
type Portal struct {
	config     Config
	assets     assets
	pages      map[string]*page
	sameOrigin *http.CrossOriginProtection
}

// New returns the pages, or an error that names the setting that is missing or wrong.
func New(config Config) (*Portal, error) {
	if config.People == nil {
		return nil, errors.New("open portal: Config.People is missing")
	}
	if config.Casework != nil && (config.Store == nil || config.Codec == nil) {
		return nil, errors.New("open portal: Config.Casework needs Store and Codec")
	}
	if u, err := url.Parse(config.PublicURL); err != nil || u.Host == "" || config.PublicURL != u.Scheme+"://"+u.Host {
		return nil, errors.New("open portal: Config.PublicURL must be scheme and host alone, such as https://cases.example.org")
	}
	config.Version = cmp.Or(config.Version, "dev")
	config.Logger = cmp.Or(config.Logger, slog.Default())
	if config.Now == nil {
		config.Now = time.Now
	}
	p := &Portal{config: config, sameOrigin: http.NewCrossOriginProtection()}
	var err error
	if p.assets, err = loadAssets(); err != nil {
		return nil, fmt.Errorf("open portal: %w", err)
	}
	if p.pages, err = loadPages(); err != nil {
		return nil, fmt.Errorf("open portal: %w", err)
	}
	return p, nil
}

// exhausted reports whether more came from where a request does than is taken of strangers.
func (p *Portal) exhausted(r *http.Request) bool {
	if p.config.Strangers == nil {
		return false
	}
	_, ok := p.config.Strangers(r)
	return !ok
}

const exhaustedText = "More was sent from your network today than we take. Nothing that you typed is lost: send it again tomorrow, or from another network."

// Register registers the pages on a router. A HEAD request is for the router to answer as a GET.
func (p *Portal) Register(router chi.Router) {
	router.Get("/", p.serve(p.showHome))
	router.Get(pathRequest, p.serve(p.openRequest))
	router.Post(pathRequest, p.serve(p.takeRequest))
	router.Get(pathGuide, p.serve(p.showGuide))
	router.Get(pathAssets+"{name}", p.serveAsset)
	if p.config.Casework != nil {
		router.Get(pathSupport, p.serve(p.openSupport))
		router.Post(pathSupport, p.serve(p.takeSupport))
	}
	if p.config.Mails != nil {
		router.Get(pathMails, p.serve(p.showMails))
	}
}

// The addresses of pages.
const (
	pathHome    = "/"
	pathRequest = "/access-request"
	pathGuide   = "/onboarding-guide"
	pathSupport = "/support"
	pathMails   = "/demo/mail"
	pathAssets  = "/assets/"
)

// showHome says what this is, and where to go.
func (p *Portal) showHome(*http.Request) (answer, error) {
	return answer{page: "home", title: "Complaint cases for businesses", data: p.config.Casework != nil}, nil
}
