package connection_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"casesync/domain/account"
	"casesync/domain/connection"
	"casesync/domain/domaintest"
)

var decider = domaintest.Decider[*connection.State, connection.Command, connection.Event]{
	Initial: connection.Initial, Decide: connection.Decide, Evolve: connection.Evolve,
}

type row = domaintest.Case[connection.Command, connection.Event]

const metadata = `<EntityDescriptor entityID="https://id.example.com"/>`

func oidc(changes ...func(*connection.OIDC)) connection.Settings {
	s := connection.Settings{ID: "example-group", Method: account.OIDC, OIDC: connection.OIDC{
		Issuer: "https://id.example.com/tenant", ClientID: "casesync", SecretReference: "example-group.oidc",
	}}
	for _, change := range changes {
		change(&s.OIDC)
	}
	return s
}

func saml(changes ...func(*connection.SAML)) connection.Settings {
	s := connection.Settings{ID: "example-group", Method: account.SAML, SAML: connection.SAML{
		Metadata: metadata, MetadataURL: "https://id.example.com/metadata?tenant=7", EmailAttributes: []string{"mail"},
	}}
	for _, change := range changes {
		change(&s.SAML)
	}
	return s
}

func set(settings connection.Settings) *connection.SettingsSet {
	return &connection.SettingsSet{Settings: settings}
}

func events(events ...connection.Event) []connection.Event { return events }

func TestSetAndRetire(t *testing.T) {
	t.Parallel()
	other := oidc(func(o *connection.OIDC) { o.ClientID = "another" })
	spaced := oidc(func(o *connection.OIDC) { o.Issuer, o.ClientID = " "+o.Issuer+"\n", " casesync " })
	retired := &connection.Retired{}
	domaintest.Run(t, decider, []row{
		{Name: "OIDC", When: connection.Set{Settings: oidc()}, Then: events(set(oidc()))},
		{Name: "with spaces", When: connection.Set{Settings: spaced}, Then: events(set(oidc()))},
		{Name: "SAML", When: connection.Set{Settings: saml()}, Then: events(set(saml()))},
		{Name: "the same again", Given: events(set(saml())), When: connection.Set{Settings: saml()}},
		{Name: "others", Given: events(set(oidc())), When: connection.Set{Settings: other}, Then: events(set(other))},
		{Name: "another method", Given: events(set(oidc())), When: connection.Set{Settings: saml()}, Refused: "connection-method"},
		{Name: "retire", Given: events(set(oidc())), When: connection.Retire{}, Then: events(retired)},
		{Name: "retire twice", Given: events(set(oidc()), retired), When: connection.Retire{}},
		{Name: "retire nothing", When: connection.Retire{}, Refused: "connection-unknown"},
		{Name: "bring back", Given: events(set(oidc()), retired), When: connection.Set{Settings: oidc()}, Then: events(set(oidc()))},
		{
			Name: "bring back by another method", Given: events(set(oidc()), retired),
			When: connection.Set{Settings: saml()}, Refused: "connection-method",
		},
	})
	strange := oidc()
	strange.ID = "another-stream"
	if events, err := connection.Decide(decider.State(set(oidc())), connection.Set{Settings: strange}); err == nil {
		t.Errorf("set another id: got %s, want an error", domaintest.Describe(events))
	}
}

