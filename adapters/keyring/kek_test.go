package keyring_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"casesync/adapters/keyring"
	"casesync/eventstore/sqldb/sqldbtest"
)

func TestNewKeyFileIsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys", "kek")
	open(t, sqldbtest.SQLite(t), keyring.NewFileKEK(path), keyring.Config{})
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the key file has mode %v, %v, want 0600", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the key file there is %v, %v, want nothing", entries, err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !regexp.MustCompile(`^(# .*\n)+[A-Za-z0-9+/]{43}=\n$`).Match(text) {
		t.Errorf("the key file is not comments and a key of 32 bytes: %v", err)
	}
}

func TestProcessesThatMakeAKeyFileAtOnceShareIt(t *testing.T) {
	t.Parallel()
	path, address := filepath.Join(t.TempDir(), "kek"), sqldbtest.SQLite(t)
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() { open(t, address, keyring.NewFileKEK(path), keyring.Config{}) })
	}
	group.Wait()
}

func TestKeyFileMayBeHexOrBase64(t *testing.T) {
	t.Parallel()
	key := make([]byte, 32)
	rand.Read(key)
	address := sqldbtest.SQLite(t)
	for _, text := range []string{hex.EncodeToString(key), "# a comment\n\n" + base64.StdEncoding.EncodeToString(key) + "\r\n"} {
		open(t, address, keyring.NewFileKEK(writeKey(t, text)), keyring.Config{})
	}
}

// Each fault says what is wrong and what to do, gives nothing of a key away, and makes no new key.
func TestKeyFileFaults(t *testing.T) {
	t.Parallel()
	good := strings.Repeat("5a", 32)
	for name, fault := range map[string]struct {
		spoil func(path string) error
		want  []string
	}{
		"missing": {os.Remove, []string{"is missing", "restore the key file with fingerprint"}},
		"another ring's": {
			func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("a5", 32)), 0o600) },
			[]string{"is another key ring's", "restore the key file with fingerprint"},
		},
		"readable by a group": {func(path string) error { return os.Chmod(path, 0o640) }, []string{"mode 0640", "chmod 600"}},
		"readable by others":  {func(path string) error { return os.Chmod(path, 0o604) }, []string{"mode 0604", "chmod 600"}},
		"empty":               {func(path string) error { return os.WriteFile(path, nil, 0o600) }, []string{"holds no key of 32 bytes", "restore the key file"}},
		"cut short":           {func(path string) error { return os.WriteFile(path, []byte(good[:62]), 0o600) }, []string{"holds no key of 32 bytes", "restore the key file"}},
		"two keys":            {func(path string) error { return os.WriteFile(path, []byte(good+"\n"+good), 0o600) }, []string{"more than one key"}},
		"a directory": {
			func(path string) error {
				if err := os.Remove(path); err != nil {
					return err
				}
				return os.Mkdir(path, 0o700)
			},
			[]string{"read key file"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, path := sqldbtest.SQLite(t), writeKey(t, good)
			keys, err := open(t, address, keyring.NewFileKEK(path), keyring.Config{}).Ensure(t.Context(), "case-1")
			if err != nil {
				t.Fatal(err)
			}
			before := directory(t, filepath.Dir(path))
			if err := fault.spoil(path); err != nil {
				t.Fatal(err)
			}
			_, err = tryOpen(t, address, keyring.NewFileKEK(path), keyring.Config{})
			for _, want := range append(fault.want, path) {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("opening gives %v, want it to say %q", err, want)
				}
			}
			if err != nil && (strings.Contains(err.Error(), "5a5a") || strings.Contains(err.Error(), "a5a5")) {
				t.Errorf("the error gives the key away: %v", err)
			}
			if after := directory(t, filepath.Dir(path)); after > before {
				t.Errorf("there are %d files beside the key file, want %d", after, before)
			}
			// With the file back all is as before.
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(good), 0o600); err != nil {
				t.Fatal(err)
			}
			again, err := open(t, address, keyring.NewFileKEK(path), keyring.Config{MustExist: true}).Lookup(t.Context(), "case-1")
			if err != nil || !bytes.Equal(again[0].Secret, keys[0].Secret) {
				t.Errorf("with the key file restored the key is found: %v, %v, want true", err == nil, err)
			}
		})
	}
}

func TestRotateNeverReplacesALostKeyFile(t *testing.T) {
	t.Parallel()
	address, path := sqldbtest.SQLite(t), writeKey(t, strings.Repeat("5a", 32))
	open(t, address, keyring.NewFileKEK(path), keyring.Config{})
	late := &lateKEK{KEK: keyring.NewFileKEK(path)}
	ring := open(t, address, late, keyring.Config{})
	late.KEK = keyring.NewFileKEK(path) // which has not read its file yet
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := ring.Rotate(t.Context()); err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("Rotate gives %v, want it to say that the file is missing", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a new key file was made")
	}
}

type lateKEK struct{ keyring.KEK }

func writeKey(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kek")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func directory(t *testing.T, path string) int {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
