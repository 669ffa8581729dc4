package outbox_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"casesync/adapters/outbox"
	"casesync/domain/casefile"
	"casesync/domain/catalog"
	"casesync/domain/notification"
	"casesync/domain/outgoing"
	"casesync/domain/private"
	"casesync/domain/ticket"
	"casesync/domain/upload"
	"casesync/eventstore"
	"casesync/schemas"
)

var messageTypes = []string{outbox.CaseAllocated, outbox.CaseSuppressed, outbox.CaseUnsuppressed, outbox.NotificationSent, outbox.SuppressionRequested, outbox.TicketRaised, outbox.UploadReceived}

// portalSchemas are the schemas of schemas/portal, by file name without its ending.
var portalSchemas = func() map[string]*jsonschema.Schema {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	files, err := fs.Glob(schemas.Portal, "portal/*.schema.json")
	if err != nil {
		panic(err)
	}
	urls := map[string]string{}
	for _, file := range files {
		text, err := schemas.Portal.ReadFile(file)
		if err != nil {
			panic(err)
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			panic(err)
		}
		url := document.(map[string]any)["$id"].(string)
		if err := compiler.AddResource(url, document); err != nil {
			panic(err)
		}
		urls[strings.TrimSuffix(strings.TrimPrefix(file, "portal/"), ".schema.json")] = url
	}
	compiled := map[string]*jsonschema.Schema{}
	for name, url := range urls {
		compiled[name] = compiler.MustCompile(url)
	}
	return compiled
}()

// checkMessage returns what is wrong with a message, by the schemas.
func checkMessage(body []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	if err := portalSchemas["cloudevent"].Validate(value); err != nil {
		return err
	}
	object := value.(map[string]any)
	schema := portalSchemas[object["type"].(string)]
	if schema == nil {
		return fmt.Errorf("there is no schema of %v", object["type"])
	}
	return schema.Validate(object["data"])
}

func validMessage(t *testing.T, body []byte) {
	t.Helper()
	if err := checkMessage(body); err != nil {
		t.Errorf("message %s: got %v, want it valid", body, err)
	}
}

// Each type has a schema, and an example that is valid and uses every property.
func TestExamples(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(schemas.Portal, "portal/examples/*.json")
	if err != nil || len(files) != len(messageTypes) {
		t.Fatalf("got the examples %v, %v, want one of each of %v", files, err, messageTypes)
	}
	for _, kind := range messageTypes {
		text, err := schemas.Portal.ReadFile("portal/examples/" + kind + ".json")
		if err != nil {
			t.Errorf("%s has no example: %v", kind, err)
			continue
		}
		validMessage(t, text)
		var example struct {
			Type string         `json:"type"`
			Data map[string]any `json:"data"`
		}
		if err := json.Unmarshal(text, &example); err != nil || example.Type != kind {
			t.Errorf("example of %s: got %s, %v", kind, example.Type, err)
		}
		for property := range portalSchemas[kind].Properties {
			if _, used := example.Data[property]; !used && property != "bulkId" {
				t.Errorf("example of %s: it does not use %s", kind, property)
			}
		}
	}
}

// The AsyncAPI document is of the right form, its references lead somewhere, and it has each message.
func TestAsyncAPI(t *testing.T) {
	t.Parallel()
	text, err := schemas.Portal.ReadFile("portal/asyncapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatalf("parse: %v", err)
	}
	if document["asyncapi"] != "3.0.0" {
		t.Errorf("got version %v, want 3.0.0", document["asyncapi"])
	}
	for _, section := range []string{"info", "servers", "channels", "operations", "components"} {
		if _, is := document[section].(map[string]any); !is {
			t.Errorf("section %s: got %T, want an object", section, document[section])
		}
	}
	references := 0
	walkYAML(document, func(name string, value any) {
		if name != "$ref" {
			return
		}
		references++
		if err := resolve(document, value.(string)); err != nil {
			t.Errorf("reference %v: %v", value, err)
		}
	})
	if references < 20 {
		t.Errorf("got %d references, want those of all messages", references)
	}
	var names []string
	for _, m := range document["components"].(map[string]any)["messages"].(map[string]any) {
		names = append(names, m.(map[string]any)["name"].(string))
	}
	slices.Sort(names)
	if !slices.Equal(names, messageTypes) {
		t.Errorf("got messages %v, want %v", names, messageTypes)
	}
	channel := document["channels"].(map[string]any)["messages"].(map[string]any)["messages"].(map[string]any)
	tell := document["operations"].(map[string]any)["tell"].(map[string]any)
	if len(channel) != len(messageTypes) || len(tell["messages"].([]any)) != len(messageTypes) || tell["action"] != "send" {
		t.Errorf("got %d messages in the channel and %v, want all", len(channel), tell)
	}
}

