// Package clamd has files scanned by ClamAV's daemon, over its socket. It promises (requirement 54):
//
//   - Clean is the answer "stream: OK", exactly, to all bytes of the file. Whatever else there is (another answer, none, a
//     connection that breaks, a file beyond what the scanner looks at) is never Clean.
//   - A finding ("stream: NAME FOUND") is told from not knowing, and not knowing now (ErrUnreachable: try again) from not
//     knowing ever (ErrUnclear, ErrBeyond: a person has to look).
//   - Bytes are streamed: memory does not grow with the file. Each scan has a connection of its own, and an end.
//
// clamd passes over what is beyond its limits, and says OK: files above MaxFileSize, and what comes after
// MaxScanSize. So these limits are read from its configuration file, or told by the operator (Config.Limits), before the
// first scan; where neither is given, ClamAV's smallest defaults are taken. A file above the least of them is refused with
// ErrBeyond. What StreamMaxLength really is can be asked, without sending that much; Check does so. clamd also says
// OK to an archive that it gave up on: package inspect looks into archives before.
package clamd

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Errors that callers act on.
var (
	// ErrUnreachable: the scanner can not be reached, or broke off. The same file may be scanned later.
	ErrUnreachable = errors.New("scanner unreachable")
	// ErrAway is an ErrUnreachable where nobody answers at the address at all: no file is to blame for it.
	ErrAway = fmt.Errorf("%w: nobody answers", ErrUnreachable)
	// ErrUnclear: the scanner answered, and neither that it found something nor that it did not.
	ErrUnclear = errors.New("scanner gave no clear answer")
	// ErrBeyond: the file is larger than what the scanner looks at.
	ErrBeyond = errors.New("file beyond what the scanner looks at")
)

// Config is what a Scanner needs.
type Config struct {
	// Address is "unix:PATH" or "tcp:HOST:PORT". The protocol is neither sealed nor authenticated: TCP is for the same
	// machine, or a network that nobody else is on.
	Address string
	// ConfigFile is the path of clamd's configuration, for its limits; "" where it can not be read here.
	ConfigFile string
	// Limits are clamd's, where its configuration can not be read. A zero field takes the smallest default.
	Limits Limits
	// ConnectTimeout bounds connecting, and each answer to a short question. Default 5 seconds.
	ConnectTimeout time.Duration
	// ScanTimeout bounds a scan as a whole; StallTimeout each time that clamd takes no byte. Defaults 10 minutes, 1 minute.
	ScanTimeout, StallTimeout time.Duration
}

// Scanner asks clamd. It is safe for concurrent use.
type Scanner struct {
	config  Config
	network string
	address string
	limits  Limits
}

// New returns a scanner, without asking clamd. An error says which setting is wrong.
func New(config Config) (*Scanner, error) {
	network, address, found := strings.Cut(config.Address, ":")
	if !found || address == "" || network != "unix" && network != "tcp" {
		return nil, fmt.Errorf("scanner: the address %q is neither unix:PATH nor tcp:HOST:PORT", config.Address)
	}
	setDefault(&config.ConnectTimeout, 5*time.Second)
	setDefault(&config.ScanTimeout, 10*time.Minute)
	setDefault(&config.StallTimeout, time.Minute)
	limits := config.Limits
	if config.ConfigFile != "" {
		var err error
		if limits, err = readLimits(config.ConfigFile); err != nil {
			return nil, fmt.Errorf("scanner: %w", err)
		}
	}
	return &Scanner{config: config, network: network, address: address, limits: limits.orDefault()}, nil
}

func setDefault(value *time.Duration, standard time.Duration) {
	if *value == 0 {
		*value = standard
	}
}

// BytesMax is the size in bytes of the largest file that is scanned whole.
func (s *Scanner) BytesMax() int64 { return s.limits.least() }

// Result is what the scanner found in a file.
type Result struct {
	// Clean: it found nothing. Only then may the file go on.
	Clean bool
	// Finding is what it calls what it found; "" where it found nothing.
	Finding string
	// Scanner is the scanner with its signatures, as it calls itself: "ClamAV 1.4.3/27650/Mon Jun  1 …".
	Scanner string
}

// Scan has the bytes of r scanned, of which there are size. The error Is ErrUnreachable, ErrUnclear or ErrBeyond; or
// one of reading r; or the context's.
func (s *Scanner) Scan(ctx context.Context, r io.Reader, size int64) (Result, error) {
	if size > s.BytesMax() {
		return Result{}, fmt.Errorf("%w: it has %d bytes, and the scanner looks at %d", ErrBeyond, size, s.BytesMax())
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.ScanTimeout)
	defer cancel()
	// Signatures may change between this question and the scan; then the file was scanned with newer ones.
	version, err := s.Version(ctx)
	if err != nil {
		return Result{}, err
	}
	conn, err := s.dial(ctx)
	if err != nil {
		return Result{}, err
	}
	defer conn.Close() //nolint:errcheck // nothing is left to be said on it
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	answer, err := s.stream(ctx, conn, r, size)
	if err != nil {
		return Result{}, err
	}
	result, err := judge(answer)
	result.Scanner = version
	return result, err
}

