package cms

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

const (
	// chunkLinesMax and chunkBytesMax bound what is read before it is handed on.
	chunkLinesMax = 256
	chunkBytesMax = 1 << 20
	// beginningBytes is how much is kept of a line that is too long to be kept.
	beginningBytes = 64 << 10
	// lineBreakBytes is the longest line break, CR LF.
	lineBreakBytes = 2
)

// ErrNotLines is returned for a file that is not JSON lines at all.
var ErrNotLines = errors.New("not a file of JSON lines")

// A line is one line of a file.
type line struct {
	number int64 // from 1
	text   []byte
	// bytes is the line's length; more than len(text) where it is longer than is kept.
	bytes int64
	// last is true for text without a line break after it: the end of the file.
	last bool
}

// A lineReader reads lines, with bounded memory whatever the file holds.
type lineReader struct {
	reader   *bufio.Reader
	bytesMax int // of a line that is kept whole
	number   int64
}

// newLineReader looks at the beginning of a file, and refuses what is no JSON lines: it would
// give nothing but rejections.
func newLineReader(r io.Reader, lineBytesMax int) (*lineReader, error) {
	reader := bufio.NewReaderSize(r, 256<<10)
	head, err := reader.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, _ = reader.Discard(3) // a byte order mark; it has just been seen, so it can be read
	case bytes.HasPrefix(head, []byte("\x1f\x8b")), bytes.HasPrefix(head, []byte("PK")), bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		return nil, fmt.Errorf("%w: it is compressed: unpack it first, such as by zcat FILE | casesync import -", ErrNotLines)
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return nil, fmt.Errorf("%w: it is in UTF-16: convert it to UTF-8, such as by iconv -f UTF-16 -t UTF-8", ErrNotLines)
	case bytes.HasPrefix(bytes.TrimSpace(head), []byte("[")):
		return nil, fmt.Errorf("%w: it is a JSON array: write one event per line, such as by jq -c '.[]'", ErrNotLines)
	}
	return &lineReader{reader: reader, bytesMax: lineBytesMax}, nil
}

// next returns the next line that is not empty, and io.EOF after the last one.
func (l *lineReader) next() (line, error) {
	for {
		current, err := l.read()
		if err != nil {
			return line{}, err
		}
		if current.text = bytes.TrimSpace(current.text); len(current.text) > 0 {
			return current, nil
		}
	}
}

func (l *lineReader) read() (line, error) {
	l.number++
	current := line{number: l.number}
	for {
		piece, err := l.reader.ReadSlice('\n')
		current.bytes += int64(len(piece))
		if room := l.bytesMax + lineBreakBytes - len(current.text); room > 0 {
			current.text = append(current.text, piece[:min(room, len(piece))]...)
		}
		switch {
		case err == nil:
			return current, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && current.bytes > 0:
			current.last = true
			return current, nil
		case errors.Is(err, io.EOF):
			return line{}, io.EOF
		default:
			return line{}, fmt.Errorf("read line %d of the file: %w", l.number, err)
		}
	}
}

// tooLong reports whether only the line's beginning is there.
func (l *lineReader) tooLong(current line) bool {
	return current.bytes > int64(l.bytesMax+lineBreakBytes)
}