func walkYAML(value any, visit func(name string, value any)) {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			visit(name, inner)
			walkYAML(inner, visit)
		}
	case []any:
		for _, inner := range value {
			walkYAML(inner, visit)
		}
	}
}

// resolve follows a reference to a file beside the document, or into it.
func resolve(document map[string]any, reference string) error {
	if file, is := strings.CutPrefix(reference, "./"); is {
		_, err := fs.Stat(schemas.Portal, "portal/"+file)
		return err
	}
	path, is := strings.CutPrefix(reference, "#/")
	if !is {
		return errors.New("it is neither a file's nor the document's")
	}
	var at any = document
	for part := range strings.SplitSeq(path, "/") {
		object, _ := at.(map[string]any)
		if at = object[part]; at == nil {
			return fmt.Errorf("there is no %s", part)
		}
	}
	return nil
}

func occasion(name, stream string, event any) outbox.Occasion {
	return outbox.Occasion{Decoded: eventstore.Decoded{
		Recorded: eventstore.Recorded{Event: eventstore.Event{ID: uuid.MustParse("0f4a7a52-51f2-5c1e-9d1c-000000000001"), Type: name}, Stream: eventstore.StreamName(stream)},
		Meta:     eventstore.Metadata{OccurredAt: noon.In(time.FixedZone("", 3600))}, Event: event,
	}}
}

