package cms

import (
	"maps"
	"slices"
	"testing"
)

// BenchmarkParse is the work on an event before its case is asked, on one core.
func BenchmarkParse(b *testing.B) {
	in := newParser(b)
	events := slices.Collect(maps.Values(examples(b)))
	var bytes int64
	for _, event := range events {
		bytes += int64(len(event))
	}
	b.SetBytes(bytes / int64(len(events)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if m := in.Parse(events[i%len(events)]); m.Fault != nil {
			b.Fatal(m.Fault)
		}
	}
}