// judge reads clamd's answer to a stream.
func judge(answer string) (Result, error) {
	if answer == "stream: OK" {
		return Result{Clean: true}, nil
	}
	if finding, found := strings.CutPrefix(answer, "stream: "); found {
		if finding, found = strings.CutSuffix(finding, " FOUND"); found && finding != "" {
			if strings.HasPrefix(finding, "Heuristics.Limits.Exceeded") {
				return Result{}, fmt.Errorf("%w: it gave up (%s)", ErrUnclear, finding)
			}
			return Result{Finding: finding}, nil
		}
	}
	if answer == "INSTREAM size limit exceeded. ERROR" {
		return Result{}, fmt.Errorf("%w: StreamMaxLength is smaller than was known", ErrBeyond)
	}
	// The answer may hold what is in the file; it is not passed on.
	return Result{}, fmt.Errorf("%w: neither OK nor FOUND", ErrUnclear)
}

// Version returns what clamd calls itself.
func (s *Scanner) Version(ctx context.Context) (string, error) {
	answer, err := s.ask(ctx, "zVERSION\x00")
	if err == nil && !strings.HasPrefix(answer, "ClamAV ") {
		err = fmt.Errorf("%w: what answers at %s is no clamd", ErrUnclear, s.config.Address)
	}
	return answer, err
}

// ask sends a short command and returns the answer.
func (s *Scanner) ask(ctx context.Context, command string) (string, error) {
	conn, err := s.dial(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close() //nolint:errcheck // nothing is left to be said on it
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	_ = conn.SetDeadline(time.Now().Add(s.config.ConnectTimeout))
	if _, err := io.WriteString(conn, command); err != nil {
		return "", unreachable(ctx, err)
	}
	answer, err := readAnswer(conn)
	if err != nil {
		return "", unreachable(ctx, err)
	}
	return answer, nil
}

func (s *Scanner) dial(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{Timeout: s.config.ConnectTimeout}
	conn, err := dialer.DialContext(ctx, s.network, s.address)
	if err != nil {
		return nil, notReached(ctx, ErrAway, err)
	}
	return conn, nil
}

func unreachable(ctx context.Context, err error) error { return notReached(ctx, ErrUnreachable, err) }

func notReached(ctx context.Context, how, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", how, err)
}

// chunkBytes is how much is sent at a time.
const chunkBytes = 64 << 10

// stream sends the file by INSTREAM: chunks, each after its length in four bytes, and a length of zero at the end.
func (s *Scanner) stream(ctx context.Context, conn net.Conn, r io.Reader, size int64) (string, error) {
	if err := s.send(conn, []byte("zINSTREAM\x00")); err != nil {
		return "", unreachable(ctx, err)
	}
	chunk := make([]byte, 4+chunkBytes)
	var sent int64
	for sent < size {
		n, err := io.ReadFull(r, chunk[4:4+min(chunkBytes, size-sent)])
		if err != nil {
			return "", fmt.Errorf("read file to scan: %w", err)
		}
		binary.BigEndian.PutUint32(chunk, uint32(n))
		if err := s.send(conn, chunk[:4+n]); err != nil {
			return s.cutShort(ctx, conn, err)
		}
		sent += int64(n)
	}
	// The end of the file is read too, where its reader finds out that something was cut off or altered.
	if n, err := r.Read(chunk[:1]); n != 0 || !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read file to scan: it does not end after %d bytes: %w", size, err)
	}
	if err := s.send(conn, make([]byte, 4)); err != nil {
		return s.cutShort(ctx, conn, err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(s.config.ScanTimeout))
	answer, err := readAnswer(conn)
	if err != nil {
		return "", unreachable(ctx, err)
	}
	return answer, nil
}

// cutShort returns what clamd said before it stopped to listen, unless that is OK: it did not see the whole file.
func (s *Scanner) cutShort(ctx context.Context, conn net.Conn, fault error) (string, error) {
	_ = conn.SetReadDeadline(time.Now().Add(s.config.ConnectTimeout))
	answer, err := readAnswer(conn)
	if err != nil || strings.HasSuffix(answer, "OK") {
		return "", unreachable(ctx, fault)
	}
	return answer, nil
}

func (s *Scanner) send(conn net.Conn, data []byte) error {
	_ = conn.SetWriteDeadline(time.Now().Add(s.config.StallTimeout))
	_, err := conn.Write(data)
	return err
}

// readAnswer reads an answer, which ends with a zero byte. One that is cut off is none.
func readAnswer(conn net.Conn) (string, error) {
	const answerBytesMax = 4096
	answer, err := bufio.NewReader(io.LimitReader(conn, answerBytesMax)).ReadString(0)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(answer, "\x00"), nil
}
