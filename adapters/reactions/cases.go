package reactions

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"casesync/domain/casefile"
	"casesync/domain/private"
	"casesync/eventstore"
)

// personSubjects begin the subjects of the keys of persons whom a source knows across cases.
const personSubjects = "person-"

// dataErased removes what is kept of a case beside the log, and destroys its keys last: those of its
// parties, of the files that were sent about it, and of the list of them (requirement 64). Notifications
// have no keys of their own: what they say, and why operators answered them, is sealed for the case.
// One that is still in line is withdrawn by whoever comes to publish it.
//
// Where the source has said something since, the keys are left: they may be of what it said. A case
// that is closed is erased anew at the next sweep, by an event that comes after that; one that was
// reopened is not to be erased.
func (r *Reactions) dataErased(ctx context.Context, ref string, event eventstore.Decoded) error {
	erased := false
	err := r.cases.State(ctx, event.Stream, func(s *casefile.State, _ eventstore.Revision) { erased = s.DataErased() })
	if err != nil {
		return fmt.Errorf("read case: %w", err)
	}
	if !erased {
		return nil
	}
	uploads, err := r.eraseFiles(ctx, ref)
	if err != nil {
		return err
	}
	streams := append([]string{string(event.Stream), shelfStreams + ref}, uploads...)
	for _, stream := range streams {
		if err := r.config.PurgeLetters(ctx, eventstore.StreamName(stream)); err != nil {
			return fmt.Errorf("purge dead letters: %w", err)
		}
	}
	// A crash here leaves the keys, until the next start.
	return r.destroyKeys(ctx, event, streams...)
}

// eraseFiles ends what was uploaded to a case, removes its bytes and those of the key documents that were
// fetched, and returns the streams of the uploads. A crash in it leaves some bytes, until the next start.
func (r *Reactions) eraseFiles(ctx context.Context, ref string) (streams []string, err error) {
	ids, err := r.config.EraseUploads(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("erase uploads: %w", err)
	}
	for _, id := range ids {
		if err := r.config.RemoveUpload(ctx, id); err != nil {
			return nil, fmt.Errorf("remove upload %s: %w", id, err)
		}
		streams = append(streams, uploadStreams+id)
	}
	if err := r.config.ForgetDocuments(ctx, ref); err != nil {
		return nil, fmt.Errorf("forget key documents: %w", err)
	}
	return streams, nil
}

// partyErased removes what rejected messages say of a party, which is sealed for the whole case, and
// destroys the party's key last; where the source knows the person across cases, that is the
// person's, and the person is erased from all of them. It does so also where the source has named
// the party again since: somebody asked for the erasure, and the source can be asked to send again.
func (r *Reactions) partyErased(ctx context.Context, _ string, event eventstore.Decoded) error {
	party := event.Event.(*casefile.PartyErased).Party
	subjects, err := r.subjectsOf(ctx, event, party)
	if err != nil {
		return err
	}
	if err := r.config.PurgeLetters(ctx, event.Stream); err != nil {
		return fmt.Errorf("purge dead letters: %w", err)
	}
	// A crash here leaves the keys, until the next start.
	return r.destroyKeys(ctx, event, subjects...)
}

// destroyKeys destroys the data keys of subjects and of all below them, as an event orders. A crash after
// it leaves the checkpoint before the event: the order comes again, and destroys nothing more.
func (r *Reactions) destroyKeys(ctx context.Context, event eventstore.Decoded, subjects ...string) error {
	if err := r.config.DestroyKeys(ctx, event.ID.String(), subjects...); err != nil {
		return fmt.Errorf("destroy keys: %w", err)
	}
	return nil
}

// subjectsOf returns whose keys seal a party of a case that was erased: the party's own, and those of the
// persons that the source had named as that party until then. Whom it names later is not to be erased.
func (r *Reactions) subjectsOf(ctx context.Context, erased eventstore.Decoded, party string) ([]string, error) {
	subjects := []string{string(erased.Stream) + "/" + party}
	for recorded, err := range r.config.Log.ReadStream(ctx, erased.Stream, 0) {
		if err != nil {
			return nil, fmt.Errorf("find keys of %s: %w", party, err)
		}
		if recorded.Revision >= erased.Revision {
			break
		}
		decoded, err := r.config.Codec.Decode(recorded)
		if err != nil {
			return nil, fmt.Errorf("find keys of %s: %w", party, err)
		}
		value := partyOf(decoded.Event, party)
		sealed, _ := value.Sealed()
		for _, subject := range eventstore.SubjectsOf(sealed) {
			if strings.HasPrefix(subject, personSubjects) && !slices.Contains(subjects, subject) {
				subjects = append(subjects, subject)
			}
		}
	}
	return subjects, nil
}

// partyOf returns what an event says of a party, absent if it says nothing.
func partyOf(event any, party string) private.Value[casefile.Party] {
	var consumer, representative private.Value[casefile.Party]
	switch event := event.(type) {
	case *casefile.Converted:
		consumer, representative = event.Consumer, event.Representative
	case *casefile.DetailsChanged:
		consumer, representative = event.Consumer, event.Representative
	case *casefile.SnapshotTaken:
		consumer, representative = event.Consumer, event.Representative
	case *casefile.FactHeld:
		return partyOf(event.Fact, party)
	}
	if party == casefile.Representative {
		return representative
	}
	return consumer
}
