package subject

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"casesync/adapters/commands"
	"casesync/domain/casefile"
	"casesync/eventstore"
)

// errNoParty: a party of a case is one of two.
var errNoParty = errors.New("a party is consumer or representative")

// ExportParty writes all that is kept about a case for one of its parties, casefile.Consumer or
// casefile.Representative, as one JSON document. It leaves out what is about somebody else: the other
// party, who handles the case at the Financial Ombudsman Service or works on it at the business; and
// documents that were given in confidence (requirement 71). Of files and notifications that a business sent about
// the case it says that there are: what stands in them has to be read for others first. It returns commands.ErrUnknown, and has
// written nothing, where there is no such case.
func (s *Subjects) ExportParty(ctx context.Context, w io.Writer, ref, party string) error {
	other, err := otherParty(party)
	if err != nil {
		return fmt.Errorf("export party: %w", err)
	}
	stream := eventstore.StreamName(caseStreams + ref)
	d := &document{w: w}
	for recorded, err := range s.config.Log.ReadStream(ctx, stream, 0) {
		if err != nil {
			return fmt.Errorf("export party: %w", err)
		}
		if recorded.Revision == 0 {
			member(d, "case", func() (string, error) { return ref, nil })
			member(d, "party", func() (string, error) { return party, nil })
			d.list("history", func(add func(any) error) error { return s.caseHistory(ctx, stream, other, add) })
			s.sent(ctx, d, Sent{Case: ref}, false)
		}
		break
	}
	if !d.begun {
		return fmt.Errorf("export party: %w", commands.ErrUnknown)
	}
	if err := d.end(); err != nil {
		return fmt.Errorf("export party: %w", err)
	}
	return nil
}

func otherParty(party string) (string, error) {
	switch party {
	case casefile.Consumer:
		return casefile.Representative, nil
	case casefile.Representative:
		return casefile.Consumer, nil
	}
	return "", errNoParty
}

func (s *Subjects) caseHistory(ctx context.Context, stream eventstore.StreamName, other string, add func(any) error) error {
	for recorded, err := range s.config.Log.ReadStream(ctx, stream, 0) {
		if err != nil {
			return err
		}
		event, err := s.open(ctx, recorded, func(path string) bool { return lastName(path) != other })
		if err != nil {
			return err
		}
		event.Actor, event.Reason = others(event.Actor, ""), ""
		withhold(event.Data, other)
		if err := add(event); err != nil {
			return err
		}
	}
	return nil
}

// lastName is the last name of a path: "consumer" of "fact.consumer".
func lastName(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// withhold takes out of an event what is about others, and documents given in confidence.
func withhold(data map[string]any, other string) {
	for name, value := range data {
		switch value := value.(type) {
		case map[string]any:
			if confidential, _ := value["confidential"].(bool); confidential {
				data[name] = "given in confidence"
				continue
			}
			withhold(value, other)
		case string:
			// Who the case is allocated to is a user id.
			if (name == "to" || name == "from") && value != "" {
				data[name] = anotherPerson
			}
		}
		if name == other || name == "handler" {
			delete(data, name)
		}
	}
}

// EraseParty erases a party of a case, and returns when nothing that was sealed for the party can be
// opened any more. Where ctx ends before that the erasure goes on all the same.
func (s *Subjects) EraseParty(ctx context.Context, ask commands.Ask, ref, party string) error {
	if _, err := otherParty(party); err != nil {
		return fmt.Errorf("erase party: %w", err)
	}
	if _, err := s.config.EraseParty(ctx, ask, ref, party); err != nil {
		return fmt.Errorf("erase party: %w", err)
	}
	stream := eventstore.StreamName(caseStreams + ref)
	position, err := s.lastOf(ctx, stream, func(event any) bool {
		erased, is := event.(*casefile.PartyErased)
		_, all := event.(*casefile.DataErased)
		return all || is && erased.Party == party
	})
	if err != nil {
		return err
	}
	if err := s.config.Reacted(ctx, position); err != nil {
		return fmt.Errorf("wait for the erasure: %w", err)
	}
	return s.closed(ctx, stream, func(path string) bool { return lastName(path) == party })
}
