package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"casesync/adapters/cms"
	"casesync/adapters/demo"
	"casesync/adapters/documents/demoscan"
	"casesync/adapters/documents/fetch"
	"casesync/adapters/identity"
	"casesync/domain/access"
)

// demoSeed makes every demonstration the same, but for its dates.
const demoSeed = 2026

// demoNotice is said wherever the demonstration is shown.
const demoNotice = "This is a demonstration, and not a product of the Financial Ombudsman Service. It is made of a real complaint register of the " +
	"United States (dates, products, volumes); the names of businesses and of people, and what became of the cases, are invented."

// demonstration is what DATA/demo.json keeps.
type demonstration struct {
	Notice  string    `json:"notice"`
	Address string    `json:"address"`
	Anchor  time.Time `json:"anchor"` // the time that the feed was made for: a repeated import is of the same feed
	// Imported is true once the whole feed was taken, Filled once the people have done something.
	Imported bool        `json:"imported"`
	Filled   bool        `json:"filled"`
	Tokens   []demoToken `json:"tokens"`
	// People can sign in, with a password and a one-time code.
	People []demoPerson `json:"people"`
}

type demoToken struct {
	Role       string   `json:"role"`
	Businesses []string `json:"businesses,omitempty"`
	Token      string   `json:"token"`
}

// openDemo begins to serve the documents of a demonstration's case system, so that they can be fetched from there: before
// whatever fetches them is opened.
func (s *serving) openDemo(ctx context.Context) error {
	documents, err := demo.OpenDocuments(ctx, s.system.settings.Secrets)
	if err != nil {
		return fmt.Errorf("--demo: %w", err)
	}
	s.closers = append(s.closers, documents.Close)
	s.demoDocuments = documents
	s.demoHosts = []fetch.Host{{Name: demo.DocumentsHost, Address: documents.Address(), Plain: true, Credential: demo.DocumentsCredential}}
	return nil
}

// demonstrate prepares a demonstration, tells how to use it, and returns what goes on while it is served.
func (s *serving) demonstrate(ctx context.Context, address net.Addr) (func(context.Context) error, error) {
	register, err := demo.Open()
	if err != nil {
		return nil, err
	}
	d, err := s.demonstration(ctx, register)
	if err != nil {
		return nil, err
	}
	d.Address = s.url(address)
	if err := d.write(s.demoFile()); err != nil {
		return nil, err
	}
	d.introduce(s.stdout)
	return func(ctx context.Context) error {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return s.demoDocuments.Serve(ctx) })
		group.Go(func() error { return s.play(ctx, register, d) })
		if err := group.Wait(); !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}, nil
}

func (s *serving) demoFile() string { return filepath.Join(s.program.settings.Data, "demo.json") }

// demonstration reads what an earlier start has made, or makes it. The time that it is made for is
// written first: a start that was cut short is gone on with by the next one.
func (s *serving) demonstration(ctx context.Context, register *demo.Register) (*demonstration, error) {
	tokens, err := s.tokens(ctx)
	if err != nil {
		return nil, err
	}
	d, err := readDemonstration(s.demoFile())
	if err != nil {
		return nil, err
	}
	if d == nil {
		if d, err = s.newDemonstration(ctx); err != nil {
			return nil, err
		}
	}
	for _, token := range d.Tokens {
		if _, err := tokens.Authenticate(ctx, token.Token); err != nil {
			d.Tokens = nil // the state database was replaced: its tokens are gone
			break
		}
	}
	if d.Tokens == nil {
		err = s.furnish(ctx, d, register)
	}
	return d, err
}

func (s *serving) newDemonstration(ctx context.Context) (*demonstration, error) {
	head, err := s.openedLog.Head(ctx)
	if err != nil {
		return nil, err
	}
	if !head.Position.IsZero() {
		return nil, usage("--demo: %s holds a log that is no demonstration's: give the demonstration a --data directory of its own", s.program.settings.Data)
	}
	d := &demonstration{Notice: demoNotice, Anchor: s.now().UTC().Truncate(time.Second)}
	return d, d.write(s.demoFile())
}

// furnishTimeout is how long making the people may take; it waits for the read model of people.
const furnishTimeout = time.Minute

// furnish makes people of a business, and tokens for everybody.
func (s *serving) furnish(ctx context.Context, d *demonstration, register *demo.Register) (err error) {
	ctx, cancel := context.WithTimeout(ctx, furnishTimeout)
	defer cancel()
	business := register.Businesses()[1] // the largest whose products are of many kinds
	people, err := s.people(ctx)
	if err != nil {
		return err
	}
	if d.People, err = (staff{serving: s, people: people, anchor: d.Anchor}).hire(ctx, business); err != nil {
		return fmt.Errorf("--demo: %w", err)
	}
	for _, person := range d.People {
		d.Tokens = append(d.Tokens, demoToken{Role: string(person.Role), Businesses: []string{business}, Token: person.Token})
	}
	office, err := issueDemoTokens(ctx, s.openedTokens)
	d.Tokens = append(d.Tokens, office...)
	return err
}

func readDemonstration(path string) (*demonstration, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d := &demonstration{}
	if err := json.Unmarshal(data, d); err != nil {
		return nil, fmt.Errorf("read %s: %w: remove the directory to begin a new demonstration", path, err)
	}
	return d, nil
}

