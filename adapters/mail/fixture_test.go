package mail_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"casesync/adapters/commands"
	"casesync/adapters/keyring"
	"casesync/adapters/mail"
	"casesync/domain/access"
	"casesync/domain/account"
	"casesync/domain/catalog"
	"casesync/domain/private"
	"casesync/eventstore"
	"casesync/eventstore/sqldb"
	"casesync/eventstore/sqlitelog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	ada  = "7b0c9a7e-3c55-4f0c-8c80-0d7c1d0a0001" // user ids
	ben  = "7b0c9a7e-3c55-4f0c-8c80-0d7c1d0a0002"
	from = "Casesync <no-reply@portal.example.org>"
)

var (
	ctx      = context.Background()
	operator = access.Principal{ID: "token:operator", Roles: []access.Role{access.Operator}}
)

// fixture is a log, a state database with mails, and a clock that the test moves.
type fixture struct {
	*mail.Mails
	config mail.Config
	db     *sqldb.DB
	ring   *keyring.Ring
	codec  *eventstore.Codec
	log    *sqlitelog.Log
	links  commands.Links
	people *people
	sink   *sink
	clock  *clock
	taken  eventstore.Position
	logged lines
}

// newFixture sets up mails in the database at address; change changes the configuration.
func newFixture(t *testing.T, address string, change func(*mail.Config)) *fixture {
	t.Helper()
	dir := t.TempDir()
	ringDB := open(t, "sqlite:"+filepath.Join(dir, "keyring.db"))
	ring, err := keyring.Open(ctx, ringDB, keyring.NewFileKEK(filepath.Join(dir, "kek")), keyring.Config{})
	must(t, err)
	t.Cleanup(ring.Close)
	log, err := sqlitelog.Open(ctx, filepath.Join(dir, "log.db"), sqlitelog.Config{})
	must(t, err)
	t.Cleanup(func() { _ = log.Close() })
	f := &fixture{
		db: open(t, address), ring: ring, codec: eventstore.NewCodec(catalog.New(), ring), log: log,
		links:  commands.NewLinks([]byte("a key of thirty-two bytes, for it")),
		people: &people{accounts: map[string]commands.AccountView{}, administrators: map[string][]string{}, links: map[string]commands.OpenedLink{}},
		sink:   &sink{}, clock: &clock{now: time.Now().UTC().Truncate(time.Microsecond)},
	}
	f.config = mail.Config{
		DB: f.db, Log: log, Codec: f.codec, People: f.people, Links: f.links, Transport: f.sink, Now: f.clock.Now,
		Logger: slog.New(slog.NewTextHandler(&f.logged, nil)), PublicURL: "https://portal.example.org/", HelpdeskURL: "https://help.example.org/form", OperatorsAddress: "operators@fos.example",
	}
	if change != nil {
		change(&f.config)
	}
	f.Mails, err = mail.Open(ctx, f.config)
	must(t, err)
	t.Cleanup(func() {
		for _, word := range []string{"@", "pecimen", "ada."} {
			if strings.Contains(f.logged.text(), word) {
				t.Errorf("got %q in the log lines, want nothing personal:\n%s", word, f.logged.text())
			}
		}
	})
	f.people.put(ada, "Ada Specimen", "ada.specimen@firm.example")
	return f
}

func open(t *testing.T, address string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(ctx, address)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("got error %v, want none", err)
	}
}

// append adds events to a stream of the log.
func (f *fixture) append(t *testing.T, stream string, events ...any) {
	t.Helper()
	name := eventstore.StreamName(stream)
	encoded, err := f.codec.Encode(ctx, name, eventstore.Metadata{CommandID: uuid.New(), Actor: "system:test", OccurredAt: f.clock.Now()}, events...)
	must(t, err)
	_, err = f.log.Append(ctx, name, eventstore.Any, encoded...)
	must(t, err)
}

// take has the mails see the events that they have not seen.
func (f *fixture) take(t *testing.T) []eventstore.Recorded {
	t.Helper()
	batch := f.events(t, f.taken)
	must(t, f.Take(ctx, batch))
	if len(batch) > 0 {
		f.taken = batch[len(batch)-1].Position
	}
	return batch
}

func (f *fixture) events(t *testing.T, after eventstore.Position) []eventstore.Recorded {
	t.Helper()
	var batch []eventstore.Recorded
	for recorded, err := range f.log.ReadAll(ctx, after) {
		must(t, err)
		batch = append(batch, recorded)
	}
	return batch
}

