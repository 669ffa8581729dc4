package documents

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/tink-crypto/tink-go/v2/streamingaead/subtle"

	"casesync/eventstore"
)

// sealedSegmentBytes is the size of the parts that are sealed one by one, of which readers and writers hold one or two.
const sealedSegmentBytes = 64 << 10

// derivation separates the keys of documents from whatever else is sealed under a case's data key.
const derivation = "casesync documents v1"

// Seal seals and opens bytes under the key of one subject. It is safe for concurrent use.
type Seal struct {
	// KeyID is the id of the data key, by which Store.SealOf finds it again.
	KeyID string
	aead  *subtle.AESGCMHKDF
}

func newSeal(key eventstore.Key) (*Seal, error) {
	if key.Secret == nil {
		return nil, ErrErased
	}
	derived, err := hkdf.Key(sha256.New, key.Secret, nil, derivation, 32)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	aead, err := subtle.NewAESGCMHKDF(derived, "SHA256", 32, sealedSegmentBytes, 0)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	return &Seal{KeyID: key.ID, aead: aead}, nil
}

// NewSeal returns the seal of the live key of a subject ("casefile-<ref>"), which is made if there is none, and is
// durable when it returns.
func (s *Store) NewSeal(ctx context.Context, subject string) (*Seal, error) {
	keys, err := s.keys.Ensure(ctx, subject)
	if err != nil {
		return nil, fmt.Errorf("get key of documents: %w", err)
	}
	return newSeal(keys[0])
}

// SealOf returns the seal of a key that was in use before; ErrErased where it was destroyed.
func (s *Store) SealOf(ctx context.Context, keyID string) (*Seal, error) {
	keys, err := s.keys.Lookup(ctx, keyID)
	if err != nil {
		return nil, fmt.Errorf("get key of documents: %w", err)
	}
	return newSeal(keys[0])
}

// Text seals data that stands outside of the store, such as what is noted of an upload, as text. It opens with the
// same place alone.
func (s *Seal) Text(place string, data []byte) (string, error) {
	sealed, err := s.bytes(place, data)
	return base64.StdEncoding.EncodeToString(sealed), err
}

// OpenText opens what Text sealed; ErrAltered where it is anything else.
func (s *Seal) OpenText(place, text string) ([]byte, error) {
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAltered, err)
	}
	return s.openBytes(place, sealed)
}

func (s *Seal) bytes(place string, data []byte) ([]byte, error) {
	var sealed bytes.Buffer
	w, err := s.writer(&sealed, place)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return sealed.Bytes(), nil
}

func (s *Seal) openBytes(place string, sealed []byte) ([]byte, error) {
	r, err := s.reader(bytes.NewReader(sealed), place)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func (s *Seal) writer(w io.Writer, place string) (io.WriteCloser, error) {
	sealing, err := s.aead.NewEncryptingWriter(w, []byte(place))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return sealing, nil
}

// reader opens what writer sealed for the same place. What it reads was found to be unchanged, so far; it comes to its
// end where the sealed bytes were all there.
func (s *Seal) reader(r io.Reader, place string) (io.Reader, error) {
	source := &faultKeeper{source: r}
	opening, err := s.aead.NewDecryptingReader(source, []byte(place))
	if err != nil {
		return nil, source.judge(err)
	}
	return &openingReader{opening: opening, source: source}, nil
}

// openingReader tells bytes that are not what was sealed from a store that can not be read now.
type openingReader struct {
	opening io.Reader
	source  *faultKeeper
}

// Read implements io.Reader.
func (o *openingReader) Read(p []byte) (int, error) {
	n, err := o.opening.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = o.source.judge(err)
	}
	return n, err
}

// faultKeeper remembers the fault of what it reads, which Tink does not pass on.
type faultKeeper struct {
	source io.Reader
	fault  error
}

// Read implements io.Reader.
func (f *faultKeeper) Read(p []byte) (int, error) {
	n, err := f.source.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.fault = err
	}
	return n, err
}

func (f *faultKeeper) judge(err error) error {
	if f.fault != nil {
		return fmt.Errorf("read sealed bytes: %w", f.fault)
	}
	return fmt.Errorf("%w: %w", ErrAltered, err)
}
