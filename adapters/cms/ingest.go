// Package cms takes the events of case management systems: over HTTP, from files, and from whatever
// else hands their bytes to an [Ingester].
//
// It promises that an event is answered only when what the answer says is durable: accepted and
// held events stand in the log, and rejected ones are kept whole as dead letters. Events of one
// case are decided in the order in which they came, events of different cases side by side; a
// rejected one stands in no other case's way. The same events again have no effect, so that a
// sender who is in doubt sends again.
//
// The life of an event: received → parsed, checked against its schema and translated into a fact
// ([Ingester.Parse], pure) → decided and appended → answered. A crash before the append leaves
// nothing of it; a crash after it leaves an event that the sender was not told of, whose repetition
// is answered as a duplicate. The formats are in schemas/cms.
package cms

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"

	"golang.org/x/sync/errgroup"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/eventstore"
)

// Config says what an Ingester works with.
type Config struct {
	// Commands decides.
	Commands *commands.Commands
	// DeadLetters keeps what is rejected.
	DeadLetters commands.DeadLetters
	// DigestKey is the secret of digests and of persons' pseudonyms, 32 bytes: the data key of
	// the subject "digest". It must never change: under another key a repetition looks like a conflict.
	DigestKey []byte
	// Limits bound what is taken.
	Limits Limits
	// CasesAtOnceMax is how many cases are decided at the same time; default 256. The log writes
	// what waits at the same time in one transaction, so more is faster, up to a point.
	CasesAtOnceMax int
	// Answered is told what became of each event that Take returned a result for, so that they can
	// be counted; it must be safe for concurrent use. Default: nobody is told.
	Answered func(commands.Status)
	// Logger is told of faults; default slog.Default().
	Logger *slog.Logger
}

// Limits bound what is taken; a zero field stands for its default.
type Limits struct {
	// BodyBytesMax is the length of a request's body; default 8 MiB.
	BodyBytesMax int
	// EventBytesMax is the length of one event; default 1 MiB.
	EventBytesMax int
	// BatchEventsMax is the number of events in a batch; default 1,000.
	BatchEventsMax int
}

func (l Limits) withDefaults() Limits {
	return Limits{
		BodyBytesMax:   orDefault(l.BodyBytesMax, 8<<20),
		EventBytesMax:  orDefault(l.EventBytesMax, 1<<20),
		BatchEventsMax: orDefault(l.BatchEventsMax, 1_000),
	}
}

func orDefault(value, standard int) int {
	if value <= 0 {
		return standard
	}
	return value
}

// An Ingester takes events. It is safe for concurrent use.
type Ingester struct {
	commands       *commands.Commands
	letters        commands.DeadLetters
	translator     translator
	validator      *validator
	limits         Limits
	casesAtOnceMax int
	answered       func(commands.Status)
	logger         *slog.Logger
}

const digestKeyBytes = 32

// NewIngester returns an ingester.
func NewIngester(config Config) (*Ingester, error) {
	if len(config.DigestKey) != digestKeyBytes {
		return nil, fmt.Errorf("make ingester: the digest key has %d bytes, want %d", len(config.DigestKey), digestKeyBytes)
	}
	validator, err := newValidator()
	if err != nil {
		return nil, fmt.Errorf("make ingester: %w", err)
	}
	if config.Answered == nil {
		config.Answered = func(commands.Status) {}
	}
	return &Ingester{
		commands: config.Commands, letters: config.DeadLetters, translator: translator{config.DigestKey},
		validator: validator, limits: config.Limits.withDefaults(), casesAtOnceMax: orDefault(config.CasesAtOnceMax, 256),
		answered: config.Answered, logger: cmp.Or(config.Logger, slog.Default()),
	}, nil
}

// A Sender is who hands in messages, and how.
type Sender struct {
	// By needs the permission to publish events. If it has a Source, it speaks for that one only.
	By access.Principal
	// Via is the way that its messages come: "http", "file", "servicebus".
	Via string
}

// A Result is what became of a message.
type Result struct {
	// ID is the event's CloudEvents id, "" if it could not be read.
	ID string
	commands.Verdict
}

// ParseAll parses messages on all processors; see Parse.
func (in *Ingester) ParseAll(originals [][]byte) []Message {
	messages := make([]Message, len(originals))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, original := range originals {
		group.Go(func() error {
			messages[i] = in.Parse(original)
			return nil
		})
	}
	_ = group.Wait() // parsing has no errors, only faults
	return messages
}

