// Package demoscan stands in for a virus scanner in a demonstration, where none runs. It finds the EICAR test file
// and nothing else: it protects nobody, and says so wherever what it found is shown. Whoever serves anything but a
// demonstration must use package clamd; the program has no setting that names this one, and `serve --demo`
// alone makes it.
//
// It promises no more than this: the sixty-eight bytes of the test file are found wherever they stand in a file, by
// streaming, so that what follows from a finding can be seen. It looks into nothing: bytes that are packed, as
// in an archive, are others.
package demoscan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"casesync/adapters/documents/clamd"
)

// Name is what the scanner calls itself, wherever a scanner is shown.
const Name = "demonstration: finds the EICAR test file and nothing else"

// Finding is what it calls the test file.
const Finding = "Demonstration.EICAR-Test-File"

// eicar is the test file, in two parts, so that neither this file nor the program is taken for one.
var eicar = []byte(`X5O!P%@AP[4\PZX54(P^)7CC)7}$` + "EICAR-STANDARD-" + `ANTIVIRUS-TEST-FILE!$H+H*`)

// Scanner looks for the test file. Its zero value works, and it is safe for concurrent use.
type Scanner struct{}

// Version returns Name.
func (Scanner) Version(context.Context) (string, error) { return Name, nil }

// chunkBytes is how much is looked at at a time.
const chunkBytes = 64 << 10

// Scan looks for the test file in the size bytes of r. It reads them all, and their end, where a reader finds out
// that something was altered. The error is one of reading, or the context's.
func (Scanner) Scan(ctx context.Context, r io.Reader, size int64) (clamd.Result, error) {
	// What was left of a chunk is looked at again with the next, for the test file may stand across the two.
	kept := len(eicar) - 1
	window := make([]byte, 0, kept+chunkBytes)
	found := false
	for left := size; left > 0; {
		if err := ctx.Err(); err != nil {
			return clamd.Result{}, err
		}
		begin := len(window)
		window = window[:begin+int(min(chunkBytes, left))]
		n, err := io.ReadFull(r, window[begin:])
		if err != nil {
			return clamd.Result{}, fmt.Errorf("read file to scan: %w", err)
		}
		left -= int64(n)
		found = found || bytes.Contains(window, eicar)
		window = append(window[:0], window[max(0, len(window)-kept):]...)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		return clamd.Result{}, fmt.Errorf("read file to scan: it does not end after %d bytes: %w", size, err)
	}
	if found {
		return clamd.Result{Finding: Finding, Scanner: Name}, nil
	}
	return clamd.Result{Clean: true, Scanner: Name}, nil
}
