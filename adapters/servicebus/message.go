package servicebus

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	sb "github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/ThreeDotsLabs/watermill/message"
)

// Metadata with a place of its own in a Service Bus message. All else travels as application
// properties of the same name.
const (
	// SessionID is the session that a message belongs to. Entities with sessions take no message without.
	SessionID = "servicebus.session-id"
	// Subject is the message's label, which subscription filters can select by.
	Subject = "servicebus.subject"
	// ContentType is the media type of the payload.
	ContentType = "content-type"
	// CorrelationID is the name that Watermill's own middleware uses.
	CorrelationID = "correlation_id"
)

// Metadata that only received messages have. Publishing leaves them out.
const (
	// DeliveryCount is how often the message was delivered, 1 the first time.
	DeliveryCount = "servicebus.delivery-count"
	// SequenceNumber is the broker's own number of the message. It says nothing about the order that its
	// sender meant.
	SequenceNumber = "servicebus.sequence-number"
	// DeadLetterReason and DeadLetterDescription are why a message of a dead-letter queue is there, in the words of
	// the broker or of whoever dead-lettered it.
	DeadLetterReason      = "DeadLetterReason"
	DeadLetterDescription = "DeadLetterErrorDescription"
	// EnqueuedAt is when the broker took the message, RFC 3339.
	EnqueuedAt = "servicebus.enqueued-at"
)

// brokerIDLengthMax is how long message and session ids may be.
const brokerIDLengthMax = 128

// messageID is a message's UUID, or a digest where that is none or too long: always the same for the
// same message, so that sending again is recognised.
func messageID(m *message.Message) string {
	if length := len(m.UUID); length > 0 && length <= brokerIDLengthMax {
		return m.UUID
	}
	of := []byte(m.UUID)
	if len(of) == 0 {
		of = m.Payload
	}
	sum := sha256.Sum256(of)
	return "sha256-" + hex.EncodeToString(sum[:])
}

// toBroker translates a message that is to be published.
func toBroker(m *message.Message) (*sb.Message, error) {
	id := messageID(m)
	to := &sb.Message{MessageID: &id, Body: m.Payload, ApplicationProperties: make(map[string]any, len(m.Metadata))}
	for name, value := range m.Metadata {
		switch name {
		case SessionID:
			if len(value) > brokerIDLengthMax {
				return nil, fmt.Errorf("message %s: its session id has %d bytes, and Service Bus takes %d", id, len(value), brokerIDLengthMax)
			}
			to.SessionID = &value
		case Subject:
			to.Subject = &value
		case ContentType:
			to.ContentType = &value
		case CorrelationID:
			to.CorrelationID = &value
		case DeliveryCount, SequenceNumber, EnqueuedAt, DeadLetterReason, DeadLetterDescription:
		default:
			to.ApplicationProperties[name] = value
		}
	}
	return to, nil
}

// fromBroker translates a message that was received. One without an id gets one of the broker's
// number, which is the same at each delivery.
func fromBroker(from *sb.ReceivedMessage) *message.Message {
	m := message.NewMessage(from.MessageID, from.Body)
	for name, value := range from.ApplicationProperties {
		if text, ok := propertyText(value); ok {
			m.Metadata[name] = text
		}
	}
	for name, value := range map[string]*string{
		SessionID: from.SessionID, Subject: from.Subject, ContentType: from.ContentType, CorrelationID: from.CorrelationID,
	} {
		if value != nil {
			m.Metadata[name] = *value
		}
	}
	m.Metadata[DeliveryCount] = strconv.FormatUint(uint64(from.DeliveryCount), 10)
	if from.SequenceNumber != nil {
		m.Metadata[SequenceNumber] = strconv.FormatInt(*from.SequenceNumber, 10)
	}
	if from.EnqueuedTime != nil {
		m.Metadata[EnqueuedAt] = from.EnqueuedTime.UTC().Format(time.RFC3339Nano)
	}
	if m.UUID == "" {
		m.UUID = "sequence-" + m.Metadata[SequenceNumber]
	}
	return m
}

// propertyText is an application property as text; false for what has no plain one.
func propertyText(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano), true
	case bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64, fmt.Stringer:
		return fmt.Sprint(v), true
	default:
		return "", false
	}
}

// letterLengthMax bounds reason and description of a dead letter, which Service Bus keeps among the
// message's properties.
const letterLengthMax = 1024

// shortened cuts a text to what a property may hold, at a whole character.
func shortened(text string) string {
	if len(text) <= letterLengthMax {
		return text
	}
	return strings.ToValidUTF8(text[:letterLengthMax], "")
}
