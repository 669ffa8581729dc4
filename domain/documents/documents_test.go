package documents_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"casesync/domain"
	"casesync/domain/documents"
	"casesync/domain/domaintest"
	"casesync/domain/upload"
)

var decider = domaintest.Decider[*documents.State, documents.Command, documents.Event]{
	Initial: documents.Initial, Decide: documents.Decide, Evolve: documents.Evolve,
}

var limits = upload.Limits{FileBytesMax: 100, CaseFilesMax: 3, CaseBytesMax: 200}

func reserve(id string, bytes int64) documents.Command {
	return documents.Reserve{Upload: id, Bytes: bytes, Limits: limits}
}

func claim(id, digest string, bytes int64) documents.Command {
	return documents.Claim{Upload: id, Digest: digest, Bytes: bytes, Limits: limits}
}

func release(id string) documents.Command { return documents.Release{Upload: id} }

func reserved(id string, bytes int64) documents.Event {
	return &documents.PlaceReserved{Upload: id, Bytes: bytes}
}

func claimed(id, digest string, bytes int64) documents.Event {
	return &documents.DigestClaimed{Upload: id, Digest: digest, Bytes: bytes}
}

func released(id string) documents.Event { return &documents.PlaceReleased{Upload: id} }

func events(events ...documents.Event) []documents.Event { return events }

func TestDecide(t *testing.T) {
	t.Parallel()
	one := events(reserved("a", 50))
	both := events(reserved("a", 50), reserved("b", 50))
	held := events(reserved("a", 50), reserved("b", 50), claimed("a", "d1", 50))
	full := events(reserved("a", 50), reserved("b", 50), reserved("c", 50))
	domaintest.Run(t, decider, []domaintest.Case[documents.Command, documents.Event]{
		{Name: "reserved", When: reserve("a", 50), Then: one},
		{Name: "reserved twice: nothing happens", Given: one, When: reserve("a", 50)},
		{Name: "reserved after it was released", Given: events(reserved("a", 50), released("a")), When: reserve("a", 50), Then: one},
		{Name: "the last byte", Given: events(reserved("a", 150)), When: reserve("b", 50), Then: events(reserved("b", 50))},
		{Name: "one byte too many", Given: events(reserved("a", 151)), When: reserve("b", 50), Refused: "case-size-limit"},
		{Name: "one file too many", Given: full, When: reserve("d", 1), Refused: "case-files-limit"},
		{
			Name: "in the place of a released one", Given: append(slices.Clip(full), released("b")), When: reserve("d", 100),
			Then: events(reserved("d", 100)),
		},
		{Name: "claimed", Given: both, When: claim("a", "d1", 50), Then: held[2:]},
		{
			Name: "claimed, when the limits were lowered meanwhile", Given: append(slices.Clip(full), reserved("d", 50)), When: claim("d", "d1", 50),
			Then: events(claimed("d", "d1", 50)),
		},
		{Name: "claimed twice: nothing happens", Given: held, When: claim("a", "d1", 50)},
		{Name: "claimed by another one", Given: held, When: claim("b", "d1", 50), Refused: documents.CodeDuplicate},
		{Name: "another digest claimed", Given: held, When: claim("b", "d2", 50), Then: events(claimed("b", "d2", 50))},
		{
			Name: "claimed after its holder was released", Given: append(slices.Clip(held), released("a")), When: claim("b", "d1", 50),
			Then: events(claimed("b", "d1", 50)),
		},
		{
			Name: "claimed anew, before a retry", Given: append(slices.Clip(held), released("a")), When: claim("a", "d1", 50),
			Then: events(claimed("a", "d1", 50)),
		},
		{
			Name: "claimed anew, when another one has come meanwhile", Given: append(slices.Clip(held), released("a"), claimed("b", "d1", 50)),
			When: claim("a", "d1", 50), Refused: documents.CodeDuplicate,
		},
		{
			Name: "claimed anew, when the case is full", Given: append(slices.Clip(held), released("a"), reserved("c", 10), reserved("d", 10)),
			When: claim("a", "d1", 50), Refused: "case-files-limit",
		},
		{Name: "claimed with more than was reserved", Given: events(reserved("a", 150), reserved("b", 50)), When: claim("b", "d1", 51), Refused: "case-size-limit"},
		{Name: "claimed without a place", When: claim("a", "d1", 50), Then: events(claimed("a", "d1", 50))},
		{Name: "released", Given: held, When: release("a"), Then: events(released("a"))},
		{Name: "released twice: nothing happens", Given: events(reserved("a", 50), released("a")), When: release("a")},
		{Name: "released, and never there: nothing happens", When: release("a")},
	})
	for _, command := range []documents.Command{reserve("", 1), reserve("a", 0), claim("a", "", 1), claim("", "d", 1), claim("a", "d", 0), nil} {
		if got, err := documents.Decide(documents.Initial(), command); err == nil || got != nil {
			t.Errorf("%+v: got %v, %v, want an error", command, got, err)
		}
	}
}