// What an event says is what its message says.
func TestMap(t *testing.T) {
	t.Parallel()
	file := occasion("upload.queued.v1", "upload-u1", &upload.Queued{Attempt: 2, At: noon})
	file.Begun = &upload.Begun{About: outgoing.About{Case: "FOS-1"}, FRN: frn, Person: ada, Bytes: 100, File: private.Of(upload.File{Name: "a \"b\".pdf"})}
	file.Received = &upload.Received{Content: private.Of(upload.Content{SHA256: digest, MediaType: "application/pdf"})}
	content := private.Of(notification.Content{Fields: map[string]string{"text": "<b> & é"}})
	for name, c := range map[string]struct {
		given         outbox.Occasion
		kind, session string
		data          string
	}{
		"allocated": {
			occasion("casefile.allocated.v1", "casefile-FOS-1", &casefile.Allocated{To: ada}), outbox.CaseAllocated, "FOS-1",
			`{"caseReference":"FOS-1","allocatedTo":"` + ada + `","allocatedFrom":null,"at":"2026-03-02T12:00:00Z"}`,
		},
		"given back": {
			occasion("casefile.allocated.v1", "casefile-FOS-1", &casefile.Allocated{From: ada}), outbox.CaseAllocated, "FOS-1",
			`{"caseReference":"FOS-1","allocatedTo":null,"allocatedFrom":"` + ada + `","at":"2026-03-02T12:00:00Z"}`,
		},
		"returned": {
			occasion("casefile.allocation-returned.v1", "casefile-FOS-1", &casefile.AllocationReturned{From: ada, Cause: casefile.HolderErased}), outbox.CaseAllocated, "FOS-1",
			`{"caseReference":"FOS-1","allocatedTo":null,"allocatedFrom":"` + ada + `","cause":"erased","at":"2026-03-02T12:00:00Z"}`,
		},
		"suppressed on request": {
			occasion("casefile.suppression-executed.v1", "casefile-FOS-1", &casefile.SuppressionExecuted{Request: "n1"}), outbox.CaseSuppressed, "FOS-1",
			`{"caseReference":"FOS-1","request":"n1","at":"2026-03-02T12:00:00Z"}`,
		},
		"suppressed": {
			occasion("casefile.suppression-executed.v1", "casefile-FOS-1", &casefile.SuppressionExecuted{}), outbox.CaseSuppressed, "FOS-1",
			`{"caseReference":"FOS-1","at":"2026-03-02T12:00:00Z"}`,
		},
		"shown again": {
			occasion("casefile.suppression-reversed.v1", "casefile-FOS-1", &casefile.SuppressionReversed{}), outbox.CaseUnsuppressed, "FOS-1",
			`{"caseReference":"FOS-1","at":"2026-03-02T12:00:00Z"}`,
		},
		"upload": {
			file, outbox.UploadReceived, "FOS-1",
			`{"uploadId":"u1","caseReference":"FOS-1","frn":"123456","sentBy":"` + ada + `","attempt":2,"fileName":"a \"b\".pdf","mediaType":"application/pdf",` +
				`"size":100,"sha256":"` + digest + `","contentPath":"/cms/v1/uploads/u1/content","at":"2026-03-02T12:00:00Z"}`,
		},
		"notification": {
			occasion("notification.sent.v1", "notification-n1", &notification.Sent{
				About: outgoing.About{Case: "FOS-1"}, FRN: frn, Person: ada, Type: "general-update", Content: content, Bulk: "bulk-1", At: noon,
			}), outbox.NotificationSent, "FOS-1",
			`{"notificationId":"n1","caseReference":"FOS-1","frn":"123456","sentBy":"` + ada + `","notificationType":"general-update",` +
				`"fields":{"text":"<b> & é"},"bulkId":"bulk-1","at":"2026-03-02T12:00:00Z"}`,
		},
		"request for suppression": {
			occasion("notification.sent.v1", "notification-n1", &notification.Sent{
				About: outgoing.About{Case: "FOS-1"}, FRN: frn, Person: ada, Type: notification.SuppressCase, Content: private.Of(notification.Content{}), At: noon,
			}), outbox.SuppressionRequested, "FOS-1",
			`{"notificationId":"n1","caseReference":"FOS-1","frn":"123456","sentBy":"` + ada + `","notificationType":"suppress-case","fields":{},"at":"2026-03-02T12:00:00Z"}`,
		},
		"ticket": {
			occasion("ticket.opened.v1", "ticket-t1", &ticket.Opened{Type: ticket.Technical, At: noon}), outbox.TicketRaised, "ticket-t1",
			`{"ticketId":"t1","ticketType":"technical","at":"2026-03-02T12:00:00Z"}`,
		},
	} {
		message, told, err := outbox.Map(source, c.given)
		if err != nil || !told {
			t.Errorf("%s: got %v, %v, want a message", name, told, err)
			continue
		}
		validMessage(t, message.Body)
		if message.Type != c.kind || message.Session != c.session || message.ID != c.given.ID.String() {
			t.Errorf("%s: got %+v, want %s in %s", name, message, c.kind, c.session)
		}
		var got, want any
		var body struct{ Data, Time json.RawMessage }
		if err := errors.Join(json.Unmarshal(message.Body, &body), json.Unmarshal(body.Data, &got), json.Unmarshal([]byte(c.data), &want)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || string(body.Time) != `"2026-03-02T12:00:00Z"` {
			t.Errorf("%s: got %s at %s, want %s", name, body.Data, body.Time, c.data)
		}
	}
}

// Every event that is told of is one that the catalogue knows: a name that is mistyped would tell nothing.
func TestToldEventsExist(t *testing.T) {
	t.Parallel()
	told := 0
	for _, name := range catalog.New().Names() {
		if _, is, _ := outbox.Map(source, occasion(name, "casefile-FOS-1", nil)); is {
			told++
		}
	}
	if told != outbox.RulesOfTests {
		t.Errorf("got %d events of the catalogue that are told of, want all %d", told, outbox.RulesOfTests)
	}
}

// What is not to be told has no message, and what was erased cannot be.
func TestMapHasNothingToTell(t *testing.T) {
	t.Parallel()
	for name, fact := range map[string]casefile.Event{
		"casefile.closed.v1": &casefile.Closed{}, "casefile.suppressed.v1": &casefile.Suppressed{}, "casefile.unsuppressed.v1": &casefile.Unsuppressed{},
	} {
		if _, told, err := outbox.Map(source, occasion(name, "casefile-FOS-1", fact)); told || err != nil {
			t.Errorf("%s, a fact of a source: got %v, %v, want no message", name, told, err)
		}
	}
	erased := occasion("notification.sent.v1", "notification-n1", &notification.Sent{About: outgoing.About{Case: "FOS-1"}})
	if _, _, err := outbox.Map(source, erased); !errors.Is(err, outbox.ErrErased) {
		t.Errorf("erased: got %v, want ErrErased", err)
	}
	if _, _, err := outbox.Map(source, occasion("upload.queued.v1", "upload-u1", &upload.Queued{Attempt: 1})); err == nil {
		t.Error("an upload that nobody began: got no error")
	}
	for _, name := range []string{"casefile.allocated.v1", "casefile.suppression-executed.v1", "casefile.suppression-reversed.v1"} {
		if _, _, err := outbox.Map(source, occasion(name, "casefile-FOS-1", &casefile.Closed{})); err == nil {
			t.Errorf("another event under the name %s: got no error", name)
		}
	}
}

// FuzzMap: whatever is in an event, its message is valid JSON, says the same each time, and leads with what it should. Where
// texts are such as deciders take, it is valid by its schema.
func FuzzMap(f *testing.F) {
	f.Add(0, "FOS-1", ada, "letter.pdf", "text", "x")
	f.Add(3, "FOS-1", "", "é\x00\xff", "\u2028", "{\"a\":1}")
	f.Fuzz(func(t *testing.T, which int, ref, person, fileName, field, value string) {
		content := private.Of(notification.Content{Fields: map[string]string{field: value}})
		file := occasion("upload.queued.v1", "upload-"+ref, &upload.Queued{Attempt: 1, At: noon})
		file.Begun = &upload.Begun{About: outgoing.About{Case: ref}, FRN: frn, Person: person, Bytes: 1, File: private.Of(upload.File{Name: fileName})}
		file.Received = &upload.Received{Content: private.Of(upload.Content{SHA256: digest, MediaType: "text/plain"})}
		occasions := []outbox.Occasion{
			occasion("casefile.allocated.v1", "casefile-"+ref, &casefile.Allocated{To: person}),
			file,
			occasion("casefile.suppression-executed.v1", "casefile-"+ref, &casefile.SuppressionExecuted{Request: person}),
			occasion("notification.sent.v1", "notification-"+ref, &notification.Sent{About: outgoing.About{Case: ref}, FRN: frn, Person: person, Type: "general-update", Content: content, At: noon}),
			occasion("ticket.opened.v1", "ticket-"+ref, &ticket.Opened{Type: ticket.Access, Person: person, At: noon}),
		}
		given := occasions[uint(which)%uint(len(occasions))]
		one, _, err := outbox.Map(source, given)
		if err != nil {
			t.Fatalf("got %v, want a message", err)
		}
		two, _, _ := outbox.Map(source, given)
		if !bytes.Equal(one.Body, two.Body) || !json.Valid(one.Body) || !utf8.Valid(one.Body) {
			t.Errorf("got %q, then %q", one.Body, two.Body)
		}
		_, named := upload.FileName(fileName)
		plain := func(text string) bool {
			return text != "" && len(text) <= 64 && !strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune("abcFOS0123456789-", r) }) && text[0] != '-'
		}
		if plain(ref) && plain(person) && named && len(value) <= 10_000 {
			if err := checkMessage(one.Body); err != nil {
				t.Errorf("message %s: got %v, want it valid", one.Body, err)
			}
		}
	})
}

// FuzzMapOfStored: what was stored under a name may be anything; then there is a message or an error.
func FuzzMapOfStored(f *testing.F) {
	examples, err := fs.Glob(schemas.Events, "events/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range examples {
		name := strings.TrimSuffix(strings.TrimPrefix(path, "events/"), ".json")
		if data, err := schemas.Events.ReadFile(path); err == nil {
			f.Add(name, data)
		}
	}
	codec := eventstore.NewCodec(catalog.New(), nil)
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		given := occasion(name, "casefile-FOS-1", nil)
		given.Data, given.Metadata = data, []byte("{}")
		decoded, err := codec.Decode(given.Recorded)
		if err != nil {
			return
		}
		message, told, err := outbox.Map(source, outbox.Occasion{Decoded: decoded})
		if told && err == nil && (!json.Valid(message.Body) || !slices.Contains(messageTypes, message.Type)) {
			t.Errorf("got %s %s", message.Type, message.Body)
		}
	})
}
