package demo

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"casesync/eventstore/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

const migrationsTable = "goose_demo"

// books are what the simulated case management system knows, in a database of its own, as real ones have. Whatever
// it makes known is written here first, with the sequence that counts for its subject, and stays until the portal has
// answered for it. So a sequence is never given twice, and none is left out: a crash before the write leaves nothing, and
// after it an event that the next start delivers, under the same id.
type books struct {
	db *sqldb.DB
	// history returns the events of a case that the portal was given as a file, before there were books.
	history func(ref string) []Event
}

func openBooks(ctx context.Context, path string, history func(ref string) []Event) (*books, error) {
	db, err := sqldb.Open(ctx, string(sqldb.SQLite)+":"+path)
	if err != nil {
		return nil, fmt.Errorf("open the demonstration's case system: %w", err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err == nil {
		err = sqldb.Migrate(ctx, db, files, migrationsTable)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the demonstration's case system: %w", err), db.Close())
	}
	return &books{db, history}, nil
}

func (b *books) close() error { return b.db.Close() }

// said is an event that was written down, as it is delivered.
type said struct {
	ID   string
	Body []byte
}

// write writes what f says, all or nothing, and returns it.
func (b *books) write(ctx context.Context, f func(*page) error) ([]said, error) {
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("write books: %w", err)
	}
	defer tx.Rollback() // it has no effect after a commit
	p := &page{ctx: ctx, tx: tx, history: b.history}
	if err := f(p); err != nil {
		return nil, fmt.Errorf("write books: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return nil, fmt.Errorf("write books: %w", err)
	}
	return p.said, nil
}

// outgoing returns what the portal has not answered for, in order.
func (b *books) outgoing(ctx context.Context) ([]said, error) {
	rows, err := b.db.QueryContext(ctx, `SELECT event_id, body FROM demo_outgoing ORDER BY number`)
	if err != nil {
		return nil, fmt.Errorf("read books: %w", err)
	}
	defer rows.Close()
	var list []said
	for rows.Next() {
		var s said
		if err := rows.Scan(&s.ID, &s.Body); err != nil {
			return nil, fmt.Errorf("read books: %w", err)
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// delivered forgets what the portal has answered for.
func (b *books) delivered(ctx context.Context, id string) error {
	if _, err := b.db.ExecContext(ctx, `DELETE FROM demo_outgoing WHERE event_id = $1`, id); err != nil {
		return fmt.Errorf("write books: %w", err)
	}
	return nil
}

// heard reports whether a message was dealt with.
func (b *books) heard(ctx context.Context, message string) (bool, error) {
	var n int
	if err := b.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM demo_heard WHERE message_id = $1`, message).Scan(&n); err != nil {
		return false, fmt.Errorf("read books: %w", err)
	}
	return n > 0, nil
}

// place returns how far the portal's messages were read.
func (b *books) place(ctx context.Context) (place, error) {
	var at place
	err := b.db.QueryRowContext(ctx, `SELECT first, read_bytes FROM demo_place`).Scan(&at.First, &at.Bytes)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return place{}, fmt.Errorf("read books: %w", err)
	}
	return at, nil
}

// page is what is written at once.
type page struct {
	ctx     context.Context // of the write
	tx      *sql.Tx
	history func(ref string) []Event
	said    []said
}

// record is what is known of a subject. Where it is not known, nobody can say which sequence is next.
type record struct {
	known    bool
	sequence int
	standing standing
}

// load reads what is known of a subject.
func (p *page) load(subject string) (record, error) {
	r := record{known: true}
	var text []byte
	err := p.tx.QueryRowContext(p.ctx, `SELECT sequence, standing FROM demo_books WHERE subject = $1`, subject).Scan(&r.sequence, &text)
	if err == nil {
		return r, json.Unmarshal(text, &r.standing)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return record{}, err
	}
	events := p.history(subject)
	for _, e := range events {
		r.standing.apply(e)
	}
	r.known, r.sequence = len(events) > 0, len(events)
	return r, nil
}

func (p *page) store(subject string, r record) error {
	text, err := json.Marshal(r.standing)
	if err != nil {
		return err
	}
	_, err = p.tx.ExecContext(p.ctx, `INSERT INTO demo_books (subject, sequence, standing) VALUES ($1, $2, $3)
		ON CONFLICT (subject) DO UPDATE SET sequence = excluded.sequence, standing = excluded.standing`, subject, r.sequence, text)
	return err
}

// begin makes a subject known of which nothing was ever said.
func (p *page) begin(subject string) error {
	r, err := p.load(subject)
	if err != nil || r.known {
		return err
	}
	return p.store(subject, record{known: true})
}

// say makes an event about a subject, under the next sequence, and has it delivered. id is "" for one that follows
// from subject and sequence. About what is not known an event has no sequence: it is applied as it comes.
func (p *page) say(id, kind, subject string, at time.Time, data any) error {
	r, err := p.load(subject)
	if err != nil {
		return err
	}
	e := newEvent(kind, subject, r.sequence+1, at, data)
	if id != "" {
		e.ID = id
	}
	if r.known {
		r.sequence++
		r.standing.apply(e)
		if err := p.store(subject, r); err != nil {
			return err
		}
	} else {
		e.Sequence = ""
	}
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	p.said = append(p.said, said{e.ID, body})
	_, err = p.tx.ExecContext(p.ctx, `INSERT INTO demo_outgoing (event_id, body) VALUES ($1, $2)`, e.ID, body)
	return err
}

// remember notes that a case is suppressed, or is no more, because the portal said so.
func (p *page) remember(ref string, suppressed bool) error {
	r, err := p.load(ref)
	if err != nil || !r.known {
		return err
	}
	r.standing.Suppressed = suppressed
	return p.store(ref, r)
}

// hear notes that a message is dealt with; one that was before is an error.
func (p *page) hear(message string) error {
	_, err := p.tx.ExecContext(p.ctx, `INSERT INTO demo_heard (message_id) VALUES ($1)`, message)
	return err
}

// move notes how far the messages were read.
func (p *page) move(to place) error {
	_, err := p.tx.ExecContext(p.ctx, `INSERT INTO demo_place (one, first, read_bytes) VALUES (1, $1, $2)
		ON CONFLICT (one) DO UPDATE SET first = excluded.first, read_bytes = excluded.read_bytes`, to.First, to.Bytes)
	return err
}
