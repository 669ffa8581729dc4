package activity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A target takes entries, a batch at a time.
type target interface {
	// Write takes lines, one JSON object each. When it returns nil they are out of this process's
	// hands: in the file and on the disk, or with the syslog server's system.
	Write(ctx context.Context, lines []line) error
	Close() error
}

// line is an entry as it is forwarded.
type line struct {
	at   time.Time
	fail bool
	json []byte
}

// forwardPoll is how often the log is asked for what other processes wrote.
const forwardPoll = time.Second

// ParseTarget checks the address of a target:
//
//	file:PATH                 JSON lines at the end of a file; rename it to rotate, a new one is made
//	syslog+tcp://HOST:PORT    RFC 5424, octet counting (RFC 6587)
//	syslog+unix:///dev/log    RFC 5424, one datagram a line
func ParseTarget(address string) error {
	_, err := parseTarget(address)
	return err
}

func parseTarget(address string) (target, error) {
	if path, isFile := strings.CutPrefix(address, "file:"); isFile && path != "" {
		return &file{path: path}, nil
	}
	parsed, err := url.Parse(address)
	if err == nil {
		switch {
		case parsed.Scheme == "syslog+tcp" && parsed.Port() != "" && parsed.Path == "":
			return &syslog{network: "tcp", address: parsed.Host}, nil
		case parsed.Scheme == "syslog+unix" && parsed.Host == "" && parsed.Path != "":
			return &syslog{network: "unixgram", address: parsed.Path}, nil
		}
	}
	return nil, errors.New("want file:PATH, syslog+tcp://HOST:PORT or syslog+unix:///PATH")
}

// Forward sends every entry to the target at address, in order, until ctx ends. It goes on where it
// was before: a crash between sending and noting it sends a batch twice, with the same numbers. A
// target that cannot be reached is tried again, and said once when that begins and ends.
func (l *Log) Forward(ctx context.Context, address string) error {
	to, err := parseTarget(address)
	if err != nil {
		return fmt.Errorf("forward activity log: %w", err)
	}
	defer func() { _ = to.Close() }() // what was written is noted, or comes again
	wait := time.Duration(0)
	for {
		more := l.grew.wait()
		sent, err := l.forwardBatch(ctx, address, to)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && wait == 0:
			l.config.Logger.ErrorContext(ctx, "activity log cannot be forwarded: trying again", "error", err)
			wait = forwardPoll
		case err != nil:
			wait = min(2*wait, time.Minute)
		case sent:
			wait = 0
			continue
		case wait > 0:
			l.config.Logger.InfoContext(ctx, "activity log is forwarded again")
			wait = 0
		}
		pause(ctx, max(wait, forwardPoll), more, err == nil)
	}
}

// pause waits for its time, or for the log to grow if that would help.
func pause(ctx context.Context, wait time.Duration, more <-chan struct{}, mayGrow bool) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	if !mayGrow {
		more = nil
	}
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-more:
	}
}

// forwardBatch sends the next entries, and reports whether there were any.
func (l *Log) forwardBatch(ctx context.Context, name string, to target) (bool, error) {
	after, err := l.forwarded(ctx, name)
	if err != nil {
		return false, err
	}
	entries, err := l.After(ctx, Filter{}, after, PageEntriesMax)
	if err != nil || len(entries) == 0 {
		return false, err
	}
	lines := make([]line, len(entries))
	for i, entry := range entries {
		text, err := json.Marshal(entry.OCSF())
		if err != nil {
			return false, err
		}
		lines[i] = line{at: entry.At, fail: entry.Failed, json: text}
	}
	if err := to.Write(ctx, lines); err != nil {
		return false, err
	}
	return true, l.noteForwarded(ctx, name, entries[len(entries)-1].Seq)
}

// Export writes the entries that filter leaves as JSON lines of OCSF, in order, and returns how many.
func (l *Log) Export(ctx context.Context, w io.Writer, filter Filter) (written int64, err error) {
	encoder := json.NewEncoder(w)
	for after := int64(0); ; {
		entries, err := l.After(ctx, filter, after, PageEntriesMax)
		if err != nil || len(entries) == 0 {
			return written, err
		}
		for _, entry := range entries {
			if err := encoder.Encode(entry.OCSF()); err != nil {
				return written, fmt.Errorf("export activity log: %w", err)
			}
			written++
		}
		after = entries[len(entries)-1].Seq
	}
}

// file is a file that lines are put to the end of. It is opened for each batch, so that it may be
// renamed at any time.
type file struct{ path string }

func (f *file) Write(_ context.Context, lines []line) error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	var text []byte
	for _, line := range lines {
		text = append(append(text, line.json...), '\n')
	}
	if _, err := out.Write(text); err != nil {
		return errors.Join(err, out.Close())
	}
	// A crash before this leaves lines that were not noted as forwarded: they come again.
	return errors.Join(out.Sync(), out.Close())
}

func (f *file) Close() error { return nil }

// syslog is a syslog server. The connection is made when it is needed, and anew after a fault.
type syslog struct {
	network, address string
	conn             net.Conn
}

const (
	// facility is "log audit", 13 (RFC 5424, 6.2.1).
	facility       = 13
	syslogNotice   = 5
	syslogWarning  = 4
	syslogDeadline = 10 * time.Second
)

func (s *syslog) Write(ctx context.Context, lines []line) error {
	if s.conn == nil {
		dialer := net.Dialer{Timeout: syslogDeadline}
		conn, err := dialer.DialContext(ctx, s.network, s.address)
		if err != nil {
			return err
		}
		s.conn = conn
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(syslogDeadline)); err != nil {
		return s.broken(err)
	}
	for _, line := range lines {
		if _, err := s.conn.Write(s.frame(line)); err != nil {
			return s.broken(err)
		}
	}
	return nil
}

// frame is a message of RFC 5424; over TCP its length stands before it.
func (s *syslog) frame(l line) []byte {
	severity := syslogNotice
	if l.fail {
		severity = syslogWarning
	}
	message := fmt.Appendf(nil, "<%d>1 %s - casesync %d activity - %s", facility*8+severity, l.at.UTC().Format("2006-01-02T15:04:05.000000Z"), os.Getpid(), l.json)
	if s.network == "tcp" {
		return append(fmt.Appendf(nil, "%d ", len(message)), message...)
	}
	return message
}

func (s *syslog) broken(err error) error {
	return errors.Join(err, s.Close())
}

func (s *syslog) Close() error {
	if s.conn == nil {
		return nil
	}
	conn := s.conn
	s.conn = nil
	return conn.Close()
}
