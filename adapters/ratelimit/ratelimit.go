// Package ratelimit bounds how many requests come from one address and from one principal, each by
// a token bucket: so many at once, then so many a second. It promises to need bounded memory
// whoever asks, and to answer 429 with Retry-After where there is no token.
//
// A bucket that was used least recently is forgotten when there are too many, and full again when
// its owner comes back; so whoever has very many addresses gets more, and a limit on what he
// attacks has to hold besides, such as the one on attempts to sign in. Limits are per process.
//
// The address is the request's RemoteAddr. Behind proxies, a middleware in front must have put the
// client's there, as far as the proxies are trusted; this package reads no header.
package ratelimit

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"casesync/eventstore/lru"
)

// Limit is a token bucket.
type Limit struct {
	// PerSecond is how many requests a second go on for ever.
	PerSecond float64
	// Burst is how many go at once.
	Burst int
}

// Config is the manual of limits.
type Config struct {
	// Limit is each key's bucket; 20 a second and 60 at once by default.
	Limit Limit
	// KeysMax is how many buckets are kept, about 300 bytes each; 100,000 by default.
	KeysMax int
	// Now tells the time. Default time.Now.
	Now func() time.Time
	// Refuse writes the answer to a request without a token, after Retry-After was set. There is a
	// plain default, of status 429.
	Refuse func(w http.ResponseWriter, r *http.Request, retryAfter time.Duration)
}

// Limiter is buckets by key. It is safe for concurrent use.
type Limiter struct {
	config  Config
	mu      sync.Mutex // so that a key has one bucket
	buckets *lru.Cache[string, *rate.Limiter]
}

// New returns a limiter.
func New(config Config) (*Limiter, error) {
	if config.Limit == (Limit{}) {
		config.Limit = Limit{PerSecond: 20, Burst: 60}
	}
	config.KeysMax = cmp.Or(config.KeysMax, 100_000)
	if !(config.Limit.PerSecond > 0) || math.IsInf(config.Limit.PerSecond, 1) || config.Limit.Burst < 1 || config.KeysMax < 1 {
		return nil, fmt.Errorf("rate limit: %g a second, %d at once, %d keys: each must be positive", config.Limit.PerSecond, config.Limit.Burst, config.KeysMax)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Refuse == nil {
		config.Refuse = func(w http.ResponseWriter, _ *http.Request, _ time.Duration) {
			http.Error(w, "There were too many requests. Wait before you try again.", http.StatusTooManyRequests)
		}
	}
	return &Limiter{config: config, buckets: lru.New[string, *rate.Limiter](config.KeysMax)}, nil
}

// Allow takes a token of a key, or returns how long until there is one.
func (l *Limiter) Allow(key string) (retryAfter time.Duration, ok bool) { return l.AllowN(key, 1) }

// AllowN takes n tokens of a key, or none, and returns how long until there are so many. More than Limit.Burst there
// are never; they count as so many.
func (l *Limiter) AllowN(key string, n int) (retryAfter time.Duration, ok bool) {
	now := l.config.Now()
	reservation := l.bucket(key).ReserveN(now, min(n, l.config.Limit.Burst))
	if wait := reservation.DelayFrom(now); wait > 0 {
		reservation.CancelAt(now) // who is refused does not wait in line
		return wait, false
	}
	return 0, true
}

func (l *Limiter) bucket(key string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bucket, ok := l.buckets.Get(key); ok {
		return bucket
	}
	bucket := rate.NewLimiter(rate.Limit(l.config.Limit.PerSecond), l.config.Limit.Burst)
	l.buckets.Put(key, bucket)
	return bucket
}

// ByAddress is middleware that limits by the address a request comes from.
func (l *Limiter) ByAddress(next http.Handler) http.Handler {
	return l.By(AddressKey)(next)
}

// By returns middleware that limits by the key of a request, such as the principal's id; a request
// of the key "" is not limited.
func (l *Limiter) By(key func(r *http.Request) string) func(next http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			k := key(r)
			if k == "" {
				next.ServeHTTP(w, r)
				return
			}
			if wait, ok := l.Allow(k); !ok {
				w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
				l.config.Refuse(w, r, wait)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// networkBits is what one customer has of IPv6: he may use any address in it.
const networkBits = 64

// AddressKey returns what an address is limited by: itself, or its network of 64 bits in IPv6. All
// that is no address shares one key.
func AddressKey(r *http.Request) string {
	var address netip.Addr
	if withPort, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		address = withPort.Addr()
	} else if address, err = netip.ParseAddr(r.RemoteAddr); err != nil {
		return "unknown"
	}
	address = address.Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	network, err := address.Prefix(networkBits)
	if err != nil {
		return "unknown"
	}
	return network.String()
}