// Take takes messages, and returns what became of each, in their order. Messages of one subject are
// decided in order, others side by side. When it returns nil, everything that the results say is
// durable. An error (the database is down, the disk is full) says nothing about any of them: some
// may have been taken, and all must be sent again. commands.ErrForbidden is returned for a sender
// who may not publish.
func (in *Ingester) Take(ctx context.Context, sender Sender, messages []Message) ([]Result, error) {
	if err := commands.Allow(sender.By, access.PublishEvents); err != nil {
		return nil, err
	}
	results := make([]Result, len(messages))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(in.casesAtOnceMax)
	for _, indexes := range bySubject(messages) {
		group.Go(func() error {
			for _, i := range indexes {
				var err error
				if results[i], err = in.take(ctx, sender, messages[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return results, err
	}
	for _, result := range results {
		in.answered(result.Status)
	}
	return results, nil
}

// bySubject groups the indexes of messages by what they speak of, in their order.
func bySubject(messages []Message) [][]int {
	var groups [][]int
	group := map[eventstore.StreamName]int{}
	for i := range messages {
		stream := messages[i].stream()
		g, known := group[stream]
		if !known {
			g = len(groups)
			group[stream] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], i)
	}
	return groups
}

// take takes one message.
func (in *Ingester) take(ctx context.Context, sender Sender, m Message) (Result, error) {
	m.Fault = cmp.Or(sourceFault(sender, &m), m.Fault)
	if m.Fault != nil {
		return in.reject(ctx, sender, m)
	}
	verdict, err := in.decide(ctx, sender.By, &m, nil)
	if err != nil {
		return Result{}, err
	}
	if verdict.Status == commands.Rejected {
		m.Fault = &Fault{verdict.Code, verdict.Reason}
		return in.reject(ctx, sender, m)
	}
	return Result{m.ID, verdict}, nil
}

// sourceFault is the fault of a message whose sender may not speak for its source. Of a message
// without a readable source its own fault says enough.
func sourceFault(sender Sender, m *Message) *Fault {
	if own := sender.By.Source; own == "" || m.Source == "" || m.Source == own {
		return nil
	}
	return &Fault{CodeSource, "The event's source is not the one that this token may publish for: send it with that system's own token, or have one issued."}
}

// decide asks what a message speaks of.
func (in *Ingester) decide(ctx context.Context, by access.Principal, m *Message, retry *commands.Retry) (commands.Verdict, error) {
	switch {
	case m.of(familyBusiness):
		return in.commands.RecordBusiness(ctx, by, m.Subject, m.origin, m.businessFact, retry)
	case m.of(familyUpload):
		return in.commands.RecordUpload(ctx, by, m.Subject, m.origin, m.uploadFact, retry)
	case m.of(familyNotification):
		return in.commands.RecordNotification(ctx, by, m.Subject, m.origin, m.notificationFact, retry)
	}
	return in.commands.RecordCase(ctx, by, m.Subject, m.origin, m.caseFact, retry)
}

// reject keeps a message as a dead letter, and only then answers. A message of an unknown type
// takes its place in the sequence after that: a crash in between leaves a letter whose message is
// sent again, counted, and then takes its place.
func (in *Ingester) reject(ctx context.Context, sender Sender, m Message) (Result, error) {
	if err := in.letters.Keep(ctx, in.letter(sender, &m)); err != nil {
		return Result{}, fmt.Errorf("keep dead letter: %w", err)
	}
	rejected := Result{m.ID, commands.Verdict{Status: commands.Rejected, Code: m.Fault.Code, Reason: m.Fault.Reason}}
	if m.Fault.Code != CodeType || m.stream() == "" {
		return rejected, nil
	}
	verdict, err := in.decide(ctx, sender.By, &m, nil)
	switch {
	case err != nil:
		return Result{}, err
	case verdict.Status == commands.Duplicate:
		return Result{m.ID, verdict}, nil
	}
	rejected.Position = verdict.Position
	return rejected, nil
}

// Bury keeps a message that a broker gave up as a dead letter, for the broker's reason, and does not try to take it:
// that may be what it was given up for. When it returns nil the letter is durable; the same message again is counted. Of
// a message that the sender may not speak for that is said, as of any other.
func (in *Ingester) Bury(ctx context.Context, sender Sender, m Message, reason string) error {
	if err := commands.Allow(sender.By, access.PublishEvents); err != nil {
		return err
	}
	m.Fault = cmp.Or(sourceFault(sender, &m), &Fault{CodeDeadLettered, reason})
	if err := in.letters.Keep(ctx, in.letter(sender, &m)); err != nil {
		return fmt.Errorf("keep dead letter: %w", err)
	}
	return nil
}

func (in *Ingester) letter(sender Sender, m *Message) commands.DeadLetter {
	return commands.DeadLetter{
		Source: m.Source, EventID: m.ID, Type: m.Type, Subject: m.Subject, Sequence: m.Sequence, Stream: m.stream(), About: m.about(),
		Code: m.Fault.Code, Reason: m.Fault.Reason, Via: sender.Via, Fingerprint: in.translator.fingerprint(m), Original: m.Original,
	}
}

// errErased is returned for a letter without its message.
var errErased = errors.New("the letter has no message")

// Retake takes the message of a dead letter again, for an operator: checked by the schemas of now,
// whoever may speak for its source. It is commands.Desk's Retake.
func (in *Ingester) Retake(ctx context.Context, by access.Principal, letter commands.DeadLetter, reason string) (commands.Verdict, error) {
	if letter.Original == nil {
		return commands.Verdict{}, errErased
	}
	m := in.Parse(letter.Original)
	if m.Fault != nil {
		return commands.Verdict{Status: commands.Rejected, Code: m.Fault.Code, Reason: m.Fault.Reason}, nil
	}
	return in.decide(ctx, by, &m, &commands.Retry{Reason: reason})
}
