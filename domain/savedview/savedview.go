// Package savedview decides about the filters of case lists that one person saved under names of his own. Its
// stream is savedviews-<person>, the user id.
//
// It promises (requirement 66): a view holds nothing but parameters of the case list, so that it can be
// followed as it is; name and parameters, in which somebody's name may stand, are sealed under the key
// of the person's account alone, and gone with it. What a view shows is decided when it is followed, by what the
// person may see then.
package savedview

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"casesync/domain"
	"casesync/domain/private"
)

// Limits of saved views.
const (
	// ViewsMax is the most views of one person.
	ViewsMax = 50
	// NameCharactersMax is counted in Unicode characters.
	NameCharactersMax = 80
	// QueryBytesMax is the most bytes of a view's parameters, encoded.
	QueryBytesMax = 4_000
	// ValuesMax is the most values of all parameters together.
	ValuesMax = 200
)

// parameters are those of the case list that a view may hold: all but those that say which page
// of it is wanted.
var parameters = func() map[string]bool {
	known := map[string]bool{}
	for _, filter := range []string{"business", "stage", "product", "issue", "outcome", "allocatedTo"} {
		known[filter], known["not_"+filter] = true, true
	}
	for _, name := range []string{
		"status", "priority", "actionNeeded", "overdue", "failedUpload", "convertedFrom", "convertedTo",
		"closedFrom", "closedTo", "dueFrom", "dueTo", "q", "sort",
	} {
		known[name] = true
	}
	return known
}()

// Parameters returns the names of the parameters that a view may hold, sorted.
func Parameters() []string { return slices.Sorted(maps.Keys(parameters)) }

// View is a saved view.
type View struct {
	Name string `json:"name"`
	// Query is the parameters, encoded as in an address, sorted by name.
	Query string `json:"query"`
}

// State is the views of a person.
type State struct {
	ids   []string // in the order in which they were saved first
	views map[string]private.Value[View]
}

// Initial returns the state of a person without views.
func Initial() *State { return &State{views: map[string]private.Value[View]{}} }

// IDs returns the ids of the views, in the order in which they were saved first.
func (s *State) IDs() []string { return slices.Clone(s.ids) }

// View returns the view with the given id, sealed; absent where there is none.
func (s *State) View(id string) private.Value[View] { return s.views[id] }

// Command is something asked of the views of a person.
type Command interface{ savedviewCommand() }

// Save saves a view of Person, whose stream this is, or saves another one under its id.
type Save struct {
	Person string // user id
	ID     string // a random one for a new view
	Name   string
	Query  string // as in an address, without "?"
}

// Remove removes a view. Nothing happens where there is none.
type Remove struct{ ID string }

// Clear removes all views, as the person's account is erased. Nothing happens where there are none.
type Clear struct{}

func (Save) savedviewCommand()   {}
func (Remove) savedviewCommand() {}
func (Clear) savedviewCommand()  {}

// Event is one of the events of the views of a person.
type Event interface{ savedviewEvent() }

// ViewSaved records a view as it is from now on.
type ViewSaved struct {
	ID   string              `json:"id"`
	View private.Value[View] `json:"view" seal:"account"`
}

// ViewRemoved records that a view is no more.
type ViewRemoved struct {
	ID string `json:"id"`
}

// ViewsCleared records that there are no views any more.
type ViewsCleared struct {
	Views int `json:"views"` // how many there were
}

func (*ViewSaved) savedviewEvent()    {}
func (*ViewRemoved) savedviewEvent()  {}
func (*ViewsCleared) savedviewEvent() {}

// errIncomplete: a command lacks what its caller makes.
var errIncomplete = errors.New("save view: the command lacks a person or an id")

// Decide returns the events that command leads to, none where all is as it asks. It changes
// neither state nor command. An error is a *domain.Refusal, or the fault of the caller.
func Decide(state *State, command Command) ([]Event, error) {
	switch command := command.(type) {
	case Save:
		return state.save(command)
	case Remove:
		if !slices.Contains(state.ids, command.ID) {
			return nil, nil
		}
		return []Event{&ViewRemoved{ID: command.ID}}, nil
	case Clear:
		if len(state.ids) == 0 {
			return nil, nil
		}
		return []Event{&ViewsCleared{Views: len(state.ids)}}, nil
	}
	return nil, fmt.Errorf("decide %T: not a command of saved views", command)
}

// save always has something to say: what is recorded is sealed, and cannot be compared.
func (s *State) save(c Save) ([]Event, error) {
	if c.Person == "" || c.ID == "" {
		return nil, errIncomplete
	}
	if !slices.Contains(s.ids, c.ID) && len(s.ids) >= ViewsMax {
		return nil, refuse("views-limit", "A person can save at most %d views. Remove one first.", ViewsMax)
	}
	name := strings.Join(strings.Fields(c.Name), " ")
	if name == "" || !utf8.ValidString(name) || utf8.RuneCountInString(name) > NameCharactersMax || strings.ContainsFunc(name, unprintable) {
		return nil, refuse("view-name-invalid", "Give the view a name on one line, of at most %d characters.", NameCharactersMax)
	}
	query, err := readQuery(c.Query)
	if err != nil {
		return nil, err
	}
	return []Event{&ViewSaved{ID: c.ID, View: private.Of(View{Name: name, Query: query}).About("account-" + c.Person)}}, nil
}

// readQuery returns parameters in the one form in which they are kept. Whether their values mean something is
// for the case list to say.
func readQuery(text string) (string, error) {
	values, err := url.ParseQuery(text)
	if err != nil {
		return "", refuseQuery()
	}
	count := 0
	for name, list := range values {
		count += len(list)
		if !parameters[name] {
			return "", refuse("view-parameter-unknown", "A view holds filters and the sorting of a case list, and nothing else. Reload the list, and save it again.")
		}
		if slices.ContainsFunc(list, func(v string) bool { return !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) }) {
			return "", refuseQuery()
		}
	}
	query := values.Encode()
	if count > ValuesMax || len(query) > QueryBytesMax {
		return "", refuse("view-too-large", "The view has too many filters: at most %d values can be saved. Choose fewer.", ValuesMax)
	}
	return query, nil
}

// Evolve takes event into state, in place, and returns it.
func Evolve(state *State, event Event) *State {
	switch event := event.(type) {
	case *ViewSaved:
		if !slices.Contains(state.ids, event.ID) {
			state.ids = append(state.ids, event.ID)
		}
		state.views[event.ID] = event.View
	case *ViewRemoved:
		state.ids = slices.DeleteFunc(state.ids, func(id string) bool { return id == event.ID })
		delete(state.views, event.ID)
	case *ViewsCleared:
		return Initial()
	}
	return state
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

func refuse(code, format string, args ...any) error {
	return &domain.Refusal{Code: code, Reason: fmt.Sprintf(format, args...)}
}

func refuseQuery() error {
	return refuse("view-invalid", "The filters of this view can not be read. Reload the list, and save it again.")
}
