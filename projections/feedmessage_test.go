package projections

import (
	"testing"

	"casesync/domain/notification"
	"casesync/domain/upload"
	"casesync/eventstore"
	"casesync/projections/engine"
)

// TestFeedsOfAnswers: what is held, unrecognised and given up of answers to uploads and notifications is seen
// as that of cases is, and what people and the system do with them has no place in any sequence.
func TestFeedsOfAnswers(t *testing.T) {
	t.Parallel()
	for stream, events := range map[eventstore.StreamName][]any{
		"upload-u1": {
			&upload.Begun{}, &upload.FactHeld{Origin: inSequence(4), Type: "upload.accepted.v1", Fact: &upload.Accepted{Origin: inSequence(4)}},
			&upload.Rejected{Origin: inSequence(1)}, &upload.FactUnrecognised{Origin: inSequence(2)}, &upload.SequenceSkipped{Source: "/cms", From: 6, To: 6},
		},
		"notification-n1": {
			&notification.Sent{}, &notification.FactHeld{Origin: inSequence(4), Type: "notification.rejected.v1", Fact: &notification.Rejected{Origin: inSequence(4)}},
			&notification.Acknowledged{Origin: inSequence(1)}, &notification.FactUnrecognised{Origin: inSequence(2)},
			&notification.SequenceSkipped{Source: "/cms", From: 6, To: 6},
		},
	} {
		projection := Feeds()
		rows := engine.NewRows(projection.Tables...)
		for n, event := range events {
			e := decoded(stream, 0, n+1, event)
			if key, wanted := projection.Key(e); !wanted || key != string(stream) {
				t.Errorf("%T: got the key %q, wanted %v", event, key, wanted)
			}
			if err := projection.Fold(rows, e); err != nil {
				t.Fatal(err)
			}
		}
		want := feedRow{
			Stream: string(stream), Source: "/cms", Next: 3, Held: 1, MissingFrom: 3, MissingTo: 3, Unrecognised: 1, Skipped: "6-6",
			HeldSince: micros(recordedAt(2)),
		}
		if got := feeds.Get(rows, string(stream), "/cms"); got == nil || *got != want {
			t.Errorf("%s: got %+v, want %+v", stream, got, want)
		}
	}
}
