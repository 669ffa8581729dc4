package inspect

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Limits bound what an archive may hold.
type Limits struct {
	// PartsMax is the most parts, of all archives in the archive together. Default 10,000.
	PartsMax int
	// DepthMax is the most archives around a part; an Office document in an archive is at depth 2. Default 3.
	DepthMax int
	// UnpackedBytesMax is the most bytes that all parts unpack to. Default 4 GiB.
	UnpackedBytesMax int64
	// RatioMax is how many times its packed size a part, and the archive as a whole, may unpack to; it counts once more than
	// RatioFreeBytes were unpacked. Default 200.
	RatioMax int64
	// NestedBytesMax is the most bytes in memory of archives in archives. Default 32 MiB.
	NestedBytesMax int64
}

// RatioFreeBytes may be unpacked of anything: what is small does no harm, and often packs very well.
const RatioFreeBytes = 16 << 20

// OrDefault returns the limits with the default in place of each zero.
func (l Limits) OrDefault() Limits {
	if l.PartsMax == 0 {
		l.PartsMax = 10_000
	}
	if l.DepthMax == 0 {
		l.DepthMax = 3
	}
	if l.UnpackedBytesMax == 0 {
		l.UnpackedBytesMax = 4 << 30
	}
	if l.RatioMax == 0 {
		l.RatioMax = 200
	}
	if l.NestedBytesMax == 0 {
		l.NestedBytesMax = 32 << 20
	}
	return l
}

// Hold says why it can not be found out what a file holds: a person has to look, or it is sent in another form.
type Hold struct { //nolint:errname // an answer and not a fault
	// Why is a sentence without anything of the file's content.
	Why string
}

// Error implements error.
func (h *Hold) Error() string { return h.Why }

func hold(format string, args ...any) error { return &Hold{Why: fmt.Sprintf(format, args...)} }

// closed are the types that this package does not look into, and that hide what is in them.
var closed = []string{
	"application/x-7z-compressed", "application/vnd.rar", "application/x-rar-compressed", "application/gzip", "application/x-tar",
	"application/x-bzip2", "application/x-xz", "application/zstd", "application/x-archive", "application/vnd.ms-cab-compressed",
	"application/x-cpio", "application/lzip", "application/x-iso9660-image", Encrypted,
}

// Archive looks into a file that is an archive, an Office document included, and returns nil for one that can be scanned
// safely, and for a file that is none; a *Hold for any other; and an error of reading, or of ctx. A part that is well
// within the limits is unpacked whole, so that its real size counts.
func Archive(ctx context.Context, r io.ReaderAt, size int64, limits Limits) error {
	source := &keeper{source: r}
	look := &look{ctx: ctx, limits: limits.OrDefault(), size: size}
	err := look.file(source, size, 1)
	if source.fault != nil {
		return fmt.Errorf("read file: %w", source.fault)
	}
	return err
}

// look counts over all archives in an archive.
type look struct {
	ctx      context.Context
	limits   Limits
	size     int64 // of the outermost archive
	parts    int
	unpacked int64
	nested   int64 // bytes held in memory
}

func (l *look) file(r io.ReaderAt, size int64, depth int) error {
	mediaType, err := MediaType(r, size)
	switch {
	case err != nil:
		return err
	case slices.Contains(closed, mediaType):
		return hold("It is, or holds, an archive or document that can not be looked into (%s).", mediaType)
	case !zipped(r, size):
		return nil
	case depth > l.limits.DepthMax:
		return hold("It holds archives in archives more than %d deep.", l.limits.DepthMax)
	}
	archive, err := openZip(r, size)
	if err != nil {
		return hold("It is, or holds, an archive that is damaged.")
	}
	for _, part := range archive.File {
		if err := l.ctx.Err(); err != nil {
			return err
		}
		if err := l.part(part, depth); err != nil {
			return err
		}
	}
	return nil
}

func (l *look) part(part *zip.File, depth int) error {
	if l.parts++; l.parts > l.limits.PartsMax {
		return hold("It holds more than %d files.", l.limits.PartsMax)
	}
	if part.Flags&0x1 != 0 {
		return hold("It holds an encrypted file.")
	}
	if strings.HasSuffix(part.Name, "/") && part.UncompressedSize64 == 0 {
		return nil
	}
	if part.Method != zip.Store && part.Method != zip.Deflate {
		return hold("It holds a file packed by a method that can not be unpacked (%d).", part.Method)
	}
	opened, err := part.Open()
	if err != nil {
		return hold("It is, or holds, an archive that is damaged.")
	}
	defer opened.Close()
	return l.content(&meter{look: l, source: opened, packed: int64(min(part.CompressedSize64, 1<<62))}, depth)
}

// content unpacks a part to its end, and looks into it where it is an archive.
func (l *look) content(m *meter, depth int) error {
	head := make([]byte, headBytes)
	n, err := io.ReadFull(m, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return m.judge(err)
	}
	head = head[:n]
	if found, _ := MediaType(bytes.NewReader(head), int64(n)); !container(head) && !slices.Contains(closed, found) {
		if _, err := io.Copy(io.Discard, m); err != nil {
			return m.judge(err)
		}
		return nil
	}
	room := l.limits.NestedBytesMax - l.nested
	whole, err := io.ReadAll(io.LimitReader(io.MultiReader(bytes.NewReader(head), m), room+1))
	if err != nil {
		return m.judge(err)
	}
	if int64(len(whole)) > room {
		return hold("It holds archives or Office documents of more than %d MiB.", l.limits.NestedBytesMax>>20)
	}
	l.nested += int64(len(whole))
	defer func() { l.nested -= int64(len(whole)) }()
	return l.file(bytes.NewReader(whole), int64(len(whole)), depth+1)
}

// container reports whether a file begins as one that holds others, and so has to be looked at whole.
func container(head []byte) bool {
	return bytes.HasPrefix(head, []byte("PK")) || bytes.HasPrefix(head, compoundMagic)
}

// meter counts what is unpacked, and ends at a limit.
type meter struct {
	look     *look
	source   io.Reader
	packed   int64
	unpacked int64
}

// Read implements io.Reader.
func (m *meter) Read(p []byte) (int, error) {
	if err := m.look.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.source.Read(p)
	m.unpacked += int64(n)
	m.look.unpacked += int64(n)
	limits := m.look.limits
	switch {
	case m.look.unpacked > limits.UnpackedBytesMax:
		return n, hold("It unpacks to more than %d bytes.", limits.UnpackedBytesMax)
	case m.unpacked > RatioFreeBytes && m.unpacked/limits.RatioMax > m.packed,
		m.look.unpacked > RatioFreeBytes && m.look.unpacked/limits.RatioMax > m.look.size:
		return n, hold("It unpacks to more than %d times its size.", limits.RatioMax)
	}
	return n, err
}

// judge tells a limit and the end of the context from a part that can not be unpacked.
func (m *meter) judge(err error) error {
	var held *Hold
	if errors.As(err, &held) || m.look.ctx.Err() != nil {
		return err
	}
	return hold("It is, or holds, an archive that is damaged.")
}