// send sends what is due, and returns what was sent by it, by kind.
func (f *fixture) send(t *testing.T) []mail.Message {
	t.Helper()
	before := len(f.sink.all())
	_, err := f.SendDue(ctx)
	must(t, err)
	sent := f.sink.all()[before:]
	slices.SortFunc(sent, func(a, b mail.Message) int {
		return slices.Index(mail.Kinds(), a.Kind) - slices.Index(mail.Kinds(), b.Kind)
	})
	return sent
}

// entries returns the rows.
func (f *fixture) entries(t *testing.T) []mail.Entry {
	t.Helper()
	entries, err := f.List(ctx, operator, mail.Filter{})
	must(t, err)
	return entries
}

// only returns the one row there is of a kind.
func (f *fixture) only(t *testing.T, kind mail.Kind) mail.Entry {
	t.Helper()
	entries, err := f.List(ctx, operator, mail.Filter{Kind: kind})
	must(t, err)
	if len(entries) != 1 {
		t.Fatalf("got %d mails of kind %s, want 1", len(entries), kind)
	}
	return entries[0]
}

// clock is moved by the test.
type clock struct {
	mutex sync.Mutex
	now   time.Time
}

func (c *clock) Now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.now
}

func (c *clock) move(by time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.now = c.now.Add(by)
}

// people answers as the commands do, from what the test says.
type people struct {
	mutex          sync.Mutex
	accounts       map[string]commands.AccountView
	administrators map[string][]string
	links          map[string]commands.OpenedLink
	asked          func() // what happens while an account is looked at
}

func (p *people) put(person, name, email string) {
	p.change(person, func(view *commands.AccountView) {
		*view = commands.AccountView{Person: person, Name: name, Email: email, Status: account.Active, Method: account.Local}
	})
}

func (p *people) change(person string, change func(*commands.AccountView)) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	view := p.accounts[person]
	change(&view)
	p.accounts[person] = view
}

// erase does what the commands show of a person who was erased.
func (p *people) erase(person string) {
	p.change(person, func(view *commands.AccountView) {
		*view = commands.AccountView{Person: person, Status: account.Gone}
	})
}

func (p *people) Account(_ context.Context, person string) (commands.AccountView, error) {
	if p.asked != nil {
		p.asked()
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	view, known := p.accounts[person]
	if !known {
		return view, commands.ErrUnknown
	}
	return view, nil
}

func (p *people) Business(_ context.Context, frn string) (commands.BusinessPeople, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return commands.BusinessPeople{Configured: true, Administrators: p.administrators[frn]}, nil
}

func (p *people) OpenLink(_ context.Context, token string) (commands.OpenedLink, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	opened, works := p.links[token]
	if !works {
		return opened, commands.ErrLink
	}
	return opened, nil
}

// link makes a link that works, and returns the digest of its token.
func (f *fixture) link(link commands.Link, person string) (token, digest string) {
	token = f.links.Token(link)
	f.people.mutex.Lock()
	defer f.people.mutex.Unlock()
	f.people.links[token] = commands.OpenedLink{Link: link, Account: f.people.accounts[person], FRN: link.Of, ExpiresAt: link.ExpiresAt}
	return token, commands.Digest(token)
}

// lines are what was logged.
type lines struct {
	mutex sync.Mutex
	buf   strings.Builder
}

func (l *lines) Write(line []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.buf.Write(line)
}

func (l *lines) text() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.buf.String()
}

// sink is a transport that keeps messages in memory, and fails as it is told: before it keeps a
// message, or after.
type sink struct {
	mutex         sync.Mutex
	messages      []mail.Message
	before, after error
	sending       func(context.Context, mail.Message) // what happens while a message is sent
}

func (s *sink) Send(ctx context.Context, message mail.Message) error {
	s.mutex.Lock()
	before, after, sending := s.before, s.after, s.sending
	s.mutex.Unlock()
	if before != nil {
		return before
	}
	if sending != nil {
		sending(ctx, message)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.messages = append(s.messages, message)
	if sending != nil {
		after = s.after // it may have said so meanwhile
	}
	return after
}

func (s *sink) all() []mail.Message {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.messages)
}

func (s *sink) fail(before, after error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.before, s.after = before, after
}

// created is the event of an account made for somebody.
func created(name, email string) *account.Created {
	return &account.Created{Person: private.Of(account.Person{Name: name, Email: email}), Domain: "firm.example", Method: account.Local}
}

// moved is the event of other details.
func moved(name, email string) *account.DetailsChanged {
	return &account.DetailsChanged{Person: private.Of(account.Person{Name: name, Email: email}), Domain: "firm.example"}
}
