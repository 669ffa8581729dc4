package demoscan

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"casesync/adapters/documents/clamd"
	"casesync/adapters/documents/uploads"
)

var _ uploads.Scanner = Scanner{}

// TestTheTestFile: what is looked for is the published test file, to the byte.
func TestTheTestFile(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256(eicar)
	const published = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"
	if got := hex.EncodeToString(sum[:]); got != published || len(eicar) != 68 {
		t.Errorf("got %s of %d bytes, want %s of 68", got, len(eicar), published)
	}
}

func scan(t *testing.T, r io.Reader, size int) clamd.Result {
	t.Helper()
	result, err := Scanner{}.Scan(t.Context(), r, int64(size))
	if err != nil {
		t.Fatalf("scan: %v", err)
	}
	if version, err := (Scanner{}).Version(t.Context()); err != nil || result.Scanner != version || !strings.HasPrefix(version, "demonstration") {
		t.Errorf("got scanner %q, version %q, %v, want one that says what it is", result.Scanner, version, err)
	}
	return result
}

// TestFound: the test file is found wherever it stands, also across two reads, however small those are.
func TestFound(t *testing.T) {
	t.Parallel()
	for _, before := range []int{0, 1, chunkBytes - 67, chunkBytes - 1, chunkBytes, 2*chunkBytes - 34, 3*chunkBytes + 5} {
		for _, after := range []int{0, 1, chunkBytes} {
			file := bytes.Join([][]byte{bytes.Repeat([]byte{'X'}, before), eicar, bytes.Repeat([]byte{'X'}, after)}, nil)
			for name, r := range map[string]io.Reader{
				"whole": bytes.NewReader(file), "byte by byte": iotest.OneByteReader(bytes.NewReader(file)), "with its end": iotest.DataErrReader(bytes.NewReader(file)),
			} {
				if got := scan(t, r, len(file)); got.Clean || got.Finding != Finding {
					t.Errorf("%d bytes before, %d after, %s: got %+v, want %q", before, after, name, got, Finding)
				}
			}
		}
	}
}

// TestClean: everything else is clean to it, also nearly the test file, two halves with something between, and the
// test file packed in an archive.
func TestClean(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	entry, err := archive.Create("eicar.com")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := entry.Write(bytes.Repeat(eicar, 9)); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	halves := append(append(bytes.Clone(eicar[:34]), bytes.Repeat([]byte{'-'}, chunkBytes)...), eicar[34:]...)
	for name, file := range map[string][]byte{
		"nothing": {}, "text": []byte("%PDF-1.7 a letter"), "cut off": eicar[:67], "another case": bytes.ToLower(eicar),
		"halves": halves, "packed": packed.Bytes(), "large": bytes.Repeat([]byte{'X'}, 5*chunkBytes+3),
	} {
		if got := scan(t, bytes.NewReader(file), len(file)); !got.Clean || got.Finding != "" {
			t.Errorf("%s: got %+v, want clean", name, got)
		}
	}
}

// TestUnread: what was not read whole, or is another file than was told, is neither clean nor found.
func TestUnread(t *testing.T) {
	t.Parallel()
	broken := errors.New("altered")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		file io.Reader
		size int64
	}{
		"shorter":           {t.Context(), strings.NewReader("abc"), 4},
		"longer":            {t.Context(), strings.NewReader("abcde"), 4},
		"broken":            {t.Context(), iotest.ErrReader(broken), 4},
		"broken at its end": {t.Context(), io.MultiReader(strings.NewReader("abcd"), iotest.ErrReader(broken)), 4},
		"given up":          {cancelled, strings.NewReader("abcd"), 4},
	} {
		if result, err := (Scanner{}).Scan(c.ctx, c.file, c.size); err == nil || result.Clean || result.Finding != "" {
			t.Errorf("%s: got %+v, %v, want an error alone", name, result, err)
		}
	}
}
