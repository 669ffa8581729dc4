package clamd_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"casesync/adapters/documents/clamd"
)

// scripted answers each command as a test says, and hangs up. An answer is sent as it is.
func scripted(tb testing.TB, answer func() string, listenFor int) *clamd.Scanner {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		tb.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			converse(conn, answer, listenFor)
		}
	}()
	tb.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	s, err := clamd.New(clamd.Config{Address: "unix:" + path, ConnectTimeout: 2 * time.Second, ScanTimeout: 2 * time.Second, StallTimeout: time.Second})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func converse(conn net.Conn, answer func() string, listenFor int) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	command := make([]byte, 9) // "zVERSION\0", or the beginning of "zINSTREAM\0"
	if _, err := io.ReadFull(conn, command); err != nil {
		return
	}
	if string(command) == "zVERSION\x00" {
		_, _ = io.WriteString(conn, "ClamAV 1.4.3/27000/today\x00")
		return
	}
	_, _ = io.CopyN(io.Discard, conn, int64(listenFor))
	_, _ = io.WriteString(conn, answer())
}

// streamBytes is what comes after the first nine bytes of a scan of five bytes.
const streamBytes = 1 + 4 + 5 + 4

// Only "stream: OK", to its last byte and to the whole file, is clean.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]error{
		"stream: OK\x00":      nil,
		"stream: OK":          clamd.ErrUnreachable, // cut off: who knows how it goes on
		"stream: OK\n\x00":    clamd.ErrUnclear,
		"stream: OK \x00":     clamd.ErrUnclear,
		"stream: ok\x00":      clamd.ErrUnclear,
		"OK\x00":              clamd.ErrUnclear,
		"stream: NOT OK\x00":  clamd.ErrUnclear,
		" stream: OK\x00":     clamd.ErrUnclear,
		"1: stream: OK\x00":   clamd.ErrUnclear,
		"/tmp/x: OK\x00":      clamd.ErrUnclear,
		"stream:  FOUND\x00":  clamd.ErrUnclear,
		"\x00":                clamd.ErrUnclear,
		"":                    clamd.ErrUnreachable,
		"UNKNOWN COMMAND\x00": clamd.ErrUnclear,
		"stream: Can't allocate memory ERROR\x00":                  clamd.ErrUnclear,
		"stream: Heuristics.Limits.Exceeded.MaxScanSize FOUND\x00": clamd.ErrUnclear,
		"INSTREAM size limit exceeded. ERROR\x00":                  clamd.ErrBeyond,
		strings.Repeat("x", 10_000) + "stream: OK\x00":             clamd.ErrUnreachable,
		"stream: OK\x00stream: Win.Test FOUND\x00":                 nil, // the first answer counts; clamd gives one
	} {
		s := scripted(t, func() string { return answer }, streamBytes)
		got, err := s.Scan(context.Background(), strings.NewReader("hello"), 5)
		if !errors.Is(err, want) || got.Clean != (want == nil) {
			t.Errorf("%q: got %+v, %v, want %v", answer, got, err, want)
		}
	}
	s := scripted(t, func() string { return "stream: Win.Test.EICAR_HDB-1 FOUND\x00" }, streamBytes)
	if got, err := s.Scan(context.Background(), strings.NewReader("hello"), 5); err != nil || got.Clean || got.Finding != "Win.Test.EICAR_HDB-1" {
		t.Errorf("got %+v, %v, want the finding", got, err)
	}
}

// A scanner that says OK before it has the whole file did not see it.
func TestEarlyOK(t *testing.T) {
	t.Parallel()
	const size = 20 << 20
	s := scripted(t, func() string { return "stream: OK\x00" }, 1000)
	if got, err := s.Scan(context.Background(), io.LimitReader(zeros{}, size), size); err == nil || got.Clean {
		t.Errorf("got %+v, %v, want an error", got, err)
	}
}

// A scanner that says nothing comes to an end.
func TestSilence(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := scripted(t, func() string {
		<-release
		return ""
	}, streamBytes)
	defer close(release)
	if got, err := s.Scan(context.Background(), strings.NewReader("hello"), 5); !errors.Is(err, clamd.ErrUnreachable) || got.Clean {
		t.Errorf("got %+v, %v, want %v", got, err, clamd.ErrUnreachable)
	}
}

