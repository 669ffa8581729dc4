package reconcile

import (
	"context"
	"errors"
	"fmt"

	"casesync/domain/casefile"
	"casesync/eventstore"
	"casesync/projections"
)

// opening collects the envelopes of a batch of known cases, so that one call opens them all. One that cannot
// be opened any more, because its key was destroyed, is not to be compared: it takes the other side's value.
// One that somebody altered has none, and so differs from whatever the other side has.
type opening struct {
	envelopes []string
	index     map[string]int
	take      []func(opened [][]byte) error
	altered   map[int]bool // envelopes that are not what was sealed
	items     map[string]*projections.OpenedItems
}

func newOpening() *opening {
	return &opening{index: map[string]int{}, items: map[string]*projections.OpenedItems{}}
}

// add asks for an envelope, "" for none. Its content, read, is handed to found, or gone is called.
func add[T any](o *opening, envelope string, read func(plain []byte) (T, error), found func(T), gone func()) {
	if envelope == "" {
		return
	}
	at, asked := o.index[envelope]
	if !asked {
		at = len(o.envelopes)
		o.index[envelope] = at
		o.envelopes = append(o.envelopes, envelope)
	}
	o.take = append(o.take, func(opened [][]byte) error {
		if o.altered[at] {
			return nil
		}
		if opened[at] == nil {
			gone()
			return nil
		}
		value, err := read(opened[at])
		if err == nil {
			found(value)
		}
		return err
	})
}

// addCase asks for what is sealed of a known case, to be filled into its picture p. Other is the other side.
func (o *opening) addCase(k *projections.KnownCase, p, other *picture) {
	if k.DataErased {
		p.details, p.actions, p.documents = other.details, other.actions, other.documents
		return
	}
	add(o, k.SealedBusinessReference, projections.OpenedBusinessReference,
		func(text string) { p.reference = text }, func() { p.reference = other.reference })
	add(o, k.SealedHandler, projections.OpenedHandler,
		func(text string) { p.handler = text }, func() { p.handler = other.handler })
	add(o, k.SealedConsumer, projections.OpenedParty,
		func(party casefile.Party) { p.consumer = party }, func() { p.consumer = other.consumer })
	add(o, k.SealedRepresentative, projections.OpenedParty,
		func(party casefile.Party) { p.representative = party }, func() { p.representative = other.representative })
	for _, a := range k.Actions {
		o.addAction(a, p, other)
	}
	for _, d := range k.Documents {
		o.addDocument(d, p, other)
	}
}

func (o *opening) addAction(row projections.ActionRow, p, other *picture) {
	id := row.ActionID
	set := func(description string) {
		told := p.actions[id]
		told.description = description
		p.actions[id] = told
	}
	read := func(plain []byte) (casefile.Action, error) {
		items, err := o.itemsOf(row.Sealed, plain)
		if err != nil {
			return casefile.Action{}, err
		}
		return items.Action(id)
	}
	add(o, row.Sealed, read, func(a casefile.Action) { set(a.Description) }, func() { set(other.actions[id].description) })
}

func (o *opening) addDocument(row projections.KnownDocument, p, other *picture) {
	id := row.DocumentID
	set := func(title, url string) {
		told := p.documents[id]
		told.title, told.url = title, url
		p.documents[id] = told
	}
	read := func(plain []byte) (casefile.Document, error) {
		items, err := o.itemsOf(row.Sealed, plain)
		if err != nil {
			return casefile.Document{}, err
		}
		return items.Document(id)
	}
	add(o, row.Sealed, read, func(d casefile.Document) { set(d.Title, d.URL) },
		func() { set(other.documents[id].title, other.documents[id].url) })
}

// itemsOf reads an envelope of actions and documents once for all that are in it.
func (o *opening) itemsOf(envelope string, plain []byte) (*projections.OpenedItems, error) {
	if items := o.items[envelope]; items != nil {
		return items, nil
	}
	items, err := projections.OpenItems(plain)
	if err == nil {
		o.items[envelope] = items
	}
	return items, err
}

// open opens all at once.
func (o *opening) open(ctx context.Context, codec *eventstore.Codec) error {
	if len(o.envelopes) == 0 {
		return nil
	}
	opened, err := codec.OpenEnvelopes(ctx, o.envelopes...)
	if errors.Is(err, eventstore.ErrAltered) {
		err = o.findAltered(ctx, codec)
	}
	if err != nil {
		return fmt.Errorf("open personal fields: %w", err)
	}
	for _, take := range o.take {
		if err := take(opened); err != nil {
			return fmt.Errorf("open personal fields: %w", err)
		}
	}
	return nil
}

// findAltered finds out which envelopes were altered.
func (o *opening) findAltered(ctx context.Context, codec *eventstore.Codec) error {
	o.altered = map[int]bool{}
	for i, envelope := range o.envelopes {
		_, err := codec.OpenEnvelopes(ctx, envelope)
		if err != nil && !errors.Is(err, eventstore.ErrAltered) {
			return err
		}
		o.altered[i] = err != nil
	}
	return nil
}
