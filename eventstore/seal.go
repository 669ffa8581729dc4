package eventstore

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"casesync/eventstore/lru"
)

// The sealed form of a private value is text:
//
//	v1.<key id>[+<key id>…].<commitment>.<nonce, ciphertext and tag>
//
// The last two parts are base64url without padding. The cipher is AES-256-GCM with a random
// nonce of 12 bytes and a tag of 16. Its key comes of the secrets of all the named data keys,
// concatenated, by HKDF-SHA256; so does the commitment, 16 bytes, which fixes the key: AES-GCM
// alone would let one ciphertext open under two keys. The associated data is the origin,
//
//	<stream>|<event id>|<field, as its path of JSON names>
//
// so a value that is moved to another stream, event or field does not open. The JSON name of a
// private field can therefore never change. An envelope is origin, "|" and sealed form together.
const (
	sealVersion     = "v1"
	originSeparator = "|"
	keySeparator    = "+"
	secretBytes     = 32
	commitmentBytes = 16
	sealOverhead    = 12 + 16
	// sealersMax bounds the ciphers kept ready, about 1 kB each.
	sealersMax = 16_384
	// subjectBytesMax bounds the name of a subject.
	subjectBytesMax = 200
)

// ErrAltered is returned for a sealed value that was changed, moved, or sealed under a key that
// is not the one its key ring now holds. It is a sign of tampering or of a damaged store.
var ErrAltered = errors.New("sealed value was altered or moved, or its key was swapped")

var (
	errNotSealed = fmt.Errorf("%w: it is not in the form of a sealed value", ErrAltered)
	sealText     = base64.RawURLEncoding.Strict()
)

// CheckSubject says what is wrong with the name of a subject of data keys, or nil. A name is up
// to 200 bytes of printable UTF-8 without "#", "+" and "|", which have a meaning in sealed values.
func CheckSubject(subject string) error {
	unfit := func(r rune) bool { return strings.ContainsRune("#+|", r) || !unicode.IsPrint(r) }
	if subject == "" || len(subject) > subjectBytesMax || !utf8.ValidString(subject) || strings.ContainsFunc(subject, unfit) {
		return fmt.Errorf("subject %.50q of a data key must be 1 to %d bytes of printable text without # + |", subject, subjectBytesMax)
	}
	return nil
}

// SubjectOf returns the subject of a key id: the id without its generation.
func SubjectOf(keyID string) string {
	subject, _, _ := strings.Cut(keyID, "#")
	return subject
}

// sealer seals and opens under one set of data keys.
type sealer struct {
	ids        string // joined
	secret     []byte // of all keys, concatenated
	aead       cipher.AEAD
	commitment string
}

func newSealer(ids string, secret []byte) (*sealer, error) {
	root, err := hkdf.Extract(sha256.New, secret, nil)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	key, err := hkdf.Expand(sha256.New, root, "casesync v1 seal "+ids, secretBytes)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	commitment, err := hkdf.Expand(sha256.New, root, "casesync v1 commitment "+ids, commitmentBytes)
	if err != nil {
		return nil, fmt.Errorf("derive commitment: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("derive cipher: %w", err)
	}
	return &sealer{ids, secret, aead, sealText.EncodeToString(commitment)}, nil
}

// seal returns the sealed form of plain at origin.
func (s *sealer) seal(origin string, plain []byte) string {
	box := s.aead.Seal(make([]byte, 0, len(plain)+sealOverhead), nil, plain, []byte(origin))
	text := make([]byte, 0, len(sealVersion)+len(s.ids)+len(s.commitment)+sealText.EncodedLen(len(box))+3)
	text = append(text, sealVersion...)
	text = append(append(text, '.'), s.ids...)
	text = append(append(text, '.'), s.commitment...)
	text = sealText.AppendEncode(append(text, '.'), box)
	return string(text)
}

// open returns what was sealed at origin. The commitment is compared before anything is opened.
func (s *sealer) open(origin string, sealed sealedText) ([]byte, error) {
	if subtle.ConstantTimeCompare([]byte(s.commitment), []byte(sealed.commitment)) != 1 {
		return nil, fmt.Errorf("open %s: %w", origin, ErrAltered)
	}
	box, err := sealText.DecodeString(sealed.box)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", origin, errNotSealed)
	}
	plain, err := s.aead.Open(nil, nil, box, []byte(origin))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", origin, ErrAltered)
	}
	return plain, nil
}

// sealedText is a sealed form taken apart.
type sealedText struct {
	ids             string // joined
	commitment, box string // base64url
}

func parseSealed(text string) (sealedText, error) {
	rest, ok := strings.CutPrefix(text, sealVersion+".")
	box := strings.LastIndexByte(rest, '.')
	// The decoder skips line breaks, so that they would be an alteration that still opens.
	if !ok || box < 0 || strings.ContainsAny(rest, "\r\n") {
		return sealedText{}, errNotSealed
	}
	commitment := strings.LastIndexByte(rest[:box], '.')
	if commitment <= 0 {
		return sealedText{}, errNotSealed
	}
	return sealedText{ids: rest[:commitment], commitment: rest[commitment+1 : box], box: rest[box+1:]}, nil
}

// keyIDs returns the ids of the data keys, all of which are needed to open.
func (s sealedText) keyIDs() []string { return strings.Split(s.ids, keySeparator) }

// splitEnvelope takes an envelope apart. A sealed form holds no separator of origins.
func splitEnvelope(envelope string) (origin, sealed string, ok bool) {
	i := strings.LastIndex(envelope, originSeparator)
	if i < 0 {
		return "", "", false
	}
	return envelope[:i], envelope[i+1:], true
}

// keySet is the keys that one call of the codec works with, by id: the answer of Keys, asked once.
type keySet map[string]Key

// sealers keeps ciphers ready, because deriving one takes as long as using it ten times. It grants
// nothing: a cipher is given out only for secrets that Keys has just handed out, so that a key
// that Keys no longer has opens nothing, however recently it was used here.
type sealers struct{ ready *lru.Cache[string, *sealer] }

// of returns the sealer of the key ids joined in ids, and nil if one of the keys is not there.
func (s sealers) of(keys keySet, ids string) (*sealer, error) {
	var secret []byte
	for id := range strings.SplitSeq(ids, keySeparator) {
		key := keys[id]
		switch {
		case key.Secret == nil:
			s.ready.Delete(ids)
			return nil, nil
		case len(key.Secret) != secretBytes:
			return nil, fmt.Errorf("data key %s has %d bytes instead of %d", id, len(key.Secret), secretBytes)
		}
		secret = append(secret, key.Secret...)
	}
	if known, ok := s.ready.Get(ids); ok && subtle.ConstantTimeCompare(known.secret, secret) == 1 {
		return known, nil
	}
	made, err := newSealer(ids, secret)
	if err != nil {
		return nil, err
	}
	s.ready.Put(ids, made)
	return made, nil
}
