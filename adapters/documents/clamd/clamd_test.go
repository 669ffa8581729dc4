package clamd_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"

	"casesync/adapters/documents/clamd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// variable names a real ClamAV daemon, and directory where its configuration is; scripts/test-clamd.sh sets both.
const (
	variable  = "CASESYNC_TEST_CLAMD"
	directory = "CASESYNC_TEST_CLAMD_DIR"
)

// eicar is the test string that every scanner knows and that harms nobody, put together here so that no scanner takes
// this file for it.
var eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR` + `-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`

func address(t *testing.T) string {
	t.Helper()
	address := os.Getenv(variable)
	if address == "" {
		t.Fatalf("%s names no ClamAV daemon: run this by scripts/test-clamd.sh", variable)
	}
	return address
}

func daemon(t *testing.T) *clamd.Scanner {
	t.Helper()
	config := clamd.Config{Address: address(t)}
	if dir := os.Getenv(directory); dir != "" {
		config.ConfigFile = filepath.Join(dir, "clamd.conf")
	}
	return scanner(t, config)
}

func scanner(t *testing.T, config clamd.Config) *clamd.Scanner {
	t.Helper()
	s, err := clamd.New(config)
	if err != nil {
		t.Fatalf("new: %v", err)
	}
	return s
}

// The real scanner lets what is clean pass, wherever the file is cut into chunks, and finds what is not.
func TestRealScanner(t *testing.T) {
	t.Parallel()
	s := daemon(t)
	if err := s.Check(context.Background()); err != nil {
		t.Fatalf("check: %v", err)
	}
	clean := []byte("%PDF-1.7\nA letter about a loan.\n%%EOF\n")
	for name, c := range map[string]struct {
		content []byte
		finding string
	}{
		"a clean PDF":           {clean, ""},
		"one byte":              {[]byte("x"), ""},
		"a whole chunk":         {bytes.Repeat([]byte("a"), 64<<10), ""},
		"a chunk and a byte":    {bytes.Repeat([]byte("a"), 64<<10+1), ""},
		"5 MiB":                 {bytes.Repeat([]byte("a line\n"), 5<<20/7), ""},
		"the test string":       {[]byte(eicar), "Eicar"},
		"it in a file":          {append(clean, eicar...), "Eicar"},
		"it behind many chunks": {append(bytes.Repeat([]byte("b"), 300<<10), eicar...), "Eicar"},
	} {
		got, err := s.Scan(context.Background(), bytes.NewReader(c.content), int64(len(c.content)))
		if err != nil || got.Clean != (c.finding == "") || !strings.Contains(got.Finding, c.finding) || (c.finding == "") != (got.Finding == "") {
			t.Errorf("%s: got %+v, %v, want finding %q", name, got, err, c.finding)
		}
		if !strings.HasPrefix(got.Scanner, "ClamAV ") {
			t.Errorf("%s: got scanner %q, want what it calls itself", name, got.Scanner)
		}
	}
}

// What the real scanner takes is known: more is refused before it is sent, and a limit that was told wrong is found out.
func TestRealLimits(t *testing.T) {
	t.Parallel()
	s := daemon(t)
	if _, err := s.Scan(context.Background(), strings.NewReader("x"), s.BytesMax()+1); !errors.Is(err, clamd.ErrBeyond) {
		t.Errorf("too large: got %v, want %v", err, clamd.ErrBeyond)
	}
	const boast = 1 << 30
	liar := scanner(t, clamd.Config{Address: address(t), Limits: clamd.Limits{StreamBytesMax: boast, FileBytesMax: boast, ScanBytesMax: boast}})
	if err := liar.Check(context.Background()); err == nil || !strings.Contains(err.Error(), "StreamMaxLength") {
		t.Errorf("told too much: got %v, want what to set", err)
	}
	size := int64(100 << 20)
	if _, err := liar.Scan(context.Background(), io.LimitReader(zeros{}, size), size); !errors.Is(err, clamd.ErrBeyond) && !errors.Is(err, clamd.ErrUnreachable) {
		t.Errorf("scanned all the same: got %v, want %v", err, clamd.ErrBeyond)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A file that can not be read, is cut off, or goes on, is no clean file.
func TestRealFaults(t *testing.T) {
	t.Parallel()
	s := daemon(t)
	broken := errors.New("altered")
	for name, c := range map[string]struct {
		r    io.Reader
		size int64
		want error
	}{
		"can not be read":         {iotest.ErrReader(broken), 10, broken},
		"breaks in the middle":    {io.MultiReader(strings.NewReader("12345"), iotest.ErrReader(broken)), 10, broken},
		"breaks at its end":       {io.MultiReader(strings.NewReader("1234567890"), iotest.ErrReader(broken)), 10, broken},
		"is shorter than it said": {strings.NewReader("12345"), 10, io.ErrUnexpectedEOF},
	} {
		if got, err := s.Scan(context.Background(), c.r, c.size); !errors.Is(err, c.want) || got.Clean {
			t.Errorf("%s: got %+v, %v, want %v", name, got, err, c.want)
		}
	}
	if got, err := s.Scan(context.Background(), strings.NewReader("12345678901"), 10); err == nil || got.Clean {
		t.Errorf("longer than it said: got %+v, %v, want an error", got, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Scan(ctx, strings.NewReader("x"), 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v, want %v", err, context.Canceled)
	}
}

// The configuration of ClamAV is read as ClamAV reads it.
func TestConfiguration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"StreamMaxLength 64M\nMaxFileSize 32M\nMaxScanSize 128M\n": 32 << 20,
		"StreamMaxLength 1G\nMaxFileSize 900m\nMaxScanSize 2G\n":   900 << 20,
		"StreamMaxLength 0\nMaxFileSize 0\nMaxScanSize 0\n":        2<<30 - 1,
		"# MaxFileSize 1\nMaxFileSize 5000\n":                      5000,
		"LogFile x\n":                                              25 << 20,
	} {
		path := filepath.Join(t.TempDir(), "clamd.conf")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := scanner(t, clamd.Config{Address: "unix:x", ConfigFile: path}).BytesMax(); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
	path := filepath.Join(t.TempDir(), "clamd.conf")
	if err := os.WriteFile(path, []byte("MaxFileSize lots\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, config := range []clamd.Config{{}, {Address: "clamd"}, {Address: "unix:"}, {Address: "http://x"}, {Address: "unix:x", ConfigFile: path}, {Address: "unix:x", ConfigFile: path + "x"}} {
		if _, err := clamd.New(config); err == nil {
			t.Errorf("%+v: got a scanner, want an error", config)
		}
	}
}

// Nobody there, and nobody there any more, is unreachable: try again.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	s := scanner(t, clamd.Config{Address: "unix:" + filepath.Join(t.TempDir(), "nobody"), ConnectTimeout: time.Second})
	if _, err := s.Scan(context.Background(), strings.NewReader("x"), 1); !errors.Is(err, clamd.ErrUnreachable) {
		t.Errorf("got %v, want %v", err, clamd.ErrUnreachable)
	}
	if err := s.Check(context.Background()); !errors.Is(err, clamd.ErrUnreachable) {
		t.Errorf("check: got %v, want %v", err, clamd.ErrUnreachable)
	}
}
