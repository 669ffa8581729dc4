package sbtest

// The codes of what became of a delivery.
const (
	stateAccepted = 0x24
	stateRejected = 0x25
	stateReleased = 0x26
	stateModified = 0x27
)

// formatBatch is the message format of a batch: each of its data sections is a message.
const formatBatch = 0x80013700

const lockLost = "The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue."

// flow takes news of what the client has room for.
func (s *session) flow(f fields) {
	s.nextIn = f.uint32(2)
	s.window = f.uint32(0) + f.uint32(1) - s.nextOut
	if f.at(4) == nil {
		for _, l := range s.links {
			l.flush()
		}
		return
	}
	l := s.links[f.uint32(4)]
	if l == nil || !l.toClient {
		return
	}
	l.credit = f.uint32(5) + f.uint32(6) - l.count
	l.flush()
	if drain := f.bool(8); drain {
		l.count += l.credit
		l.credit = 0
		s.frame(performFlow, []any{s.nextIn, windowMax, s.nextOut, windowMax, l.handle, l.count, uint32(0), uint32(0), true}, nil)
	}
}

func (l *link) ready() bool { return !l.gone && l.credit > 0 && l.session.window > 0 }

// flush sends what waited for credit.
func (l *link) flush() {
	for len(l.replies) > 0 && l.ready() {
		reply := l.replies[0]
		l.replies = l.replies[1:]
		l.transfer(newToken(), reply, true)
	}
	if l.queue != nil {
		l.queue.pump()
	}
}

// transfer sends a message, in as many frames as it needs.
func (l *link) transfer(token lockToken, message []byte, settled bool) {
	s, id := l.session, l.session.delivery
	s.delivery++
	l.credit--
	l.count++
	if !settled {
		s.unsettled[id] = unsettled{token, l}
	}
	for first := true; first || len(message) > 0; first = false {
		part := message[:min(len(message), frameBytesMax-256)]
		message = message[len(part):]
		s.nextOut++
		if s.window > 0 { // inside one message it may be overrun
			s.window--
		}
		s.frame(performTransfer, []any{l.handle, id, token[:], uint32(0), settled, len(message) > 0}, part)
	}
}

// disposition settles deliveries. The client waits for the answer.
func (s *session) disposition(f fields) {
	first, last := f.uint32(1), f.uint32(1)
	if f.at(2) != nil {
		last = f.uint32(2)
	}
	state, _ := f.at(4).(described)
	list, _ := state.value.([]any)
	for id := first; id <= last; id++ {
		u, ok := s.unsettled[id]
		delete(s.unsettled, id)
		if !ok || u.link.gone {
			continue // what crosses with a detach has no effect
		}
		answer := described{state.code, []any{}}
		if !s.settle(u.token, state.code, list) {
			answer = described{stateRejected, []any{amqpError("com.microsoft:message-lock-lost", lockLost)}}
		}
		s.frame(performDisposition, []any{false, id, id, true, answer}, nil)
	}
}

// settle translates a state: rejected is dead-lettered, modified is abandoned.
func (s *session) settle(token lockToken, state uint64, f fields) bool {
	server := s.connection.server
	switch state {
	case stateRejected:
		info := f.inner(0).dict(2)
		reason, _ := info.get("DeadLetterReason").(string)
		description, _ := info.get("DeadLetterErrorDescription").(string)
		return server.settle(token, buried, reason, description, info)
	case stateReleased:
		return server.settle(token, released, "", "", nil)
	case stateModified:
		return server.settle(token, abandoned, "", "", f.dict(2))
	default:
		return server.settle(token, completed, "", "", nil)
	}
}

// transfer takes a frame of a message, and the message when it is whole.
func (s *session) transfer(f fields, payload []byte) error {
	s.nextIn++
	l := s.links[f.uint32(0)]
	if l == nil || l.gone {
		return nil
	}
	if f.at(1) != nil {
		l.partialDelivery, l.format = f.uint32(1), f.uint32(3)
	}
	l.partial = append(l.partial, payload...)
	if more := f.bool(5); more {
		return nil
	}
	message := l.partial
	l.partial = nil
	l.count++
	if l.credit--; l.credit < creditLow {
		l.grant()
	}
	if isRequestLink(l.address) {
		s.acknowledge(l, described{stateAccepted, []any{}})
		s.request(l, message)
		return nil
	}
	server := s.connection.server
	state := described{stateAccepted, []any{}}
	if err := server.publish(server.entity(l.address), unbatched(l.format, message)); err != nil {
		state = described{stateRejected, []any{refusal(err)}}
	}
	if server.dropAck != nil && server.dropAck(l.address) {
		s.connection.reset()
		return errRefused
	}
	if settled := f.bool(4); !settled {
		s.acknowledge(l, state)
	}
	return nil
}

func (s *session) acknowledge(l *link, state described) {
	s.frame(performDisposition, []any{true, l.partialDelivery, l.partialDelivery, true, state}, nil)
}

// unbatched returns the messages of a transfer.
func unbatched(format uint32, payload []byte) [][]byte {
	if format != formatBatch {
		return [][]byte{payload}
	}
	var list [][]byte
	for d := (&decoder{bytes: payload}); d.more(); {
		if s := d.section(); s.code == sectionData {
			list = append(list, s.value.([]byte))
		}
	}
	return list
}