// write replaces the file as a whole: it holds tokens, so it is readable by this user alone.
func (d *demonstration) write(path string) error {
	data, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("keep the demonstration's tokens: %w", err)
	}
	return os.Rename(path+".new", path)
}

// issueDemoTokens issues a token for each role on the side of the ombudsman service.
func issueDemoTokens(ctx context.Context, tokens *identity.Tokens) ([]demoToken, error) {
	var list []demoToken
	for _, role := range access.Roles() {
		if role.OfBusiness() {
			continue
		}
		spec := identity.Spec{Role: role, Name: "demonstration: " + string(role)}
		if role == access.CMS {
			spec.Source = demo.Source
		}
		token, err := tokens.Issue(ctx, spec)
		if err != nil {
			return nil, err
		}
		list = append(list, demoToken{Role: string(role), Token: token})
	}
	return list, nil
}

// token returns the token of a role.
func (d *demonstration) token(role access.Role) string {
	for _, token := range d.Tokens {
		if token.Role == string(role) {
			return token.Token
		}
	}
	return ""
}

// introduce tells people what there is to see.
func (d *demonstration) introduce(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n\n  %s          the API, documented at %s/docs\n\nTokens, also in demo.json:\n", d.Notice, d.Address, d.Address)
	for _, token := range d.Tokens {
		of := ""
		if len(token.Businesses) > 0 {
			of = " of business " + token.Businesses[0]
		}
		fmt.Fprintf(w, "  %-34s %s\n", token.Role+of, token.Token)
	}
	fmt.Fprintf(w, "\nPeople of business %s, for %s/sign-in (e-mail address, password, secret of one-time codes):\n", d.People[0].Business, d.Address)
	for _, p := range d.People {
		fmt.Fprintf(w, "  %-14s %s   %s   %s\n", p.Role, p.Email, p.Password, p.Secret)
	}
	fmt.Fprintf(w, `
Try, in another terminal:
  TOKEN=%s
  curl -H "Authorization: Bearer $TOKEN" '%[2]s/api/v1/dashboard'
  curl -H "Authorization: Bearer $TOKEN" '%[2]s/api/v1/cases?status=open&sort=-priority,dueDate&limit=10'
  curl -H "Authorization: Bearer $TOKEN" '%[2]s/api/v1/uphold-rates?groupBy=product'
  curl -H "Authorization: Bearer $TOKEN" '%[2]s/api/v1/notifications'
  curl -H "Authorization: Bearer $TOKEN" -N '%[2]s/api/v1/events'

`, d.token(access.Supervisor), d.Address)
}

// play imports the feed, lets people act on it, then plays a case management system until ctx ends. An import that was
// interrupted is repeated at the next start; so is one that was not, if the end comes before that is written
// down, and then it has no effect. The same goes for what people do.
func (s *serving) play(ctx context.Context, register *demo.Register, d *demonstration) error {
	if !d.Imported {
		if err := s.importFeed(ctx, register, d.Anchor); err != nil {
			return fmt.Errorf("import the demonstration's feed: %w", err)
		}
		d.Imported = true
		if err := d.write(s.demoFile()); err != nil {
			return err
		}
	}
	if !d.Filled {
		if err := s.fill(ctx, register, d); err != nil {
			return fmt.Errorf("fill the demonstration: %w", err)
		}
		d.Filled = true
		if err := d.write(s.demoFile()); err != nil {
			return err
		}
	}
	fmt.Fprintf(s.stdout, "A simulated case management system publishes an event every %s, and answers what is sent to it after %s. Stop with Ctrl-C.\n",
		s.settings.DemoPause, s.settings.DemoAnswerAfter)
	if _, standsIn := s.openedScanner.(demoscan.Scanner); standsIn {
		fmt.Fprintln(s.stdout, "No virus scanner is at work: files are looked at by a stand-in, which finds the EICAR test file and nothing else.")
	}
	return s.caseSystem(register, d).Run(ctx)
}

// caseSystem is the simulated case management system of a demonstration.
func (s *serving) caseSystem(register *demo.Register, d *demonstration) *demo.System {
	system := &demo.System{
		Register: register, Given: demo.Options{Seed: demoSeed, Now: d.Anchor}, URL: d.Address, Token: d.token(access.CMS),
		Every: s.settings.DemoPause, AnswerAfter: s.settings.DemoAnswerAfter, Books: filepath.Join(s.program.settings.Data, "case-system.db"),
		Client: &http.Client{Timeout: 30 * time.Second}, Now: s.now, Logger: s.logger,
	}
	if kind, err := s.settings.outboxKind(); err == nil && kind == outboxFile {
		system.Outbox = s.outboxFile()
	}
	return system
}

func (s *serving) importFeed(ctx context.Context, register *demo.Register, anchor time.Time) error {
	ingester, err := s.ingester(ctx)
	if err != nil {
		return err
	}
	feed, written := io.Pipe()
	go func() {
		_, err := demo.Write(written, register.Feed(demo.Options{Seed: demoSeed, Now: anchor}))
		written.CloseWithError(err)
	}()
	defer feed.Close() // ends the writer where the import ends early
	show := s.progress("importing the register's cases", 0)
	started := s.now()
	summary, err := cms.Import(ctx, ingester, feed, cms.ImportOptions{Sender: cms.Sender{By: importer, Via: "file"}, Progress: show.at})
	show.end()
	if err != nil {
		return err
	}
	s.summarise(summary, s.now().Sub(started))
	return nil
}
