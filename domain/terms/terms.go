// Package terms decides about the documents that people agree to or are told: the terms of use and
// the privacy notice, in versions that operators publish (requirements 25–27). There is one stream,
// named terms.
//
// It promises that what a version says never changes: a person who accepted a version accepted its
// text in the log. The version published last is in force from then on, for everybody; whoever
// accepted an earlier one is asked again. The privacy notice is shown, and not accepted.
//
// Acceptance itself is recorded in the account of whoever accepts, with version, time and business.
// The version is compared with the one in force by whoever asks for data: a version published
// between reading and accepting only means being asked once more.
package terms

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"casesync/domain"
)

// textBytesMax is the longest text of a document.
const textBytesMax = 200_000

// Kind is a kind of document.
type Kind string

// The kinds.
const (
	TermsOfUse    Kind = "terms-of-use"
	PrivacyNotice Kind = "privacy-notice"
)

// State is the documents in force, and which versions there were.
type State struct {
	current  map[Kind]Published
	versions map[Kind]map[string]string // text by version
}

// Initial returns the state before anything was published.
func Initial() *State {
	return &State{current: map[Kind]Published{}, versions: map[Kind]map[string]string{}}
}

// Current returns the document of a kind that is in force, and false where none was published.
// Without terms of use nobody can accept any, and so nobody gets any data.
func (s *State) Current(kind Kind) (Published, bool) {
	document, found := s.current[kind]
	return document, found
}

// Text returns what a version says or said.
func (s *State) Text(kind Kind, version string) (text string, found bool) {
	text, found = s.versions[kind][version]
	return text, found
}

// Command is something asked about the documents.
type Command interface{ termsCommand() }

// Publish puts a version in force at once.
type Publish struct {
	Kind Kind
	// Version is what people call it, such as "2025-06".
	Version string
	// Text is Markdown.
	Text string
	At   time.Time
}

func (Publish) termsCommand() {}

// Event is one of the events of the documents.
type Event interface{ termsEvent() }

// Published records a version and what it says.
type Published struct {
	Kind        Kind      `json:"kind"`
	Version     string    `json:"version"`
	Text        string    `json:"text"`
	PublishedAt time.Time `json:"publishedAt"`
}

func (*Published) termsEvent() {}

// versionPattern keeps versions fit for addresses and for people.
var versionPattern = regexp.MustCompile(`^[0-9a-z][0-9a-z.-]{0,31}$`)

// Decide returns the events that command leads to, none where the version is in force with that
// text. An error is a *domain.Refusal, or the fault of the caller.
func Decide(state *State, command Command) ([]Event, error) {
	c, publish := command.(Publish)
	if !publish {
		return nil, fmt.Errorf("decide %T: not a command about terms", command)
	}
	text := strings.TrimSpace(strings.ReplaceAll(c.Text, "\r\n", "\n"))
	switch {
	case c.Kind != TermsOfUse && c.Kind != PrivacyNotice:
		return nil, &domain.Refusal{Code: "kind-invalid", Reason: "Publish terms-of-use or a privacy-notice."}
	case !versionPattern.MatchString(c.Version):
		return nil, &domain.Refusal{Code: "version-invalid", Reason: "Name the version by up to 32 small letters, digits, dots and hyphens, such as 2025-06."}
	case text == "" || len(text) > textBytesMax || !utf8.ValidString(text):
		return nil, &domain.Refusal{Code: "text-invalid", Reason: "Give the document as Markdown of at most 200 kB."}
	}
	if published, taken := state.Text(c.Kind, c.Version); taken {
		if published == text && state.current[c.Kind].Version == c.Version {
			return nil, nil
		}
		return nil, &domain.Refusal{Code: "version-taken", Reason: "This version was published before, and people accepted what it says. Publish under another version."}
	}
	return []Event{&Published{Kind: c.Kind, Version: c.Version, Text: text, PublishedAt: c.At.UTC()}}, nil
}

// Evolve takes event into state, in place, and returns it.
func Evolve(state *State, event Event) *State {
	if published, is := event.(*Published); is {
		state.current[published.Kind] = *published
		if state.versions[published.Kind] == nil {
			state.versions[published.Kind] = map[string]string{}
		}
		state.versions[published.Kind][published.Version] = published.Text
	}
	return state
}
