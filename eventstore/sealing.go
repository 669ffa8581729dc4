package eventstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// ownWord is the word of a seal tag that means the stream's own key.
const ownWord = "case"

// sealing is the sealing of all private values of one Encode, with all their keys at once.
type sealing struct {
	codec  *Codec
	stream StreamName
	values []pending
}

// pending is a value to be sealed.
type pending struct {
	origin   string
	subjects []string
	plain    []byte
	// former is the sealed form that the value had for another event, if any, at formerOrigin.
	former       sealedText
	formerOrigin string
	// set gives the value its sealed form.
	set func(sealed, origin string)
}

// take notes the private values of a copy of event, and returns the copy. It is the copy that is
// sealed and stored: event may be part of a state that other goroutines read, and its values must
// still be what the log holds if this append fails.
func (s *sealing) take(event any, id uuid.UUID) (any, error) {
	original := reflect.ValueOf(event)
	if original.Kind() != reflect.Pointer || original.IsNil() || original.Elem().Kind() != reflect.Struct {
		return nil, errors.New("an event is a pointer to a struct")
	}
	duplicate := reflect.New(original.Type().Elem())
	duplicate.Elem().Set(original.Elem())
	if err := detach(duplicate.Elem(), nestingMax); err != nil {
		return nil, err
	}
	var failed error
	place := originOf(s.stream, id)
	err := walk(duplicate.Elem(), func(value privateValue, path string, words []string) {
		if err := s.takeValue(value, place+path, words); err != nil {
			failed = errors.Join(failed, fmt.Errorf("field %s: %w", path, err))
		}
	})
	return duplicate.Interface(), errors.Join(err, failed)
}

func (s *sealing) takeValue(value privateValue, origin string, words []string) error {
	sealed, formerOrigin := value.Sealed()
	if sealed != "" && formerOrigin == origin {
		return nil // sealed for this very place
	}
	plain, open, err := value.Plain()
	if err != nil || (!open && sealed == "") {
		return err
	}
	item := pending{origin: origin, plain: plain, formerOrigin: formerOrigin, set: value.SetSealed}
	if sealed == "" {
		item.subjects = s.subjects(words, value.Subject())
	} else {
		// Whom it is about is known from the keys that it was sealed under.
		if item.former, err = parseSealed(sealed); err != nil {
			return err
		}
		for _, id := range item.former.keyIDs() {
			item.subjects = append(item.subjects, SubjectOf(id))
		}
		if own := string(s.stream); slices.Contains(words, ownWord) && !slices.Contains(item.subjects, own) {
			item.subjects = append(item.subjects, own)
		}
	}
	for _, subject := range item.subjects {
		if err := CheckSubject(subject); err != nil {
			return err
		}
	}
	s.values = append(s.values, item)
	return nil
}

// takeReason notes the reason in meta to be sealed in place.
func (s *sealing) takeReason(meta *Metadata, id uuid.UUID) error {
	if meta.Reason == "" {
		return nil
	}
	subject := cmp.Or(meta.ReasonOf, string(s.stream))
	if err := CheckSubject(subject); err != nil {
		return err
	}
	plain, err := json.Marshal(meta.Reason)
	s.values = append(s.values, pending{
		origin:   originOf(s.stream, id) + reasonField,
		subjects: []string{subject},
		plain:    plain,
		set:      func(sealed, _ string) { meta.Reason = sealed },
	})
	return err
}

// subjects returns whose keys the words of a seal tag mean; person, if given, stands for the
// stream's own party.
func (s *sealing) subjects(words []string, person string) []string {
	subjects := make([]string, 0, len(words))
	for _, word := range words {
		subject := string(s.stream)
		switch {
		case word != ownWord && person != "":
			subject = person
		case word != ownWord:
			subject += "/" + word
		}
		if !slices.Contains(subjects, subject) {
			subjects = append(subjects, subject)
		}
	}
	return subjects
}

// seal seals every value that was taken. When it returns, the keys are durable.
func (s *sealing) seal(ctx context.Context) error {
	if err := s.openFormer(ctx); err != nil || len(s.values) == 0 {
		return err
	}
	var subjects []string
	for _, item := range s.values {
		subjects = append(subjects, item.subjects...)
	}
	slices.Sort(subjects)
	subjects = slices.Compact(subjects)
	live, err := s.codec.keys.Ensure(ctx, subjects...)
	if err != nil {
		return fmt.Errorf("get data keys: %w", err)
	}
	if len(live) != len(subjects) {
		return fmt.Errorf("get data keys: got %d for %d subjects", len(live), len(subjects))
	}
	keys, idOf := make(keySet, len(live)), make(map[string]string, len(live))
	for i, key := range live {
		keys[key.ID], idOf[subjects[i]] = key, key.ID
	}
	for _, item := range s.values {
		if err := s.sealOne(item, keys, idOf); err != nil {
			return err
		}
	}
	return nil
}

func (s *sealing) sealOne(item pending, keys keySet, idOf map[string]string) error {
	ids := make([]string, len(item.subjects))
	for i, subject := range item.subjects {
		ids[i] = idOf[subject]
	}
	if item.former.ids != "" && slices.ContainsFunc(item.former.keyIDs(), func(id string) bool { return !slices.Contains(ids, id) }) {
		return nil // a key was destroyed since it was looked up: to seal under its successor would undo that
	}
	sealer, err := s.codec.sealers.of(keys, strings.Join(ids, keySeparator))
	if err != nil {
		return err
	}
	if sealer == nil {
		return fmt.Errorf("get data keys: none for %s", item.origin)
	}
	item.set(sealer.seal(item.origin, item.plain), item.origin)
	return nil
}

// openFormer opens what was sealed for other events, and leaves out what is erased.
func (s *sealing) openFormer(ctx context.Context) error {
	former := openings{codec: s.codec}
	kept := make([]pending, 0, len(s.values))
	for _, item := range s.values {
		if item.former.ids == "" {
			kept = append(kept, item)
			continue
		}
		former.values = append(former.values, opening{item.formerOrigin, item.former, func(plain []byte) error {
			item.plain = plain
			kept = append(kept, item)
			return nil
		}})
	}
	if err := former.open(ctx); err != nil {
		return err
	}
	s.values = kept
	return nil
}
