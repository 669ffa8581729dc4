package sbtest

import (
	"crypto/rand"
	"time"
)

// The codes of a message's sections.
const (
	sectionHeader      = 0x70
	sectionDelivery    = 0x71
	sectionAnnotations = 0x72
	sectionProperties  = 0x73
	sectionApplication = 0x74
	sectionData        = 0x75
	sectionValue       = 0x77
)

// stored is a message in a queue. The sections that are the sender's stay as they were sent.
type stored struct {
	sequence    int64
	enqueuedAt  time.Time
	deliveries  uint32
	id          any
	session     *string
	annotations fieldMap
	properties  []byte
	application []byte
	body        [][]byte
	deadFrom    string // the queue that it died in
}

func parseMessage(b []byte) *stored {
	d, m := &decoder{bytes: b}, &stored{}
	for d.more() {
		at := d.at
		s := d.section()
		section := b[at:d.at]
		switch s.code {
		case sectionHeader, sectionDelivery:
			// durable, priority and time to live are not emulated
		case sectionAnnotations:
			m.annotations, _ = s.value.(fieldMap)
		case sectionProperties:
			list, _ := s.value.([]any)
			m.properties, m.id = section, fields(list).at(0)
			if session, ok := fields(list).at(10).(string); ok {
				m.session = &session
			}
		case sectionApplication:
			m.application = section
		default:
			m.body = append(m.body, section)
		}
	}
	return m
}

// encode gives the message as a receiver gets it. Without a lock until is zero and token nil.
func (m *stored) encode(until time.Time, token *uuid) []byte {
	b := encode(make([]byte, 0, 512), described{sectionHeader, []any{true, uint8(4), nil, false, m.deliveries}})
	if token != nil {
		b = encode(b, described{sectionDelivery, fieldMap{symbol("x-opt-lock-token"), *token}})
	}
	b = encode(b, described{sectionAnnotations, m.brokerAnnotations(until)})
	b = append(append(b, m.properties...), m.application...)
	for _, section := range m.body {
		b = append(b, section...)
	}
	return b
}

// brokerAnnotations are the broker's annotations, and those of the sender's that it has none of. The
// client asserts their types without checking, so a wrong one ends it.
func (m *stored) brokerAnnotations(until time.Time) fieldMap {
	a := fieldMap{symbol("x-opt-sequence-number"), m.sequence, symbol("x-opt-enqueued-time"), m.enqueuedAt}
	if until.IsZero() {
		a = append(a, symbol("x-opt-message-state"), int32(0))
	} else {
		a = append(a, symbol("x-opt-locked-until"), until)
	}
	if m.deadFrom != "" {
		a = append(a, symbol("x-opt-deadletter-source"), m.deadFrom)
	}
	own := len(a)
	for i := 0; i+1 < len(m.annotations); i += 2 {
		if name, _ := keyName(m.annotations[i]); a[:own].get(name) == nil {
			a = append(a, m.annotations[i], m.annotations[i+1])
		}
	}
	return a
}

// modify merges into the application properties, as the service does with what a receiver gives
// when it abandons or dead-letters.
func (m *stored) modify(changes fieldMap) {
	if len(changes) == 0 {
		return
	}
	var application fieldMap
	if m.application != nil {
		application, _ = (&decoder{bytes: m.application}).section().value.(fieldMap)
	}
	for i := 0; i+1 < len(changes); i += 2 {
		if name, ok := keyName(changes[i]); ok {
			application = application.set(name, changes[i+1])
		}
	}
	m.application = encode(nil, described{sectionApplication, application})
}

// lockToken is a delivery's tag: a GUID in .NET's byte order.
type lockToken [16]byte

func newToken() (t lockToken) {
	_, _ = rand.Read(t[:]) // never fails
	return t
}

// swapped changes between .NET's order of a GUID's bytes, which tags have, and RFC 4122's, which
// requests have.
func (t lockToken) swapped() lockToken {
	t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7] = t[3], t[2], t[1], t[0], t[5], t[4], t[7], t[6]
	return t
}
