package keyring

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// KEK is the key-encryption key: it wraps ring keys, of which there are few, and never sees a
// data key. It may be a file, or a vault that never gives the key away.
type KEK interface {
	// Wrap encrypts plain so that only Unwrap can read it. Where the key is missing it may make it:
	// the ring calls Wrap only for a new ring, or after an Unwrap succeeded.
	Wrap(ctx context.Context, plain []byte) (wrapped []byte, err error)
	// Unwrap returns what Wrap was given. Its error says what is wrong with the key and what to do.
	Unwrap(ctx context.Context, wrapped []byte) (plain []byte, err error)
}

// Wrapped under a FileKEK: a version byte, the key's fingerprint, then nonce, ciphertext and tag.
const (
	fileKEKVersion   = 1
	fingerprintBytes = 8
	kekBytes         = 32
	kekPurpose       = "casesync ring key"
)

// FileKEK is a key-encryption key in a file: 32 random bytes as base64 or hex text, after lines
// of comment that begin with "#". The file must be for its owner alone (mode 0600). Whoever has
// the file and the ring's database can read everything; whoever loses the file can read nothing,
// so it needs a backup of its own, apart from the ring's.
type FileKEK struct {
	path string

	mu          sync.Mutex
	aead        cipher.AEAD // nil until the file was read
	fingerprint []byte
}

// NewFileKEK returns the key-encryption key in the file at path. The file is read, or made where
// the ring is new, when it is first needed.
func NewFileKEK(path string) *FileKEK { return &FileKEK{path: path} }

// Wrap implements KEK. It makes the file where it is missing.
func (k *FileKEK) Wrap(_ context.Context, plain []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.read()
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeKeyFile(k.path); err == nil {
			err = k.read()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("wrap ring key: %w", err)
	}
	wrapped := append([]byte{fileKEKVersion}, k.fingerprint...)
	return k.aead.Seal(wrapped, nil, plain, []byte(kekPurpose)), nil
}

// Unwrap implements KEK. It never makes a file.
func (k *FileKEK) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(wrapped) < 1+fingerprintBytes || wrapped[0] != fileKEKVersion {
		return nil, errors.New("unwrap ring key: the ring was not made with a key file; name the key that it was made with")
	}
	wanted, box := wrapped[1:1+fingerprintBytes], wrapped[1+fingerprintBytes:]
	if err := k.read(); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("unwrap ring key: key file %s is missing: restore the key file with fingerprint %x from backup", k.path, wanted)
	} else if err != nil {
		return nil, fmt.Errorf("unwrap ring key: %w", err)
	}
	if !bytes.Equal(wanted, k.fingerprint) {
		return nil, fmt.Errorf("unwrap ring key: key file %s (fingerprint %x) is another key ring's: restore the key file with fingerprint %x from backup", k.path, k.fingerprint, wanted)
	}
	plain, err := k.aead.Open(nil, nil, box, []byte(kekPurpose))
	if err != nil {
		return nil, errors.New("unwrap ring key: the ring key was altered: restore the key ring from backup")
	}
	return plain, nil
}

// read reads the file once.
func (k *FileKEK) read() error {
	if k.aead != nil {
		return nil
	}
	info, err := os.Stat(k.path)
	if err != nil {
		return fmt.Errorf("read key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("read key file: %s is no file: name the key file, not its directory", k.path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("read key file: %s is open to other users (mode %04o): run chmod 600 %s, and consider the key known if others had access", k.path, mode, k.path)
	}
	text, err := os.ReadFile(k.path)
	if err != nil {
		return fmt.Errorf("read key file: %w", err)
	}
	key, err := parseKey(string(text))
	if err != nil {
		return fmt.Errorf("read key file: %s %w: restore the key file from backup", k.path, err)
	}
	if k.fingerprint, err = fingerprintOf(key); err != nil {
		return err
	}
	k.aead, err = newAEAD(key)
	return err
}

// makeKeyFile makes a new key file, whole or not at all. Where another process makes one at the
// same time, the first one's stays.
func makeKeyFile(path string) error {
	key := make([]byte, kekBytes)
	rand.Read(key)
	fingerprint, err := fingerprintOf(key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make key file: %w", err)
	}
	draft, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return fmt.Errorf("make key file: %w", err)
	}
	// A crash from here leaves the draft, which nothing has been wrapped under.
	defer func() { _ = os.Remove(draft.Name()) }()
	_, err = fmt.Fprintf(draft, "# casesync key-encryption key, fingerprint %x.\n"+
		"# Without this file nothing personal in the log can be read. Keep a copy in a safe place,\n"+
		"# apart from the backups of the key ring, and show it to nobody.\n%s\n",
		fingerprint, base64.StdEncoding.EncodeToString(key))
	if err := errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return fmt.Errorf("make key file: %w", err)
	}
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make key file: %w", err)
	}
	// A crash from here leaves the file; the next start takes it for the ring it then makes.
	return syncDirectory(filepath.Dir(path))
}

func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync directory of the key file: %w", err)
	}
	if err := errors.Join(directory.Sync(), directory.Close()); err != nil {
		return fmt.Errorf("sync directory of the key file: %w", err)
	}
	return nil
}

// parseKey returns the key in the text of a key file.
func parseKey(text string) ([]byte, error) {
	var found string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if found != "" {
			return nil, errors.New("holds more than one key")
		}
		found = line
	}
	key, err := base64.StdEncoding.DecodeString(found)
	if len(found) == hex.EncodedLen(kekBytes) {
		key, err = hex.DecodeString(found)
	}
	if err != nil || len(key) != kekBytes { // the error may hold a part of the key
		return nil, fmt.Errorf("holds no key of %d bytes in base64 or hex", kekBytes)
	}
	return key, nil
}

// fingerprintOf names a key without giving anything of it away.
func fingerprintOf(key []byte) ([]byte, error) {
	fingerprint, err := hkdf.Key(sha256.New, key, nil, "casesync key file fingerprint", fingerprintBytes)
	if err != nil {
		return nil, fmt.Errorf("derive fingerprint: %w", err)
	}
	return fingerprint, nil
}

// newAEAD returns AES-256-GCM under key, with a random nonce before each ciphertext.
func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return aead, nil
}
