package eventstore_test

import (
	"strings"
	"testing"

	es "casesync/eventstore"
)

// The envelope of a value that everything about is known of: its keys are there, so that only
// its own integrity keeps an altered one shut.
func knownEnvelope(tb testing.TB, text string) (*es.Codec, string) {
	tb.Helper()
	codec := newCodec(newKeys())
	event := encodeOne(tb, codec, "box-1", &opened{Person: secretOf(text)})
	return codec, decode(tb, codec, recordedAs("box-1", event)).Event.(*opened).Person.envelope()
}

func TestNoAlterationOfAnEnvelopeOpens(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"Ada", "Adam", "Adele"} { // base64 with 0, 4 and 2 bits to spare
		codec, envelope := knownEnvelope(t, text)
		for i := range len(envelope) {
			for _, altered := range []string{
				envelope[:i] + string(envelope[i]^1) + envelope[i+1:],
				envelope[:i] + string(envelope[i]+1) + envelope[i+1:], // at the end, only bits to spare
				envelope[:i] + envelope[i+1:],
				envelope[:i] + "\n" + envelope[i:],
				envelope[:i] + "A" + envelope[i:],
				envelope[:i],
			} {
				if opened, _ := codec.OpenEnvelopes(t.Context(), altered); opened[0] != nil {
					t.Errorf("%q opens as %s, want it to stay shut", altered, opened[0])
				}
			}
		}
	}
}

func FuzzEnvelopes(f *testing.F) {
	codec, envelope := knownEnvelope(f, "Adam")
	parts := strings.Split(envelope, ".")
	f.Add(envelope)
	f.Add("")
	f.Add("|")
	f.Add("box-1|v1..")
	f.Add("box-1|v1.box-1..")
	f.Add(strings.Join(parts[:3], "."))
	f.Add(strings.ToUpper(envelope))
	f.Add(envelope + "=")
	f.Fuzz(func(t *testing.T, text string) {
		opened, err := codec.OpenEnvelopes(t.Context(), text)
		if len(opened) != 1 {
			t.Fatalf("got %d answers, want 1", len(opened))
		}
		if (opened[0] != nil || err != nil) && text == "" {
			t.Errorf("no envelope gives %s, %v, want nothing", opened[0], err)
		}
		if opened[0] != nil && text != envelope {
			t.Errorf("%q opens as %s, want it to stay shut", text, opened[0])
		}
	})
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	for subject, fits := range map[string]bool{
		"case-1": true, "case-A.1_x/consumer": true, "søk": true, strings.Repeat("x", 200): true,
		"": false, "a#2": false, "a+b": false, "a|b": false, "a\n": false, "a\xff": false, strings.Repeat("x", 201): false,
	} {
		if err := es.CheckSubject(subject); (err == nil) != fits {
			t.Errorf("CheckSubject(%q) = %v, want fit %v", subject, err, fits)
		}
	}
	for id, want := range map[string]string{"case-1/consumer": "case-1/consumer", "case-1#12": "case-1"} {
		if got := es.SubjectOf(id); got != want {
			t.Errorf("SubjectOf(%q) = %q, want %q", id, got, want)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	codec := newCodec(newKeys())
	event := &opened{Person: secretOf(strings.Repeat("x", 400))}
	b.ReportAllocs()
	for b.Loop() {
		encodeOne(b, codec, "box-1", event)
	}
}

func BenchmarkDecode(b *testing.B) {
	codec := newCodec(newKeys())
	recorded := recordedAs("box-1", encodeOne(b, codec, "box-1", &opened{Person: secretOf(strings.Repeat("x", 400))}))
	b.ReportAllocs()
	for b.Loop() {
		decode(b, codec, recorded)
	}
}

func BenchmarkOpenEnvelope(b *testing.B) {
	codec := newCodec(newKeys())
	event := encodeOne(b, codec, "box-1", &opened{Person: secretOf(strings.Repeat("x", 400))})
	envelope := decode(b, codec, recordedAs("box-1", event)).Event.(*opened).Person.envelope()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := codec.OpenEnvelopes(b.Context(), envelope); err != nil {
			b.Fatal(err)
		}
	}
}
