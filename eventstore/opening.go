package eventstore

import (
	"context"
	"errors"
	"fmt"
	"reflect"
)

// Open opens, in place, the private values of the given decoded events, fetching all keys that
// are needed in one call. A value whose key was destroyed stays sealed: that is no error. A value
// that was altered, moved or sealed under a swapped key is an error that Is ErrAltered and names
// its origin; all the others are opened all the same.
func (c *Codec) Open(ctx context.Context, events ...Decoded) error {
	batch := openings{codec: c}
	for _, event := range events {
		if event.Event == nil {
			continue
		}
		err := walk(reflect.ValueOf(event.Event).Elem(), func(value privateValue, _ string, _ []string) {
			if sealed, origin := value.Sealed(); sealed != "" {
				batch.take(origin, sealed, value.SetPlain)
			}
		})
		if err != nil {
			return fmt.Errorf("open %s: %w", originOf(event.Stream, event.ID), err)
		}
	}
	return batch.open(ctx)
}

// OpenEnvelopes opens envelopes (private.Value.Envelope, or a decoded Metadata.Reason) copied out
// of events, and returns the JSON of each in their order; nil where the key was destroyed or the
// envelope is "". Its errors are those of Open; with ErrAltered it returns all the others.
func (c *Codec) OpenEnvelopes(ctx context.Context, envelopes ...string) ([][]byte, error) {
	opened := make([][]byte, len(envelopes))
	batch := openings{codec: c}
	for i, envelope := range envelopes {
		if envelope == "" {
			continue
		}
		origin, sealed, ok := splitEnvelope(envelope)
		if !ok {
			batch.failed = append(batch.failed, fmt.Errorf("open envelope %d: %w", i, errNotSealed))
			continue
		}
		batch.take(origin, sealed, func(plain []byte) error {
			opened[i] = plain
			return nil
		})
	}
	return opened, batch.open(ctx)
}

// openings are sealed values to be opened together.
type openings struct {
	codec  *Codec
	values []opening
	failed []error
}

type opening struct {
	origin string
	sealed sealedText
	// set takes what was sealed; it is not called where a key was destroyed.
	set func(plain []byte) error
}

func (o *openings) take(origin, sealed string, set func([]byte) error) {
	parsed, err := parseSealed(sealed)
	if err != nil {
		o.failed = append(o.failed, fmt.Errorf("open %s: %w", origin, err))
		return
	}
	o.values = append(o.values, opening{origin, parsed, set})
}

func (o *openings) open(ctx context.Context) error {
	keys, err := o.keys(ctx)
	if err != nil {
		return err
	}
	for _, value := range o.values {
		if err := o.openOne(value, keys); err != nil {
			o.failed = append(o.failed, err)
		}
	}
	return errors.Join(o.failed...)
}

func (o *openings) openOne(value opening, keys keySet) error {
	sealer, err := o.codec.sealers.of(keys, value.sealed.ids)
	if err != nil || sealer == nil {
		return err
	}
	plain, err := sealer.open(value.origin, value.sealed)
	if err != nil {
		return err
	}
	if err := value.set(plain); err != nil {
		return fmt.Errorf("open %s: %w", value.origin, err)
	}
	return nil
}

// keys looks up all keys that the values need.
func (o *openings) keys(ctx context.Context) (keySet, error) {
	var ids []string
	keys := keySet{}
	for _, value := range o.values {
		for _, id := range value.sealed.keyIDs() {
			if _, noted := keys[id]; !noted {
				keys[id] = Key{}
				ids = append(ids, id)
			}
		}
	}
	if len(ids) == 0 {
		return keys, nil
	}
	found, err := o.codec.keys.Lookup(ctx, ids...)
	if err != nil {
		return nil, fmt.Errorf("look up data keys: %w", err)
	}
	if len(found) != len(ids) {
		return nil, fmt.Errorf("look up data keys: got %d for %d ids", len(found), len(ids))
	}
	for i, key := range found {
		keys[ids[i]] = key
	}
	return keys, nil
}
