package local

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"casesync/adapters/identity/signin"
)

// Hashing is how passwords and answers are hashed, with argon2id (RFC 9106). When a parameter
// rises, each password is hashed anew the next time it is right. The zero Hashing is a good one.
type Hashing struct {
	// MemoryKiB of one hash; 19,456 (19 MiB) by default, at most 262,144.
	MemoryKiB uint32
	// Passes over that memory; 2 by default, at most 16.
	Passes uint32
	// Lanes of one hash; 1 by default, at most 16.
	Lanes uint8
	// AtOnceMax is how many hashes are computed at once, which bounds memory; 4 by default.
	AtOnceMax int
	// WaitingMax is how many may wait for that; 64 by default. More are refused as busy.
	WaitingMax int
}

const (
	saltBytes    = 16
	hashBytes    = 32
	memoryKiBMax = 256 << 10
	passesMax    = 16
	lanesMax     = 16
)

func (h Hashing) orDefault() Hashing {
	h.MemoryKiB = cmp.Or(h.MemoryKiB, 19<<10)
	h.Passes = cmp.Or(h.Passes, 2)
	h.Lanes = cmp.Or(h.Lanes, 1)
	h.AtOnceMax = cmp.Or(h.AtOnceMax, 4)
	h.WaitingMax = cmp.Or(h.WaitingMax, 64)
	return h
}

// phc is a hash in the PHC string format: $argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>.
type phc struct {
	memoryKiB, passes uint32
	lanes             uint8
	salt, hash        []byte
}

var errNoPHC = errors.New("not an argon2id hash in PHC format, or beyond its limits")

func parsePHC(text string) (p phc, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, errNoPHC
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memoryKiB, &p.passes, &p.lanes); err != nil {
		return phc{}, errNoPHC
	}
	if p.salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4]); err != nil {
		return phc{}, errNoPHC
	}
	if p.hash, err = base64.RawStdEncoding.Strict().DecodeString(parts[5]); err != nil {
		return phc{}, errNoPHC
	}
	// The written form is compared, so that one hash has one text; the limits keep a damaged row
	// from taking all memory.
	fits := p.memoryKiB <= memoryKiBMax && p.passes >= 1 && p.passes <= passesMax && p.lanes >= 1 && p.lanes <= lanesMax
	if !fits || p.memoryKiB < 8*uint32(p.lanes) || len(p.salt) != saltBytes || len(p.hash) != hashBytes || p.String() != text {
		return phc{}, errNoPHC
	}
	return p, nil
}

func (p phc) String() string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memoryKiB, p.passes, p.lanes, encode(p.salt), encode(p.hash))
}

// hasher computes hashes, a bounded number at once.
type hasher struct {
	config  Hashing
	admit   chan struct{} // who computes or waits
	compute chan struct{} // who computes
	derive  func(password, salt []byte, passes, memoryKiB uint32, lanes uint8, bytes uint32) []byte
}

func newHasher(config Hashing) (*hasher, error) {
	config = config.orDefault()
	if config.MemoryKiB > memoryKiBMax || config.Passes > passesMax || config.Lanes > lanesMax ||
		config.MemoryKiB < 8*uint32(config.Lanes) || config.AtOnceMax < 1 || config.WaitingMax < 0 {
		return nil, fmt.Errorf("hashing: memory %d KiB, %d passes, %d lanes, %d at once, %d waiting are beyond the limits",
			config.MemoryKiB, config.Passes, config.Lanes, config.AtOnceMax, config.WaitingMax)
	}
	return &hasher{
		config:  config,
		admit:   make(chan struct{}, config.AtOnceMax+config.WaitingMax),
		compute: make(chan struct{}, config.AtOnceMax),
		derive:  argon2.IDKey,
	}, nil
}

// hash returns a new hash of a secret, in PHC format.
func (h *hasher) hash(ctx context.Context, secret string) (string, error) {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails: crypto/rand ends the program instead
	p := phc{memoryKiB: h.config.MemoryKiB, passes: h.config.Passes, lanes: h.config.Lanes, salt: salt}
	if err := h.run(ctx, secret, &p); err != nil {
		return "", err
	}
	return p.String(), nil
}

// verify reports whether a secret has the hash, and whether the hash is weaker than new ones.
func (h *hasher) verify(ctx context.Context, secret, text string) (right, weak bool, err error) {
	want, err := parsePHC(text)
	if err != nil {
		return false, false, err
	}
	got := want
	if err := h.run(ctx, secret, &got); err != nil {
		return false, false, err
	}
	weak = want.memoryKiB < h.config.MemoryKiB || want.passes < h.config.Passes
	return subtle.ConstantTimeCompare(got.hash, want.hash) == 1, weak, nil
}

// busyRetryAfter is when a place should be free again.
const busyRetryAfter = 5 * time.Second

func (h *hasher) run(ctx context.Context, secret string, p *phc) error {
	select {
	case h.admit <- struct{}{}:
		defer func() { <-h.admit }()
	default:
		refusal := signin.Refuse(signin.Busy, "%d hashes are computed or waited for", cap(h.admit))
		refusal.RetryAfter = busyRetryAfter
		return refusal
	}
	select {
	case h.compute <- struct{}{}:
		defer func() { <-h.compute }()
	case <-ctx.Done():
		return fmt.Errorf("hash: %w", ctx.Err())
	}
	// NFKC, so that a password typed on another keyboard is the same one (NIST SP 800-63B, 3.1.1.2).
	p.hash = h.derive(norm.NFKC.Bytes([]byte(secret)), p.salt, p.passes, p.memoryKiB, p.lanes, hashBytes)
	return nil
}
