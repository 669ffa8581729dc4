package servicebus

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ThreeDotsLabs/watermill/message"
)

// CloudEvents travel over AMQP in two ways (CloudEvents' AMQP protocol binding 1.0): structured, where
// the payload is the event as JSON, and binary, where the payload is its data and each attribute is an
// application property. Both are taken; structured is what is sent.

const (
	// StructuredContentType is the media type of an event as JSON.
	StructuredContentType = "application/cloudevents+json"
	attributePrefix       = "cloudEvents:"
	// attributePrefixJMS is for senders that may have no colon in a name.
	attributePrefixJMS = "cloudEvents_"
)

// NewCloudEvent returns a message with an event in CloudEvents' JSON format, structured. The id
// identifies the event for ever: it becomes the message id that duplicates are recognised by.
func NewCloudEvent(id string, event []byte) *message.Message {
	m := message.NewMessage(id, event)
	m.Metadata[ContentType] = StructuredContentType + "; charset=utf-8"
	return m
}

// CloudEvent returns the event of a message in CloudEvents' JSON format, as it was sent if it is
// structured. A payload that is no CloudEvent at all is returned as it is, for whoever checks events
// to refuse it.
func CloudEvent(m *message.Message) []byte {
	media, _, err := mime.ParseMediaType(m.Metadata[ContentType])
	if err == nil && media == StructuredContentType {
		return m.Payload
	}
	event := attributes(m)
	if _, binary := event["specversion"]; !binary {
		return m.Payload
	}
	if m.Metadata[ContentType] != "" {
		event["datacontenttype"] = m.Metadata[ContentType]
	}
	setData(event, media, m.Payload)
	encoded, err := json.Marshal(event)
	if err != nil { // there is nothing in it that could not be encoded
		panic(fmt.Errorf("encode CloudEvent: %w", err))
	}
	return encoded
}

// attributes are the attributes of an event that is sent in binary mode.
func attributes(m *message.Message) map[string]any {
	event := map[string]any{}
	for _, property := range slices.Sorted(maps.Keys(m.Metadata)) {
		for _, prefix := range []string{attributePrefixJMS, attributePrefix} {
			name, ok := strings.CutPrefix(property, prefix)
			if ok && name != "data" && name != "data_base64" {
				event[name] = m.Metadata[property]
			}
		}
	}
	return event
}

// setData adds the data: JSON as JSON, text as text, all else, also JSON that is none, in base64.
func setData(event map[string]any, media string, payload []byte) {
	isJSON := media == "" || media == "application/json" || strings.HasSuffix(media, "+json")
	switch {
	case len(payload) == 0:
	case isJSON && json.Valid(payload) && utf8.Valid(payload):
		event["data"] = json.RawMessage(payload)
	case strings.HasPrefix(media, "text/") && utf8.Valid(payload):
		event["data"] = string(payload)
	default:
		event["data_base64"] = base64.StdEncoding.EncodeToString(payload)
	}
}
