// Package inspect finds out what a file is by its bytes, and whether an archive can be looked into safely. It promises
// (requirement 54):
//
//   - A type is found out from the content alone: a name counts for nothing. What is not known for sure is
//     application/octet-stream, which nobody should allow.
//   - Office files are told apart by what is in them, not by their first bytes: OpenXML and OpenDocument by the parts
//     of the archive, older ones and Outlook messages by the streams of the compound file. Those with macros of
//     the OpenXML kind have a type of their own, and those that need a password are Encrypted.
//   - No archive is taken for harmless because it is too large to look into: parts are counted, unpacked and
//     measured as they really are, whatever their directory says, archives in archives too; whatever is over a limit, encrypted,
//     damaged, or an archive of a kind that is not looked into gives a *Hold.
//   - A file is read in place, never unpacked to a disk; an archive in an archive is held in memory up to
//     Limits.NestedBytesMax, all levels together.
//
// It opens no network connection, starts no program, and reads no file but the one it is given.
package inspect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/gabriel-vasile/mimetype"
)

// Types that this package tells apart beyond those of the mimetype library.
const (
	Unknown = "application/octet-stream"
	// Encrypted is a compound file with an Office document in it that needs a password.
	Encrypted = "application/x-encrypted-office"
	Message   = "message/rfc822"
	Zip       = "application/zip"
	compound  = "application/x-ole-storage"
)

// headBytes is how much of the beginning of a file decides on its type.
const headBytes = 64 << 10

// setLimit has the mimetype library look at as much; the limit is one for the program.
var setLimit = sync.OnceFunc(func() { mimetype.SetLimit(headBytes) })

// MediaType returns the type of a file of the given size in bytes, without parameters; application/octet-stream where it is
// not known. An error is one of reading r.
func MediaType(r io.ReaderAt, size int64) (string, error) {
	head := make([]byte, min(size, headBytes))
	if n, err := r.ReadAt(head, 0); err != nil && (!errors.Is(err, io.EOF) || n < len(head)) {
		return "", fmt.Errorf("read file: %w", err)
	}
	source := &keeper{source: r}
	found := typeOf(source, size, head)
	if source.fault != nil {
		return "", fmt.Errorf("read file: %w", source.fault)
	}
	return found, nil
}

func typeOf(r io.ReaderAt, size int64, head []byte) string {
	switch {
	case len(head) == 0:
		return Unknown
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return zipType(r, size)
	case bytes.HasPrefix(head, compoundMagic):
		return compoundType(r, size, head)
	}
	setLimit()
	found, _, _ := strings.Cut(mimetype.Detect(head).String(), ";")
	if found == "text/plain" && isMessage(head) {
		return Message
	}
	return found
}

// isMessage reports whether text begins with the header of an e-mail: lines of fields only, one of which says who
// sent it, and some other that mails have.
func isMessage(head []byte) bool {
	fields := map[string]bool{}
	for line := range bytes.Lines(head[:min(len(head), 16<<10)]) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if len(fields) == 0 {
				return false
			}
			continue
		}
		name, _, found := bytes.Cut(line, []byte(":"))
		if !found || len(name) == 0 || bytes.ContainsAny(name, " \t") {
			return false
		}
		fields[strings.ToLower(string(name))] = true
	}
	return fields["from"] && (fields["date"] || fields["received"] || fields["message-id"] || fields["mime-version"])
}

// keeper remembers the fault of what it reads, so that it is not taken for a defect of the file.
type keeper struct {
	source io.ReaderAt
	fault  error
}

// ReadAt implements io.ReaderAt.
func (k *keeper) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, errDirectory // asked for by what the file says
	}
	n, err := k.source.ReadAt(p, offset)
	if err != nil && !errors.Is(err, io.EOF) && k.fault == nil {
		k.fault = err
	}
	return n, err
}
