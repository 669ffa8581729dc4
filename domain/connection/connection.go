// Package connection decides about the settings of the identity providers by which businesses sign
// their people in (requirements 34 and 38). The stream of one is connection-<id>, and its id, chosen
// by an operator, is what businesses and e-mail domains name it by.
//
// It promises that settings are well formed, that no secret is among them, only the name of the file
// that holds one, and that a connection never changes from OIDC to SAML or back: the people bound to
// it are bound to subjects of that one provider. Whoever moves to the other makes another connection,
// and configures the businesses with it.
//
//	missing → set (each time in full) → retired → set again
//
// By a retired connection nobody signs in. What businesses and domains it had keep naming it until
// they are configured otherwise.
package connection

import (
	"fmt"
	"slices"

	"casesync/domain/account"
)

// Settings are how people sign in at one identity provider.
type Settings struct {
	// ID is of 2 to 40 small letters, digits and hyphens: "example-group". It is shown to people.
	ID     string         `json:"id"`
	Method account.Method `json:"method"`
	// OIDC is set where that is the method, SAML where that is.
	OIDC OIDC `json:"oidc,omitzero"`
	SAML SAML `json:"saml,omitzero"`
}

// OIDC are the settings of an OpenID Connect provider.
type OIDC struct {
	// Issuer is the provider's address, as its id tokens have it.
	Issuer   string `json:"issuer"`
	ClientID string `json:"clientId"`
	// SecretReference is the name of the file with the client secret, in the directory of secrets.
	SecretReference string `json:"secretReference"`
	// ConfirmsEmail takes addresses that the provider does not say to be verified: only where its
	// administrators alone set them.
	ConfirmsEmail bool `json:"confirmsEmail,omitzero"`
}

// SAML are the settings of a SAML 2.0 identity provider.
type SAML struct {
	// Metadata is what the provider publishes of itself: XML, public.
	Metadata string `json:"metadata"`
	// MetadataURL is where it does, for whoever renews it; nothing is fetched from there by itself.
	MetadataURL string `json:"metadataUrl,omitzero"`
	// EmailAttributes are the names of the attribute with the e-mail address; those in common use if
	// there are none.
	EmailAttributes []string `json:"emailAttributes,omitempty"`
}

// State is the settings of one connection.
type State struct {
	settings Settings
	retired  bool
}

// Initial returns the state of a connection that nobody set.
func Initial() *State { return &State{} }

// Settings returns the settings in force; false where there never were any, or it is retired.
func (s *State) Settings() (Settings, bool) { return s.settings.clone(), s.exists() && !s.retired }

// Retired reports whether nobody signs in by it any more.
func (s *State) Retired() bool { return s.retired }

func (s *State) exists() bool { return s.settings.ID != "" }

func (s Settings) clone() Settings {
	s.SAML.EmailAttributes = slices.Clone(s.SAML.EmailAttributes)
	return s
}

// Command is something asked of a connection.
type Command interface{ connectionCommand() }

// Set puts settings in force, all of them in place of any before. It brings a retired one back.
type Set struct{ Settings Settings }

// Retire ends signing in by the connection.
type Retire struct{}

func (Set) connectionCommand()    {}
func (Retire) connectionCommand() {}

// Event is one of the events of a connection.
type Event interface{ connectionEvent() }

// SettingsSet records the settings in force.
type SettingsSet struct {
	Settings Settings `json:"settings"`
}

// Retired records that nobody signs in by the connection any more.
type Retired struct{}

func (*SettingsSet) connectionEvent() {}
func (*Retired) connectionEvent()     {}

// Decide returns the events that command leads to, none where all is as it asks. It changes
// neither state nor command. An error is a *domain.Refusal, or the fault of the caller.
func Decide(state *State, command Command) ([]Event, error) {
	switch command := command.(type) {
	case Set:
		return state.set(command)
	case Retire:
		switch {
		case !state.exists():
			return nil, refuseMissing()
		case state.retired:
			return nil, nil
		}
		return []Event{&Retired{}}, nil
	}
	return nil, fmt.Errorf("decide %T: not a command of a connection", command)
}

func (s *State) set(c Set) ([]Event, error) {
	settings, err := c.Settings.read()
	switch {
	case err != nil:
		return nil, err
	case s.exists() && s.settings.ID != settings.ID:
		return nil, fmt.Errorf("set connection %q: the stream is of %q", settings.ID, s.settings.ID)
	case s.exists() && s.settings.Method != settings.Method:
		return nil, refuseOtherMethod()
	case !s.retired && s.settings.equal(settings):
		return nil, nil
	}
	return []Event{&SettingsSet{Settings: settings}}, nil
}

func (s Settings) equal(other Settings) bool {
	return s.ID == other.ID && s.Method == other.Method && s.OIDC == other.OIDC &&
		s.SAML.Metadata == other.SAML.Metadata && s.SAML.MetadataURL == other.SAML.MetadataURL &&
		slices.Equal(s.SAML.EmailAttributes, other.SAML.EmailAttributes)
}

// Evolve takes event into state, in place, and returns it.
func Evolve(state *State, event Event) *State {
	switch event := event.(type) {
	case *SettingsSet:
		state.settings, state.retired = event.Settings, false
	case *Retired:
		state.retired = true
	}
	return state
}