// TestDuplicateNamesTheOther: so that a person is told which of his files it is.
func TestDuplicateNamesTheOther(t *testing.T) {
	t.Parallel()
	_, err := documents.Decide(decider.State(claimed("a", "d1", 50)), claim("b", "d1", 50))
	var duplicate *documents.Duplicate
	if !errors.As(err, &duplicate) || duplicate.Of != "a" {
		t.Errorf("got %v, want a duplicate of a", err)
	}
	var refusal *domain.Refusal
	if !errors.As(err, &refusal) || refusal.Code != documents.CodeDuplicate || err.Error() != refusal.Error() {
		t.Errorf("got %v, want it to be a refusal as well", err)
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	s := decider.State(reserved("b", 50), reserved("a", 20), claimed("a", "d1", 30), reserved("c", 5), released("b"))
	files, bytes := s.Used()
	got := fmt.Sprint(s.Uploads(), s.Taken(), files, bytes, s.Holder("d1"), s.Holder("d2"), s.Holder(""))
	if want := "[a b c] [a c] 2 35a"; got != want {
		t.Errorf("state: got %s, want %s", got, want)
	}
}

// TestWhateverIsAsked: the limits hold, a digest has one holder, and what is counted is what is there.
func TestWhateverIsAsked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state, same := documents.Initial(), documents.Initial()
		sizes := map[string]int64{}
		holders := map[string]string{}
		for range rapid.IntRange(1, 60).Draw(t, "commands") {
			id := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "upload")
			digest := rapid.SampledFrom([]string{"d1", "d2"}).Draw(t, "digest")
			bytes := rapid.Int64Range(1, 120).Draw(t, "bytes")
			decided, err := decider.Check(state, same, rapid.SampledFrom([]documents.Command{
				reserve(id, bytes), claim(id, digest, bytes), release(id),
			}).Draw(t, "command"))
			if err != nil {
				continue
			}
			for _, event := range decided {
				state, same = documents.Evolve(state, event), documents.Evolve(same, event)
				switch event := event.(type) {
				case *documents.PlaceReserved:
					sizes[event.Upload] = event.Bytes
				case *documents.DigestClaimed:
					sizes[event.Upload], holders[event.Upload] = event.Bytes, event.Digest
				case *documents.PlaceReleased:
					delete(sizes, event.Upload)
					delete(holders, event.Upload)
				}
			}
			files, used := state.Used()
			var sum int64
			for _, size := range sizes {
				sum += size
			}
			if files != len(sizes) || used != sum || files > limits.CaseFilesMax || used > limits.CaseBytesMax {
				t.Fatalf("used: got %d files, %d bytes, of %v", files, used, sizes)
			}
			held := map[string]string{}
			for id, digest := range holders {
				if other, twice := held[digest]; twice {
					t.Fatalf("%s and %s both hold %s", id, other, digest)
				}
				held[digest] = id
			}
		}
	})
}
