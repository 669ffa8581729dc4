package inspect_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"casesync/adapters/documents/inspect"
)

// FuzzFile looks into anything: there is an answer, and it is a type, a pass or a hold.
func FuzzFile(f *testing.F) {
	f.Add(office(f, "word"))
	f.Add(archive(f, part{"a.zip", archive(f, part{"b", []byte("x")})}))
	f.Add(compoundFile(1, "WordDocument"))
	f.Add([]byte(mail))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		mediaType, err := inspect.MediaType(r, int64(len(data)))
		if err != nil || !strings.Contains(mediaType, "/") || strings.Contains(mediaType, ";") {
			t.Errorf("got %q, %v, want a type", mediaType, err)
		}
		err = inspect.Archive(context.Background(), r, int64(len(data)), inspect.Limits{PartsMax: 50, UnpackedBytesMax: 8 << 20, NestedBytesMax: 1 << 20})
		var hold *inspect.Hold
		if err != nil && !errors.As(err, &hold) {
			t.Errorf("got %v, want a hold", err)
		}
	})
}
