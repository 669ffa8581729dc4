package documents

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/google/uuid"
)

// Segment is a part of a document, in a blob of its own.
type Segment struct {
	Name  string `json:"name"` // a UUID
	Bytes int64  `json:"bytes"`
}

// Manifest says what a document is made of.
type Manifest struct {
	Bytes    int64     `json:"bytes"`
	SHA256   string    `json:"sha256"` // 64 lower-case hexadecimal digits
	Segments []Segment `json:"segments"`
}

// heading is the line in clear above a sealed manifest.
type heading struct {
	Format int    `json:"format"`
	Key    string `json:"key"`
}

const (
	headingBytesMax  = 512
	manifestBytesMax = 64 << 20
)

// check says what is wrong with a manifest, or nil.
func (m Manifest) check() error {
	if len(m.SHA256) != 64 || m.Bytes < 0 || m.Bytes > documentBytesMax {
		return fmt.Errorf("a manifest of %d bytes with a SHA-256 of %d digits", m.Bytes, len(m.SHA256))
	}
	left := m.Bytes
	for i, segment := range m.Segments {
		if segment.Bytes < 1 || segment.Bytes > SegmentBytesMax || segment.Bytes > left {
			return fmt.Errorf("segment %d has %d bytes, %d are left", i, segment.Bytes, left)
		}
		if !validID(segment.Name) {
			return fmt.Errorf("segment %d has no name", i)
		}
		left -= segment.Bytes
	}
	if left != 0 {
		return fmt.Errorf("%d bytes are in no segment", left)
	}
	return nil
}

func (m Manifest) encode(id string, seal *Seal) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	above, err := json.Marshal(heading{Format: 1, Key: seal.KeyID})
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	sealed, err := seal.bytes(manifestPlace(id), data)
	return append(append(above, '\n'), sealed...), err
}

// readManifest reads a manifest; sealOf gives the seal of the key that it names.
func readManifest(r io.Reader, id string, sealOf func(keyID string) (*Seal, error)) (Manifest, *Seal, error) {
	lines := bufio.NewReaderSize(r, headingBytesMax)
	line, err := lines.ReadSlice('\n')
	if err != nil {
		return Manifest{}, nil, fmt.Errorf("%w: the manifest has no heading", ErrAltered)
	}
	var above heading
	if err := json.Unmarshal(line, &above); err != nil || above.Format != 1 || above.Key == "" {
		return Manifest{}, nil, fmt.Errorf("%w: the manifest's heading is not one of format 1", ErrAltered)
	}
	seal, err := sealOf(above.Key)
	if err != nil {
		return Manifest{}, nil, err
	}
	opening, err := seal.reader(lines, manifestPlace(id))
	if err != nil {
		return Manifest{}, nil, err
	}
	data, err := io.ReadAll(io.LimitReader(opening, manifestBytesMax))
	if err != nil {
		return Manifest{}, nil, err
	}
	var m Manifest
	decoder := json.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&m); err != nil {
		return Manifest{}, nil, fmt.Errorf("%w: manifest: %w", ErrAltered, err)
	}
	if err := m.check(); err != nil {
		return Manifest{}, nil, fmt.Errorf("%w: %w", ErrAltered, err)
	}
	return m, seal, nil
}

// validID reports whether text is a UUID as this package writes it, which is safe in the name of a blob.
func validID(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && id.String() == text
}

func folder(id string) string { return id[:2] + "/" + id + "/" }

func manifestName(id string) string { return folder(id) + "manifest" }

func segmentName(id string, s Segment) string { return folder(id) + s.Name }

// manifestPlace and segmentPlace are the associated data: what a blob is sealed for.
func manifestPlace(id string) string { return "manifest|" + id }

func segmentPlace(id, name string, offset int64) string {
	return "segment|" + id + "|" + name + "|" + strconv.FormatInt(offset, 10)
}
