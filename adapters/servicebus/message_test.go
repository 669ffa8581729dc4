package servicebus

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	sb "github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/ThreeDotsLabs/watermill/message"
)

func TestMessageThereAndBack(t *testing.T) {
	t.Parallel()
	m := message.NewMessage("id-1", []byte("payload"))
	m.Metadata = message.Metadata{SessionID: "s", Subject: "l", ContentType: "text/plain", CorrelationID: "c", "own": "value", DeliveryCount: "7"}
	to, err := toBroker(m)
	if err != nil {
		t.Fatal(err)
	}
	if got := to.ApplicationProperties; !reflect.DeepEqual(got, map[string]any{"own": "value"}) {
		t.Errorf("got properties %v, want the own one alone", got)
	}
	number, at := int64(42), time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	back := fromBroker(&sb.ReceivedMessage{
		MessageID: *to.MessageID, Body: to.Body, SessionID: to.SessionID, Subject: to.Subject, ContentType: to.ContentType,
		CorrelationID: to.CorrelationID, SequenceNumber: &number, EnqueuedTime: &at, DeliveryCount: 1,
		ApplicationProperties: map[string]any{"own": "value", "n": int32(5), "when": at, "list": []any{1}},
	})
	want := message.Metadata{
		SessionID: "s", Subject: "l", ContentType: "text/plain", CorrelationID: "c", "own": "value", "n": "5",
		"when": "2026-01-02T03:04:05.000006Z", DeliveryCount: "1", SequenceNumber: "42", EnqueuedAt: "2026-01-02T03:04:05.000006Z",
	}
	if back.UUID != "id-1" || string(back.Payload) != "payload" || !reflect.DeepEqual(back.Metadata, want) {
		t.Errorf("got %s %s %v, want %v", back.UUID, back.Payload, back.Metadata, want)
	}
	if got := fromBroker(&sb.ReceivedMessage{SequenceNumber: &number}).UUID; got != "sequence-42" {
		t.Errorf("got id %q, want sequence-42", got)
	}
}

// The message id is the same each time, whatever the UUID.
func TestMessageID(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 129)
	for _, c := range []struct{ uuid, payload, prefix string }{
		{"id", "a", "id"}, {long, "a", "sha256-"}, {"", "a", "sha256-"},
	} {
		first, second := messageID(message.NewMessage(c.uuid, []byte(c.payload))), messageID(message.NewMessage(c.uuid, []byte(c.payload)))
		if first != second || !strings.HasPrefix(first, c.prefix) || len(first) > brokerIDLengthMax {
			t.Errorf("%q: got %q and %q, want the same with prefix %q", c.uuid, first, second, c.prefix)
		}
	}
	m := message.NewMessage("id", nil)
	m.Metadata.Set(SessionID, long)
	if _, err := toBroker(m); err == nil {
		t.Error("took a session id that Service Bus does not take")
	}
}

func TestCloudEvent(t *testing.T) {
	t.Parallel()
	structured := `{"specversion":"1.0","id":"1"}`
	for name, c := range map[string]struct {
		metadata      message.Metadata
		payload, want string
	}{
		"structured": {message.Metadata{ContentType: "application/cloudevents+json; charset=utf-8"}, structured, structured},
		"neither":    {message.Metadata{ContentType: "application/json"}, structured, structured},
		"binary": {
			message.Metadata{ContentType: "application/json", "cloudEvents:specversion": "1.0", "cloudEvents:id": "1", "cloudEvents:sequence": "7", "other": "x"},
			`{"a":1}`, `{"data":{"a":1},"datacontenttype":"application/json","id":"1","sequence":"7","specversion":"1.0"}`,
		},
		"binary with the other prefix": {
			message.Metadata{"cloudEvents_specversion": "1.0", "cloudEvents_id": "1"}, "", `{"id":"1","specversion":"1.0"}`,
		},
		"text": {
			message.Metadata{ContentType: "text/plain", "cloudEvents:specversion": "1.0"}, `"a`,
			`{"data":"\"a","datacontenttype":"text/plain","specversion":"1.0"}`,
		},
		"data that would add attributes": {
			message.Metadata{ContentType: "application/json", "cloudEvents:specversion": "1.0", "cloudEvents:data": "x"}, `{},"id":"2"`,
			`{"data_base64":"e30sImlkIjoiMiI=","datacontenttype":"application/json","specversion":"1.0"}`,
		},
		"gzip": {
			message.Metadata{ContentType: "application/gzip", "cloudEvents:specversion": "1.0"}, "\x1f\x8b",
			`{"data_base64":"H4s=","datacontenttype":"application/gzip","specversion":"1.0"}`,
		},
	} {
		m := message.NewMessage("m", []byte(c.payload))
		m.Metadata = c.metadata
		if got := string(CloudEvent(m)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
	sent := NewCloudEvent("1", []byte(structured))
	if got := string(CloudEvent(sent)); got != structured || sent.UUID != "1" {
		t.Errorf("got %s of %s, want what was sent", got, sent.UUID)
	}
}

// Nothing shows a key.
func TestConnectionStringsAreMasked(t *testing.T) {
	t.Parallel()
	secret := ConnectionString("Endpoint=sb://h/;SharedAccessKeyName=n;SharedAccessKey=S3CRET=;SharedAccessSignature=S3CRET;S3CRET")
	var line strings.Builder
	slog.New(slog.NewJSONHandler(&line, nil)).Info("x", "secret", secret, "config", Connection{ConnectionString: secret})
	slog.New(slog.NewTextHandler(&line, nil)).Info("x", "secret", secret, "config", Connection{ConnectionString: secret})
	encoded, err := json.Marshal(struct{ C ConnectionString }{secret})
	if err != nil {
		t.Fatal(err)
	}
	_, refused := Connection{ConnectionString: "S3CRET"}.client()
	for _, text := range []string{line.String(), string(encoded), fmt.Sprintf("%v %s %+v %#v %q", secret, secret, secret, secret, secret), fmt.Sprint(refused)} {
		if strings.Contains(text, "S3CRET") {
			t.Errorf("got %s, want the key masked", text)
		}
	}
	if got, want := secret.String(), "Endpoint=sb://h/;SharedAccessKeyName=n;SharedAccessKey=xxxxx;SharedAccessSignature=xxxxx;…=xxxxx"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestConnectionHasOneWay(t *testing.T) {
	t.Parallel()
	for _, c := range []Connection{{}, {ConnectionString: "x", Namespace: "y"}} {
		if _, err := NewSubscriber(SubscriberConfig{Connection: c}); err == nil {
			t.Errorf("%v: got no error, want one that says what to give", c)
		}
	}
	sub, err := NewSubscriber(SubscriberConfig{Connection: Connection{Namespace: "example.servicebus.windows.net"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := sub.Close(); err != nil {
		t.Error(err)
	}
}