// FuzzAnswer: nothing but the one answer is clean.
func FuzzAnswer(f *testing.F) {
	f.Add("stream: OK\x00")
	f.Add("stream: X FOUND\x00")
	var answer string
	s := scripted(f, func() string { return answer }, streamBytes)
	f.Fuzz(func(t *testing.T, text string) {
		answer = text
		got, err := s.Scan(context.Background(), strings.NewReader("hello"), 5)
		if got.Clean && (err != nil || !strings.HasPrefix(text, "stream: OK\x00")) {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
		if err == nil && !got.Clean && got.Finding == "" {
			t.Errorf("%q: got neither clean nor a finding, nor an error", text)
		}
	})
}

// TestKilled kills a real scanner while it scans, and starts it again: nothing passes in between, and it goes on after.
func TestKilled(t *testing.T) {
	address(t)
	dir := os.Getenv(directory)
	if dir == "" {
		t.Skipf("%s is not set: the scanner that %s names is not ours to kill", directory, variable)
	}
	socket, config := ownDaemon(t, dir)
	daemon := startDaemon(t, config, socket)
	s, err := clamd.New(clamd.Config{Address: "unix:" + socket, ConfigFile: config, ConnectTimeout: time.Second, ScanTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Scan(context.Background(), strings.NewReader("hello"), 5); err != nil || !got.Clean {
		t.Fatalf("before: got %+v, %v, want it clean", got, err)
	}
	sent := 0
	killing := readerFunc(func(p []byte) (int, error) {
		if sent += len(p); sent > 1<<20 && daemon != nil {
			stop(t, daemon)
			daemon = nil
		}
		clear(p)
		return len(p), nil
	})
	const size = 30 << 20
	if got, err := s.Scan(context.Background(), io.LimitReader(killing, size), size); !errors.Is(err, clamd.ErrUnreachable) || errors.Is(err, clamd.ErrAway) || got.Clean {
		t.Errorf("killed: got %+v, %v, want %v", got, err, clamd.ErrUnreachable)
	}
	if _, err := s.Scan(context.Background(), strings.NewReader(eicar), int64(len(eicar))); !errors.Is(err, clamd.ErrAway) || !errors.Is(err, clamd.ErrUnreachable) {
		t.Errorf("gone: got %v, want %v", err, clamd.ErrAway)
	}
	_ = os.Remove(socket)
	daemon = startDaemon(t, config, socket)
	defer func() { stop(t, daemon) }()
	if got, err := s.Scan(context.Background(), strings.NewReader(eicar), int64(len(eicar))); err != nil || got.Clean || got.Finding == "" {
		t.Errorf("back: got %+v, %v, want the finding", got, err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// ownDaemon returns the socket and configuration of another daemon like the script's.
func ownDaemon(t *testing.T, dir string) (socket, config string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "clamd.conf"))
	if err != nil {
		t.Fatal(err)
	}
	own := t.TempDir()
	socket, config = filepath.Join(own, "s"), filepath.Join(own, "clamd.conf")
	changed := strings.ReplaceAll(string(text), filepath.Join(dir, "clamd.sock"), socket)
	changed = strings.ReplaceAll(changed, filepath.Join(dir, "clamd.log"), filepath.Join(own, "log"))
	if err := os.WriteFile(config, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return socket, config
}

func startDaemon(t *testing.T, config, socket string) *exec.Cmd {
	t.Helper()
	program, err := exec.LookPath("clamd")
	if err != nil {
		program = "/usr/sbin/clamd"
	}
	daemon := exec.Command(program, "--config-file="+config)
	if err := daemon.Start(); err != nil {
		t.Fatalf("start clamd: %v", err)
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("unix", socket); err == nil {
			_ = conn.Close()
			return daemon
		}
	}
	stop(t, daemon)
	t.Fatal("clamd did not start")
	return nil
}

func stop(t *testing.T, daemon *exec.Cmd) {
	t.Helper()
	if err := daemon.Process.Kill(); err != nil {
		t.Errorf("kill clamd: %v", err)
	}
	_ = daemon.Wait()
}