func TestFormOfSettings(t *testing.T) {
	t.Parallel()
	var rows []row
	refused := func(name, code string, settings connection.Settings) {
		rows = append(rows, row{Name: name, When: connection.Set{Settings: settings}, Refused: code})
	}
	for _, id := range []string{"", "x", "-x", "Example", "local", strings.Repeat("x", 41), "a/b", "a.b"} {
		settings := oidc()
		settings.ID = id
		refused("id "+id, "connection-id-invalid", settings)
	}
	for _, issuer := range []string{
		"", "http://id.example.com", "https://", "https://id", "https://id.example.com?x", "https://id.example.com?",
		"https://id.example.com#x", "https://id.example.com#", "https://u:p@id.example.com", "ftp://localhost", "https://10.0.0.1",
		"https://id.example.com/" + strings.Repeat("x", 2_000),
	} {
		refused("issuer "+issuer, "issuer-invalid", oidc(func(o *connection.OIDC) { o.Issuer = issuer }))
	}
	for _, reference := range []string{"", ".", "..", "a/b", "../secret", "a b", strings.Repeat("x", 101)} {
		refused("secret "+reference, "secret-reference-invalid", oidc(func(o *connection.OIDC) { o.SecretReference = reference }))
	}
	refused("no client", "client-id-invalid", oidc(func(o *connection.OIDC) { o.ClientID = " " }))
	refused("a long client", "client-id-invalid", oidc(func(o *connection.OIDC) { o.ClientID = strings.Repeat("x", 201) }))
	for name, text := range map[string]string{
		"none": "", "no XML": "EntityDescriptor", "other XML": "<html/>", "long": metadata + strings.Repeat(" ", 256<<10) + ".",
		"a key": metadata + "PRIVATE KEY", "no text": metadata + "\xff",
	} {
		refused("metadata: "+name, "metadata-invalid", saml(func(s *connection.SAML) { s.Metadata = text }))
	}
	refused("metadata over http", "url-invalid", saml(func(s *connection.SAML) { s.MetadataURL = "http://id.example.com/" }))
	refused("an empty attribute", "email-attributes-invalid", saml(func(s *connection.SAML) { s.EmailAttributes = []string{"mail", ""} }))
	refused("many attributes", "email-attributes-invalid",
		saml(func(s *connection.SAML) { s.EmailAttributes = slices.Repeat([]string{"mail"}, 11) }))
	both := oidc()
	both.SAML = saml().SAML
	refused("both", "settings-mixed", both)
	both.Method = account.SAML
	refused("both, as SAML", "settings-mixed", both)
	both.Method = account.Local
	refused("local", "method-invalid", both)
	for _, issuer := range []string{"http://localhost:8080/oidc", "http://127.0.0.1:9", "http://[::1]:9", "https://id.example.com:8443/x"} {
		settings := oidc(func(o *connection.OIDC) { o.Issuer = issuer })
		rows = append(rows, row{Name: "fits: " + issuer, When: connection.Set{Settings: settings}, Then: events(set(settings))})
	}
	domaintest.Run(t, decider, rows)
}

func TestSettingsInForce(t *testing.T) {
	t.Parallel()
	if got, found := decider.State().Settings(); found {
		t.Errorf("of nobody: got %v", got)
	}
	state := decider.State(set(saml()))
	got, found := state.Settings()
	if !found || got.ID != "example-group" || got.SAML.Metadata != metadata {
		t.Errorf("settings: got %v, %v", got, found)
	}
	got.SAML.EmailAttributes[0] = "changed"
	if again, _ := state.Settings(); again.SAML.EmailAttributes[0] != "mail" {
		t.Error("settings: the caller's change reached the state")
	}
	if _, found := connection.Evolve(state, &connection.Retired{}).Settings(); found || !state.Retired() {
		t.Error("retired: got settings, want none in force")
	}
}

// TestStoredNames: the example of the event has OIDC; this holds what SAML is stored as.
func TestStoredNames(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(set(saml()))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"settings":{"id":"example-group","method":"saml","saml":{` +
		`"metadata":"\u003cEntityDescriptor entityID=\"https://id.example.com\"/\u003e",` +
		`"metadataUrl":"https://id.example.com/metadata?tenant=7","emailAttributes":["mail"]}}}`
	if string(text) != want {
		t.Errorf("got %s, want %s", text, want)
	}
	var back connection.SettingsSet
	if err := json.Unmarshal(text, &back); err != nil || back.Settings.SAML.EmailAttributes[0] != "mail" {
		t.Errorf("back: got %v, %v", back, err)
	}
}
