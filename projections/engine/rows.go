package engine

import (
	"maps"
	"slices"
)

// Rows is the working set of a batch: the rows that its keys own, as loaded and as changed since.
type Rows struct {
	sets map[string]anySet // by table name
	all  []anySet          // in no order
}

// NewRows returns an empty working set for tables.
func NewRows(tables ...AnyTable) *Rows {
	rows := &Rows{sets: make(map[string]anySet, len(tables))}
	for _, table := range tables {
		rows.put(table.Describe().Name, table.newSet())
	}
	return rows
}

func (r *Rows) put(name string, s anySet) {
	r.sets[name] = s
	r.all = slices.Collect(maps.Values(r.sets))
}

// Get returns the row with the given key to be read and changed in place (but for its key), or nil.
// It must not be used on a Summed table.
func (t *Table[R]) Get(rows *Rows, key ...any) *R {
	s := t.of(rows)
	s.mustOwn(key[0])
	e := s.entries[joinKey(key)]
	if e == nil || e.deleted {
		return nil
	}
	return &e.row
}

// All returns the rows that belong to owner, ordered by their key. It must not be used on a Summed
// table.
func (t *Table[R]) All(rows *Rows, owner string) []*R {
	s := t.of(rows)
	s.mustOwn(owner)
	var all []*R
	for _, e := range s.owned[owner] {
		if !e.deleted {
			all = append(all, &e.row)
		}
	}
	slices.SortFunc(all, func(a, b *R) int { return compareFields(t.Fields(a)[:t.Key], t.Fields(b)[:t.Key]) })
	return all
}

// Put adds row, or replaces the row that has its key; the result can be changed in place (but for
// its key). In a Summed table it adds row's numbers to those of its key, and the result is nil.
func (t *Table[R]) Put(rows *Rows, row R) *R {
	s := t.of(rows)
	if t.Kind == Summed {
		s.sum(row)
		return nil
	}
	fields := t.Fields(&row)
	s.mustOwn(fields[0])
	e := s.entry(fields)
	e.row, e.deleted = row, false
	return &e.row
}

// Delete removes the row with the given key, if there is one. It must not be used on a Summed table.
func (t *Table[R]) Delete(rows *Rows, key ...any) {
	s := t.of(rows)
	s.mustOwn(key[0])
	if e := s.entries[joinKey(key)]; e != nil {
		e.deleted = true
	}
}

func (t *Table[R]) of(rows *Rows) *set[R] { return rows.sets[t.Name].(*set[R]) }

// begin starts the fold of some events of key: until the next begin, undo takes back what they did.
func (r *Rows) begin(key string) {
	for _, s := range r.all {
		s.begin(key)
	}
}

// undo takes back all that was done since begin.
func (r *Rows) undo() {
	for _, s := range r.all {
		s.undo()
	}
}

// check is an error where the rows of the key last begun cannot be stored.
func (r *Rows) check() error {
	for _, s := range r.all {
		if err := s.check(); err != nil {
			return err
		}
	}
	return nil
}

// size is how many rows there are, and an estimate of the memory they take, without what their
// texts refer to.
func (r *Rows) size() (rows, bytes int) {
	for _, s := range r.all {
		n, b := s.size()
		rows, bytes = rows+n, bytes+b
	}
	return rows, bytes
}
