package clamd

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// Limits are those settings of clamd beyond which it does not look, in bytes.
type Limits struct {
	// StreamBytesMax is its StreamMaxLength: more is answered with an error.
	StreamBytesMax int64
	// FileBytesMax is its MaxFileSize: a larger file is passed over, and called OK.
	FileBytesMax int64
	// ScanBytesMax is its MaxScanSize: what comes after is passed over, and called OK.
	ScanBytesMax int64
}

// The smallest defaults that releases of ClamAV in use have had, and the most that it can be set to.
const (
	smallestDefault = 25 << 20
	// mostFileBytes: ClamAV takes no file of 2 GiB or more, whatever is set.
	mostFileBytes = 2<<30 - 1
)

func (l Limits) orDefault() Limits {
	for _, field := range []*int64{&l.StreamBytesMax, &l.FileBytesMax, &l.ScanBytesMax} {
		if *field == 0 {
			*field = smallestDefault
		}
	}
	return l
}

func (l Limits) least() int64 {
	return min(l.StreamBytesMax, l.FileBytesMax, l.ScanBytesMax, mostFileBytes)
}

// readLimits reads the limits out of clamd's configuration file.
func readLimits(path string) (Limits, error) {
	file, err := os.Open(path)
	if err != nil {
		return Limits{}, fmt.Errorf("read the scanner's configuration: %w", err)
	}
	defer file.Close()
	var limits Limits
	fields := map[string]*int64{
		"StreamMaxLength": &limits.StreamBytesMax, "MaxFileSize": &limits.FileBytesMax, "MaxScanSize": &limits.ScanBytesMax,
	}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 2 || fields[words[0]] == nil {
			continue
		}
		if *fields[words[0]], err = parseSize(words[1]); err != nil {
			return Limits{}, fmt.Errorf("read the scanner's configuration: %s: %w", words[0], err)
		}
	}
	if err := lines.Err(); err != nil {
		return Limits{}, fmt.Errorf("read the scanner's configuration: %w", err)
	}
	return limits, nil
}

// parseSize reads a size as clamd does: a number, with K, M or G. Zero switches a limit off.
func parseSize(text string) (int64, error) {
	factor := int64(1)
	for unit, bytes := range map[string]int64{"K": 1 << 10, "M": 1 << 20, "G": 1 << 30} {
		if number, found := strings.CutSuffix(strings.ToUpper(text), unit); found {
			text, factor = number, bytes
			break
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/factor {
		return 0, fmt.Errorf("%q is no size", text)
	}
	if n == 0 {
		return math.MaxInt64, nil
	}
	return n * factor, nil
}

// Check asks clamd whether it is there, and compares its StreamMaxLength with what is known of it. It returns
// ErrUnreachable, or an error that says what to set. Give it when the program starts; and before a promise is made of
// which sizes are taken, compare BytesMax.
func (s *Scanner) Check(ctx context.Context) error {
	if _, err := s.Version(ctx); err != nil {
		return err
	}
	answer, err := s.offer(ctx, uint32(min(s.limits.StreamBytesMax, mostFileBytes)))
	if err != nil {
		return err
	}
	if answer != "" {
		return fmt.Errorf("scanner: StreamMaxLength of clamd is smaller than %d bytes, which it was said to be: name its configuration file, or its limits",
			s.limits.StreamBytesMax)
	}
	return nil
}

// offer announces a chunk of a stream without sending it, and returns what clamd says to that: nothing, where it takes
// that much, for it waits for the bytes then.
func (s *Scanner) offer(ctx context.Context, bytes uint32) (string, error) {
	conn, err := s.dial(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close() //nolint:errcheck // nothing is left to be said on it
	if err := s.send(conn, binary.BigEndian.AppendUint32([]byte("zINSTREAM\x00"), bytes)); err != nil {
		return "", unreachable(ctx, err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(offerTimeout))
	answer, err := readAnswer(conn)
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		return "", nil
	}
	if err != nil {
		return "", unreachable(ctx, err)
	}
	return answer, nil
}

// offerTimeout is how long clamd's silence has to last to mean that it takes a chunk of the size offered; it refuses at once.
const offerTimeout = 500 * time.Millisecond
