package sbtest

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// request is a request over a link to $cbs or to an entity's $management.
type request struct {
	session     *session
	id          any
	replyTo     string
	application fieldMap
	body        fieldMap
}

// request answers a request.
func (s *session) request(l *link, message []byte) {
	r := &request{session: s}
	for d := (&decoder{bytes: message}); d.more(); {
		section := d.section()
		switch section.code {
		case sectionProperties:
			list, _ := section.value.([]any)
			r.id, r.replyTo = fields(list).at(0), fields(list).text(4)
		case sectionApplication:
			r.application, _ = section.value.(fieldMap)
		case sectionValue:
			r.body, _ = section.value.(fieldMap)
		}
	}
	if l.address == claimsNode {
		r.authorise()
		return
	}
	q := s.connection.server.queueAt(strings.TrimSuffix(l.address, managementSuffix))
	if q == nil {
		r.reply(404, "The messaging entity could not be found.", nil)
		return
	}
	operation, _ := r.application.get("operation").(string)
	handle := operations[operation]
	if handle == nil {
		r.reply(501, "unsupported operation "+operation, nil)
		return
	}
	handle(r, q)
}

// reply sends the answer. Both spellings of the status are in use.
func (r *request) reply(code int32, description string, body any) {
	out := r.session.connection.replies[r.replyTo]
	if out == nil {
		return
	}
	m := encode(nil, described{sectionProperties, []any{nil, nil, nil, nil, nil, r.id}})
	m = encode(m, described{sectionApplication, fieldMap{
		"status-code", code, "status-description", description, "statusCode", code, "statusDescription", description,
	}})
	out.replies = append(out.replies, encode(m, described{sectionValue, body}))
	out.flush()
}

// authorise answers a put-token. The service says here that an entity does not exist.
func (r *request) authorise() {
	server := r.session.connection.server
	audience, err := url.Parse(fmt.Sprint(r.application.get("name")))
	if err != nil {
		r.reply(400, "The audience is no URL.", nil)
		return
	}
	path := strings.TrimSuffix(strings.Trim(audience.Path, "/"), managementSuffix)
	switch {
	case server.refuse != nil && server.refuse(path):
		r.reply(401, "The token has an invalid signature.", nil)
	case path != "" && server.queueAt(path) == nil && server.entity(path) == nil:
		r.reply(404, "The messaging entity '"+path+"' could not be found.", nil)
	default:
		r.reply(202, "Accepted", nil)
	}
}

// operations are what an entity's management link can do.
var operations = map[string]func(*request, *queue){
	"com.microsoft:renew-lock":         (*request).renewLocks,
	"com.microsoft:renew-session-lock": (*request).renewSession,
	"com.microsoft:update-disposition": (*request).updateDisposition,
	"com.microsoft:peek-message":       (*request).peek,
}

func (r *request) tokens() []lockToken {
	list, _ := r.body.get("lock-tokens").(array)
	tokens := make([]lockToken, 0, len(list.elements))
	for _, element := range list.elements {
		if id, ok := element.(uuid); ok {
			tokens = append(tokens, lockToken(id).swapped())
		}
	}
	return tokens
}

func (r *request) renewLocks(q *queue) {
	until := time.Now().Add(q.options.Lock)
	expirations := array{code: 0x83}
	for _, token := range r.tokens() {
		l := q.server.locks[token]
		if l == nil {
			r.reply(410, lockLost, nil)
			return
		}
		l.until = until
		expirations.elements = append(expirations.elements, until)
	}
	r.reply(200, "OK", fieldMap{"expirations", expirations})
}

func (r *request) renewSession(q *queue) {
	id, _ := r.body.get("session-id").(string)
	s := q.session(id)
	if s.holder == nil {
		r.reply(410, "The session lock was lost.", nil)
		return
	}
	s.until = time.Now().Add(q.options.Lock)
	r.reply(200, "OK", fieldMap{"expiration", s.until})
}

func (r *request) updateDisposition(q *queue) {
	what, known := map[string]outcome{"completed": completed, "abandoned": abandoned, "suspended": buried}[fmt.Sprint(r.body.get("disposition-status"))]
	if !known {
		r.reply(501, "unsupported disposition", nil)
		return
	}
	reason, _ := r.body.get("deadletter-reason").(string)
	description, _ := r.body.get("deadletter-description").(string)
	changes, _ := r.body.get("properties-to-modify").(fieldMap)
	for _, token := range r.tokens() {
		if !q.server.settle(token, what, reason, description, changes) {
			r.reply(410, lockLost, nil)
			return
		}
	}
	r.reply(200, "OK", nil)
}

func (r *request) peek(q *queue) {
	from, _ := r.body.get("from-sequence-number").(int64)
	most, _ := r.body.get("message-count").(int32)
	var list []any
	for _, m := range q.all() {
		if m.sequence >= from && len(list) < int(most) {
			list = append(list, fieldMap{"message", m.encode(time.Time{}, nil)})
		}
	}
	if len(list) == 0 {
		r.reply(204, "No messages", nil)
		return
	}
	r.reply(200, "OK", fieldMap{"messages", list})
}
