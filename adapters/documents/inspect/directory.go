package inspect

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// An archive's directory is held in memory by whoever opens it, so what it may take is bounded before.
const (
	directoryPartsMax = 100_000
	directoryBytesMax = 8 << 20
)

var errDirectory = errors.New("the directory is missing, or larger than what is read")

// openZip opens an archive, the directory of which has up to directoryPartsMax parts in directoryBytesMax bytes.
func openZip(r io.ReaderAt, size int64) (*zip.Reader, error) {
	// archive/zip allocates for as many parts as the directory's end says, which a large file makes credible.
	if parts, err := declaredParts(r, size); err != nil || parts > directoryPartsMax {
		return nil, errDirectory
	}
	// And it reads on for as long as there are more than it said.
	bounded := &boundedReader{source: r, left: directoryBytesMax}
	archive, err := zip.NewReader(bounded, size)
	if err != nil {
		return nil, err
	}
	bounded.left = -1
	return archive, nil
}

// declaredParts returns how many parts the end of the directory speaks of, as archive/zip finds it; the larger
// number, where it has one for large archives too.
func declaredParts(r io.ReaderAt, size int64) (uint64, error) {
	const endBytes, locatorBytes = 22, 20
	tail := make([]byte, min(size, 65<<10+endBytes+locatorBytes))
	start := size - int64(len(tail))
	if _, err := r.ReadAt(tail, start); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if len(tail) < endBytes {
		return 0, errDirectory
	}
	end := bytes.LastIndex(tail[:len(tail)-endBytes+4], []byte("PK\x05\x06"))
	if end < 0 {
		return 0, errDirectory
	}
	parts := uint64(binary.LittleEndian.Uint16(tail[end+10:]))
	if end < locatorBytes || !bytes.HasPrefix(tail[end-locatorBytes:], []byte("PK\x06\x07")) {
		return parts, nil
	}
	at := int64(binary.LittleEndian.Uint64(tail[end-locatorBytes+8:]))
	var large [40]byte
	if at < 0 || at > size-int64(len(large)) {
		return 0, errDirectory
	}
	if _, err := r.ReadAt(large[:], at); err != nil {
		return 0, err
	}
	return max(parts, binary.LittleEndian.Uint64(large[32:])), nil
}

// boundedReader reads left bytes at most; any number where that is negative.
type boundedReader struct {
	source io.ReaderAt
	left   int64
}

// ReadAt implements io.ReaderAt.
func (b *boundedReader) ReadAt(p []byte, offset int64) (int, error) {
	if b.left >= 0 {
		if b.left -= int64(len(p)); b.left < 0 {
			b.left = 0
			return 0, errDirectory
		}
	}
	return b.source.ReadAt(p, offset)
}
