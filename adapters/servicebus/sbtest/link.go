package sbtest

import (
	"slices"
	"time"
)

// session is an AMQP session, which has nothing to do with a session of messages.
type session struct {
	connection *connection
	channel    uint16
	nextIn     uint32 // transfer id
	nextOut    uint32 // transfer id
	delivery   uint32 // delivery id
	window     uint32 // transfers that the client has room for
	links      map[uint32]*link
	unsettled  map[uint32]unsettled // by delivery id
}

// unsettled is a delivery that the client has not said anything of.
type unsettled struct {
	token lockToken
	link  *link
}

// link is one direction of messages between a client and an address.
type link struct {
	session         *session
	handle          uint32
	name            string
	address         string
	source, target  string
	toClient        bool
	sendMode        uint8
	settleMode      uint8
	filter          fieldMap
	properties      fieldMap
	credit          uint32
	count           uint32 // deliveries so far
	gone            bool
	queue           *queue   // that it receives from
	replies         [][]byte // that wait for credit
	partial         []byte   // of a transfer in several frames
	format          uint32
	partialDelivery uint32
}

func (s *session) frame(code uint64, list []any, payload []byte) {
	s.connection.frame(0, s.channel, code, list, payload)
}

func (s *session) handle(code uint64, f fields, payload []byte) error {
	switch code {
	case performAttach:
		s.attach(f)
	case performFlow:
		s.flow(f)
	case performTransfer:
		return s.transfer(f, payload)
	case performDisposition:
		if byReceiver := f.bool(0); byReceiver {
			s.disposition(f)
		}
	case performDetach:
		if l := s.links[f.uint32(0)]; l != nil {
			delete(s.links, l.handle)
			if !l.gone {
				s.frame(performDetach, []any{l.handle, true}, nil)
			}
			l.drop()
		}
	case performEnd:
		s.end()
		delete(s.connection.sessions, s.channel)
		s.frame(performEnd, []any{}, nil)
	}
	return nil
}

func (s *session) end() {
	for _, l := range s.links {
		l.drop()
	}
	s.links = map[uint32]*link{}
}

// drop forgets a link. A session of messages that it held is free again.
func (l *link) drop() {
	l.gone = true
	if replies := l.session.connection.replies; replies[l.target] == l {
		delete(replies, l.target)
	}
	q := l.queue
	if q == nil {
		return
	}
	l.queue = nil
	q.consumers = slices.DeleteFunc(q.consumers, func(other *link) bool { return other == l })
	if q.holder == l {
		q.free()
	}
}

// detach closes a link from this side.
func (l *link) detach(condition, description string) {
	if l.gone {
		return
	}
	l.drop()
	l.session.frame(performDetach, []any{l.handle, true, amqpError(condition, description)}, nil)
}

// refuse answers an attach without a terminus, which says that a detach with the reason follows.
func (l *link) refuse(condition, description string) {
	l.gone = true
	l.sendAttach()
	l.session.frame(performDetach, []any{l.handle, true, amqpError(condition, description)}, nil)
}

// messageBytesMax is that of the Standard tier.
const messageBytesMax = uint64(256 << 10)

// bytesMax is what a link's attach says of the size of messages. If it did not say it, clients would take
// every message for too large.
func (l *link) bytesMax() uint64 {
	if e := l.session.connection.server.entity(l.address); e != nil && e.options.MessageBytesMax > 0 {
		return e.options.MessageBytesMax
	}
	return messageBytesMax
}

// sendAttach answers an attach. Settle modes and termini have to be those that were asked for, else
// the client detaches, or waits for a detach.
func (l *link) sendAttach() {
	var source, target, properties any
	if !l.gone {
		source, target = described{0x28, []any{l.source}}, described{0x29, []any{l.target}}
		if l.filter != nil {
			source = described{0x28, []any{l.source, nil, nil, nil, nil, nil, nil, l.filter}}
		}
	}
	if l.properties != nil {
		properties = l.properties
	}
	a := []any{l.name, l.handle, !l.toClient, l.sendMode, l.settleMode, source, target, nil, nil, nil, nil, nil, nil, properties}
	if l.toClient {
		a[9] = uint32(0)
	} else {
		a[10] = l.bytesMax()
	}
	l.session.frame(performAttach, a, nil)
}

const (
	creditGiven = 1000
	creditLow   = 500
)

// grant lets a client send more.
func (l *link) grant() {
	l.credit = creditGiven
	s := l.session
	s.frame(performFlow, []any{s.nextIn, windowMax, s.nextOut, windowMax, l.handle, l.count, l.credit}, nil)
}

func (s *session) attach(f fields) {
	l := &link{
		session: s, name: f.text(0), handle: f.uint32(1), toClient: f.bool(2), sendMode: 2, settleMode: f.uint8(4),
		source: f.inner(5).text(0), target: f.inner(6).text(0),
	}
	if f.at(3) != nil {
		l.sendMode = f.uint8(3)
	}
	s.links[l.handle] = l
	if l.toClient {
		l.address = l.source
		l.attachReceiver(f)
		return
	}
	l.address = l.target
	if !isRequestLink(l.address) && s.connection.server.entity(l.address) == nil {
		l.refuseMissing()
		return
	}
	l.sendAttach()
	l.grant()
}

func (l *link) refuseMissing() {
	l.refuse("amqp:not-found", "The messaging entity '"+l.address+"' could not be found.")
}

// attachReceiver lets a client receive replies or messages.
func (l *link) attachReceiver(f fields) {
	if isRequestLink(l.address) {
		l.session.connection.replies[l.target] = l
		l.sendAttach()
		return
	}
	q := l.session.connection.server.queueAt(l.address)
	if q == nil {
		l.refuseMissing()
		return
	}
	if filter := f.inner(5).dict(7).get(sessionFilter); filter != nil {
		l.attachSession(q, filter, f.dict(13))
		return
	}
	if q.options.Sessions {
		l.refuse("amqp:not-allowed", "It is not possible for an entity that requires sessions to create a non-sessionful message receiver.")
		return
	}
	l.queue = q
	q.consumers = append(q.consumers, l)
	l.sendAttach()
}

// attachSession lets a client receive the messages of a session, once there is one for it.
func (l *link) attachSession(q *queue, filter any, properties fieldMap) {
	wanted, _ := filter.(described)
	id, named := wanted.value.(string)
	w := &waiter{link: l, named: named, session: id}
	if q.accept(w) {
		return
	}
	if named {
		l.refuse("com.microsoft:session-cannot-be-locked", "The requested session '"+id+"' cannot be accepted. It may be locked by another receiver.")
		return
	}
	limit := time.Minute
	if ms, ok := properties.get("com.microsoft:timeout").(uint32); ok {
		limit = time.Duration(ms) * time.Millisecond
	}
	q.await(w, limit)
}
