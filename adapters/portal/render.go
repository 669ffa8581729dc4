package portal

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"

	"casesync/adapters/commands"
)

//go:embed pages/*.html
var pageFiles embed.FS

// page is a template with the layout around it.
type page = template.Template

// shared are the templates that are no pages.
var shared = []string{"pages/layout.html", "pages/parts.html"}

// loadPages parses each page with what it shares.
func loadPages() (map[string]*page, error) {
	files, err := pageFiles.ReadDir("pages")
	if err != nil {
		return nil, fmt.Errorf("read pages: %w", err)
	}
	base, err := template.New("layout.html").Funcs(helpers).ParseFS(pageFiles, shared...)
	if err != nil {
		return nil, fmt.Errorf("parse layout: %w", err)
	}
	pages := map[string]*page{}
	for _, file := range files {
		name := "pages/" + file.Name()
		if name == shared[0] || name == shared[1] {
			continue
		}
		parsed, err := template.Must(base.Clone()).ParseFS(pageFiles, name)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", name, err)
		}
		pages[strings.TrimSuffix(path.Base(name), ".html")] = parsed
	}
	return pages, nil
}

// answer is a page to show.
type answer struct {
	// status is 200 where it is 0.
	status int
	// page names the template, and data is what it shows.
	page, title string
	data        any
	// faults are what is wrong with the form in it.
	faults faults
}

// view is what the layout is given.
type view struct {
	Title, Heading, Path, Style, Icon, Version string
	Demo, Mails, Support                       bool
	Faults                                     faults
	Data                                       any
}

// policy lets a page load its style and icon, and send its forms, all to this service, and nothing else.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// serve makes a handler of a function that finds what to answer.
func (p *Portal) serve(find func(*http.Request) (answer, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if p.sameOrigin.Check(r) != nil {
			p.write(w, r, answer{status: http.StatusForbidden, page: "message", title: "This form was not sent from the portal",
				data: "Your browser says that the form came from another website, so nothing was done. Open the page here, and send it again."})
			return
		}
		if r.Method == http.MethodPost {
			r.Body = http.MaxBytesReader(w, r.Body, formBytesMax)
		}
		found, err := find(r)
		if err != nil {
			found = p.failed(r, err)
		}
		p.write(w, r, found)
	}
}

// failed says what became of a request that has no page of its own.
func (p *Portal) failed(r *http.Request, err error) answer {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(err, commands.ErrLink), errors.Is(err, commands.ErrUnknown):
		return answer{status: http.StatusNotFound, page: "message", title: "This link does not work",
			data: "Check that the address is all of the one in your e-mail: it may have been broken over two lines. If it is, what it led to is not kept any more."}
	case errors.As(err, &tooLarge), errors.Is(err, errTooMany):
		return answer{status: http.StatusRequestEntityTooLarge, page: "message", title: "There is too much in this form",
			data: "Make several requests, each for fewer businesses. Metadata of an identity provider can be given by an address instead."}
	case errors.Is(err, errForm):
		return answer{status: http.StatusBadRequest, page: "message", title: "This form cannot be read",
			data: "Go back, and send it again. If that does not help, use another browser."}
	}
	p.fault(r, err)
	return answer{status: http.StatusServiceUnavailable, page: "message", title: "Sorry, something went wrong here",
		data: "We were told of it. Try again in a few minutes."}
}

// fault tells whoever runs the service. What was sent is not in it.
func (p *Portal) fault(r *http.Request, err error) {
	if r.Context().Err() == nil {
		p.config.Logger.ErrorContext(r.Context(), "page failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
}

func missing() answer {
	return answer{status: http.StatusNotFound, page: "message", title: "Page not found", data: "Check the address, or begin at the home page."}
}

// write renders a page whole before anything of it is sent.
func (p *Portal) write(w http.ResponseWriter, r *http.Request, a answer) {
	title := a.title + " – " + Name
	if len(a.faults) > 0 {
		title = "Error: " + title
	}
	var out bytes.Buffer
	err := p.pages[a.page].Execute(&out, view{
		Title: title, Heading: a.title, Path: r.URL.Path, Style: p.assets.named("portal"), Icon: p.assets.named("icon"), Version: p.config.Version,
		Demo: p.config.Demo, Mails: p.config.Mails != nil, Support: p.config.Casework != nil, Faults: a.faults, Data: a.data,
	})
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if err != nil {
		p.fault(r, fmt.Errorf("render page %s: %w", a.page, err))
		http.Error(w, "Sorry, something went wrong here. Try again in a few minutes.", http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	_, _ = w.Write(out.Bytes()) // the client may be gone; there is nobody to tell
}
