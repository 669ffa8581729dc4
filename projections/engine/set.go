package engine

import (
	"fmt"
	"iter"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// anySet is a *set of any row type.
type anySet interface {
	kind() Kind
	// load takes a row that the database holds.
	load(cursor Cursor) error
	// changes yields what differs from what was loaded, without the table, in chunks of rowsMax rows.
	// A database takes rows fastest in the order of their keys, so they come about so.
	changes(rowsMax int) iter.Seq[Changes]
	// begin starts the fold of some events of key; undo takes back what they did, and check is an
	// error where what they did cannot be stored.
	begin(key string)
	undo()
	check() error
	size() (rows, bytes int)
	// replaces makes the changes of the set those that turn what is stored, which came of before, into
	// the set's rows. It is false where stored is not what before has.
	replaces(before, stored anySet) bool
	// compare checks the rows that cursor yields, of the owners that want is true for, against
	// those of the set, and reports each difference.
	compare(cursor Cursor, want func(owner string) bool, report func(...Difference)) error
}

// entry is a row of the working set.
type entry[R comparable] struct {
	row     R
	loaded  *R // what the database holds, nil if it holds no such row
	deleted bool
	seen    bool // by compare
}

// before is how an entry was when the fold of a key's events began.
type before[R comparable] struct {
	entry   *entry[R]
	row     R
	deleted bool
}

// set is the working set of one table. Which fields a table has it knows by table.Fields.
type set[R comparable] struct {
	table   *Table[R]
	entries map[string]*entry[R]   // by joined key
	owned   map[string][]*entry[R] // of a Keyed table: by first column, in no order
	joined  []byte                 // a key being looked for

	// Since begin: the key, how its rows were, which were made, what was added to a Summed table.
	key    string
	begun  bool
	before []before[R]
	made   []*entry[R]
	added  []R
}

func (t *Table[R]) newSet() anySet {
	return &set[R]{table: t, entries: map[string]*entry[R]{}, owned: map[string][]*entry[R]{}}
}

// entry returns the entry with the key in fields, made where there is none.
func (s *set[R]) entry(fields []any) *entry[R] {
	s.joined = appendFields(s.joined[:0], fields[:s.table.Key])
	if e := s.entries[string(s.joined)]; e != nil {
		return e
	}
	e := &entry[R]{deleted: true}
	s.entries[string(s.joined)] = e
	if s.table.Kind == Keyed {
		owner := joinFields(fields[:1])
		s.owned[owner] = append(s.owned[owner], e)
		if s.begun {
			s.made = append(s.made, e)
		}
	}
	return e
}

// mustOwn panics where a fold touches a row that does not belong to its event's key, which is a
// mistake of the fold: such a row is not loaded, and could not be taken back. The key is parked.
func (s *set[R]) mustOwn(owner any) {
	if text, ok := owner.(*string); ok {
		owner = *text
	}
	if s.begun && s.table.Kind == Keyed && owner != s.key {
		panic(fmt.Sprintf("an event of key %q touched a row of key %v in table %s", s.key, owner, s.table.Name))
	}
}

func (s *set[R]) kind() Kind { return s.table.Kind }

func (s *set[R]) sum(row R) {
	fields := s.table.Fields(&row)
	e := s.entry(fields)
	if e.deleted {
		e.row, e.deleted = row, false
	} else {
		addFields(s.table.Fields(&e.row)[s.table.Key:], fields[s.table.Key:], 1)
	}
	if s.begun {
		s.added = append(s.added, row)
	}
}

func (s *set[R]) begin(key string) {
	s.key, s.begun = key, true
	s.before, s.made, s.added = s.before[:0], s.made[:0], s.added[:0]
	for _, e := range s.owned[key] {
		s.before = append(s.before, before[R]{entry: e, row: e.row, deleted: e.deleted})
	}
}

func (s *set[R]) undo() {
	for _, b := range s.before {
		b.entry.row, b.entry.deleted = b.row, b.deleted
	}
	for _, e := range s.made {
		e.deleted = true
	}
	for i := range s.added {
		fields := s.table.Fields(&s.added[i])
		addFields(s.table.Fields(&s.entry(fields).row)[s.table.Key:], fields[s.table.Key:], -1)
	}
	s.before, s.made, s.added = s.before[:0], s.made[:0], s.added[:0]
}

func (s *set[R]) check() error {
	for _, b := range s.before {
		if !b.entry.deleted && (b.deleted || b.entry.row != b.row) {
			if err := s.checkRow(&b.entry.row); err != nil {
				return err
			}
		}
	}
	for _, e := range s.made {
		if !e.deleted {
			if err := s.checkRow(&e.row); err != nil {
				return err
			}
		}
	}
	for i := range s.added {
		if err := s.checkRow(&s.added[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *set[R]) checkRow(row *R) error {
	for i, field := range s.table.Fields(row) {
		if text, ok := field.(*string); ok && (!utf8.ValidString(*text) || strings.IndexByte(*text, 0) >= 0) {
			return fmt.Errorf("column %s of table %s: %w", s.table.Columns[i].Name, s.table.Name, ErrText)
		}
	}
	return nil
}

func (s *set[R]) load(cursor Cursor) error {
	var row R
	fields := s.table.Fields(&row)
	if err := cursor.Scan(fields...); err != nil {
		return fmt.Errorf("load row of %s: %w", s.table.Name, err)
	}
	e := s.entry(fields)
	loaded := row
	e.row, e.loaded, e.deleted = row, &loaded, false
	return nil
}

func (s *set[R]) changes(rowsMax int) iter.Seq[Changes] {
	return func(yield func(Changes) bool) {
		chunk, n := &changing{}, 0
		for _, key := range slices.Sorted(maps.Keys(s.entries)) {
			if !s.change(s.entries[key], chunk) {
				continue
			}
			if n++; n == rowsMax {
				if !yield(chunk.whole()) {
					return
				}
				*chunk, n = changing{}, 0
			}
		}
		if n > 0 {
			yield(chunk.whole())
		}
	}
}

// changing is changes being gathered: rows to update by which columns change, a bit for each.
type changing struct {
	Changes
	updates map[uint64][][]any
}

func (c *changing) update(columns uint64, row []any) {
	if c.updates == nil {
		c.updates = map[uint64][][]any{}
	}
	c.updates[columns] = append(c.updates[columns], row)
}

func (c *changing) whole() Changes {
	for _, columns := range slices.Sorted(maps.Keys(c.updates)) {
		update := Update{Rows: c.updates[columns]}
		for rest := columns; rest != 0; rest &= rest - 1 {
			update.Set = append(update.Set, bits.TrailingZeros64(rest))
		}
		c.Update = append(c.Update, update)
	}
	return c.Changes
}

// change adds to chunk what differs between e and what was loaded, and is false where nothing does.
func (s *set[R]) change(e *entry[R], chunk *changing) bool {
	switch fields := s.table.Fields(&e.row); {
	case s.table.Kind == Summed && allZero(fields[s.table.Key:]):
		return false
	case s.table.Kind == Summed:
		chunk.Add = append(chunk.Add, values(fields))
	case e.deleted && e.loaded != nil:
		chunk.Delete = append(chunk.Delete, values(s.table.Fields(e.loaded)[:s.table.Key]))
	case e.deleted:
		return false
	case e.loaded == nil:
		chunk.Insert = append(chunk.Insert, values(fields))
	case e.row != *e.loaded:
		chunk.update(differing(s.table.Fields(e.loaded), fields), values(fields))
	default:
		return false
	}
	return true
}

// entryOverheadBytes is what an entry costs beside its row: maps, slices, key, header.
const entryOverheadBytes = 200

func (s *set[R]) size() (rows, bytes int) {
	var row R
	return len(s.entries), len(s.entries) * (int(unsafe.Sizeof(row)) + entryOverheadBytes)
}

func (s *set[R]) replaces(before, stored anySet) bool {
	b, old := before.(*set[R]), stored.(*set[R])
	if s.table.Kind == Summed {
		for _, e := range b.entries {
			row := e.row
			fields := s.table.Fields(&row)
			into := s.entry(fields)
			if into.deleted {
				into.row, into.deleted = row, false
				sum := s.table.Fields(&into.row)[s.table.Key:]
				addFields(sum, sum, -1)
			}
			addFields(s.table.Fields(&into.row)[s.table.Key:], fields[s.table.Key:], -1)
		}
		return true
	}
	for key, e := range old.entries {
		if was := b.entries[key]; !e.deleted && (was == nil || was.deleted || was.row != e.row) {
			return false
		}
	}
	for key, e := range b.entries {
		if is := old.entries[key]; !e.deleted && (is == nil || is.deleted) {
			return false
		}
	}
	for _, e := range old.entries {
		if !e.deleted {
			s.entry(s.table.Fields(&e.row)).loaded = &e.row
		}
	}
	return true
}
