// Package documents decides about all files that are sent to one case: how many there may be, and which of
// them are the same. Its stream is documents-<ref>, and the revision of that decides between two uploads that
// begin or end at once; package upload decides about each file.
//
// It promises:
//
//   - A case never has more files, nor more bytes, than upload.Limits say, whoever sends them.
//   - Of uploads with the same bytes one holds the digest, and goes on; the others are told which one it is.
//     Once it is refused, rejected, abandoned or cancelled, the digest is free, and the same file can be sent again.
//   - Every upload that was ever begun for the case is known, for the day on which the case's data is erased.
//
// A digest is a keyed hash of the case's reference and the file's SHA-256, made by whoever gives the
// command. It is in clear and outlives the case: it says nothing without its key, the same file has another one
// in another case, and with the key and the very file in hand it says that the case once had that file.
package documents

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"casesync/domain"
	"casesync/domain/upload"
)

// CodeDuplicate is the code of the refusal of bytes that another upload of the case has; see Duplicate.
const CodeDuplicate = "document-duplicate"

// Duplicate is the refusal of bytes that another upload of the case has.
type Duplicate struct { //nolint:errname // an answer and not a fault, as domain.Refusal is
	domain.Refusal

	// Of is that upload.
	Of string
}

// Unwrap gives the refusal, so that it is answered as any other where nobody looks closer.
func (d *Duplicate) Unwrap() error { return &d.Refusal }

// place is what an upload takes of the limits.
type place struct {
	bytes  int64
	digest string // "" before its bytes are known
	taken  bool
}

// State is what decisions about the files of a case need to know of them.
type State struct {
	places map[string]place // by upload, also those that were released
	files  int              // places that are taken
	bytes  int64            // of these
}

// Initial returns the state of a case without files.
func Initial() *State { return &State{places: map[string]place{}} }

// Uploads returns the ids of all uploads that were ever begun for the case, sorted.
func (s *State) Uploads() []string { return slices.Sorted(maps.Keys(s.places)) }

// Taken returns the ids of the uploads that have a place, sorted.
func (s *State) Taken() []string {
	return slices.DeleteFunc(s.Uploads(), func(id string) bool { return !s.places[id].taken })
}

// Used returns how many files have a place, and their bytes together.
func (s *State) Used() (files int, bytes int64) { return s.files, s.bytes }

// Holder returns the upload that holds digest, "" for none.
func (s *State) Holder(digest string) string {
	for id, place := range s.places {
		if place.taken && place.digest == digest && digest != "" {
			return id
		}
	}
	return ""
}

// Command is something asked of the files of a case.
type Command interface{ documentsCommand() }

// Reserve takes a place for an upload that is about to begin. Nothing happens where it has one.
type Reserve struct {
	Upload string
	Bytes  int64
	Limits upload.Limits
}

// Claim gives an upload the digest of its bytes, and a place where it has none any more, as before a retry; one that
// has its place keeps it, also where the limits are lower by now. It is refused with a *Duplicate where another one
// holds the digest. Nothing happens where it holds it itself.
type Claim struct {
	Upload string
	Digest string
	Bytes  int64
	Limits upload.Limits
}

// Release frees what an upload takes. Nothing happens where that is nothing.
type Release struct{ Upload string }

func (Reserve) documentsCommand() {}
func (Claim) documentsCommand()   {}
func (Release) documentsCommand() {}

// Event is one of the events of the files of a case.
type Event interface{ documentsEvent() }

// PlaceReserved records that an upload has a place.
type PlaceReserved struct {
	Upload string `json:"upload"`
	Bytes  int64  `json:"bytes"`
}

// DigestClaimed records that an upload holds the digest of its bytes, and a place.
type DigestClaimed struct {
	Upload string `json:"upload"`
	Digest string `json:"digest"`
	Bytes  int64  `json:"bytes"`
}

// PlaceReleased records that an upload has no place and holds no digest.
type PlaceReleased struct {
	Upload string `json:"upload"`
}

func (*PlaceReserved) documentsEvent() {}
func (*DigestClaimed) documentsEvent() {}
func (*PlaceReleased) documentsEvent() {}

// errIncomplete: a command lacks what its caller makes.
var errIncomplete = errors.New("decide documents: the command lacks an upload, digest or size")

// Decide returns the events that command leads to, none where all is as it asks. It changes
// neither state nor command. An error is a *domain.Refusal or a *Duplicate, or the fault of the caller.
func Decide(state *State, command Command) ([]Event, error) {
	switch command := command.(type) {
	case Reserve:
		return state.reserve(command)
	case Claim:
		return state.claim(command)
	case Release:
		if !state.places[command.Upload].taken {
			return nil, nil
		}
		return []Event{&PlaceReleased{Upload: command.Upload}}, nil
	}
	return nil, fmt.Errorf("decide %T: not a command of the files of a case", command)
}

func (s *State) reserve(c Reserve) ([]Event, error) {
	switch {
	case c.Upload == "" || c.Bytes < 1:
		return nil, errIncomplete
	case s.places[c.Upload].taken:
		return nil, nil
	}
	if err := c.Limits.Case(s.files, s.bytes, c.Bytes); err != nil {
		return nil, err
	}
	return []Event{&PlaceReserved{Upload: c.Upload, Bytes: c.Bytes}}, nil
}

func (s *State) claim(c Claim) ([]Event, error) {
	if c.Upload == "" || c.Digest == "" || c.Bytes < 1 {
		return nil, errIncomplete
	}
	own := s.places[c.Upload]
	switch holder := s.Holder(c.Digest); {
	case holder == c.Upload && own.bytes == c.Bytes:
		return nil, nil
	case holder != "" && holder != c.Upload:
		return nil, &Duplicate{
			Refusal: domain.Refusal{Code: CodeDuplicate, Reason: "This case has the same file already. It was not taken a second time."},
			Of:      holder,
		}
	}
	files, bytes := s.files, s.bytes
	if own.taken {
		files, bytes = files-1, bytes-own.bytes
	}
	keeps := own.taken && own.bytes == c.Bytes // whatever the limits are by now: it was let begin
	if err := c.Limits.Case(files, bytes, c.Bytes); err != nil && !keeps {
		return nil, err
	}
	return []Event{&DigestClaimed{Upload: c.Upload, Digest: c.Digest, Bytes: c.Bytes}}, nil
}

// Evolve takes event into state, in place, and returns it.
func Evolve(state *State, event Event) *State {
	switch event := event.(type) {
	case *PlaceReserved:
		state.put(event.Upload, place{bytes: event.Bytes, taken: true})
	case *DigestClaimed:
		state.put(event.Upload, place{bytes: event.Bytes, digest: event.Digest, taken: true})
	case *PlaceReleased:
		state.put(event.Upload, place{})
	}
	return state
}

func (s *State) put(id string, now place) {
	before := s.places[id]
	s.bytes += now.bytes - before.bytes
	if before.taken {
		s.files--
	}
	if now.taken {
		s.files++
	}
	s.places[id] = now
}
