package kurrentlog

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]struct {
		place, prefix  string
		seeds          int
		appendBytesMax int
		discover       bool
	}{
		"kurrentdb://localhost?tls=false":                                    {"localhost:2113", "", 0, 1 << 20, false},
		"esdb://admin:s3cret@db.example:2114":                                {"db.example:2114", "", 0, 1 << 20, false},
		"kurrentdb+discover://db.example:2113?nodePreference=leader":         {"db.example:2113", "", 0, 1 << 20, true},
		"kurrentdb://a:1,b:2,c:3?maxAppendSize=16000000":                     {"", "", 3, 16_000_000, false},
		"esdb://h:1?streamPrefix=casesync-&tls=false&maxDiscoverAttempts=10": {"h:1", "casesync-", 0, 1 << 20, false},
	} {
		got, err := parse(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if got.config.Address != want.place || len(got.config.GossipSeeds) != want.seeds || got.config.DnsDiscover != want.discover {
			t.Errorf("%s: got %q, %d seeds, discover %v, want %+v", address, got.config.Address, len(got.config.GossipSeeds), got.config.DnsDiscover, want)
		}
		if got.streamPrefix != want.prefix || got.appendBytesMax != want.appendBytesMax || got.config.MaxDiscoverAttempts != math.MaxInt32 {
			t.Errorf("%s: got prefix %q, %d bytes, %d attempts, want %+v", address, got.streamPrefix, got.appendBytesMax, got.config.MaxDiscoverAttempts, want)
		}
	}
}

func TestWrongAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"postgres://u:s3cret@h/db":                      "must be kurrentdb://",
		"kurrentdb://":                                  "must be kurrentdb://",
		"kurrentdb://u:s3cret@h:port":                   "must be kurrentdb://",
		"kurrentdb://u:s3cret@h?tsl=false":              `no setting "tsl"`,
		"kurrentdb://u:s3cret@h?tls=false":              "over TLS alone",
		"kurrentdb://h?nodePreference=follower":         "must be leader",
		"kurrentdb://h?maxAppendSize=1MiB":              "maxAppendSize",
		"kurrentdb://h?streamPrefix=$x":                 "streamPrefix",
		"kurrentdb://u:s3cret@h?%zz":                    "name=value",
		"kurrentdb://u:s3cret@h?tlsCAFile=/nowhere.pem": "must be kurrentdb://",
	} {
		if err := CheckAddress(address); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %v, want %q, and no password", address, err, want)
		}
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"kurrentdb://admin:s3c@ret@a:1,b:2?tls=true&x=s3cret": "kurrentdb://admin:xxxxx@a:1,b:2",
		"esdb://h:2113?tls=false":                             "esdb://h:2113",
	} {
		if got := Redact(address); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}

// A mark comes off again, whatever it stands on, and leaves JSON JSON.
func TestMark(t *testing.T) {
	t.Parallel()
	first, second := newMark(), newMark()
	if first == second {
		t.Errorf("two marks are the same: %q", first)
	}
	for _, metadata := range []string{"", "{}", " \t\n\r", strings.Repeat(" ", 100), "\x00\xff", string(first[:])} {
		marked := first.on([]byte(metadata))
		if got, mark := unmark(marked); string(got) != metadata || mark != first {
			t.Errorf("%q: got %q with mark %q, want it with %q", metadata, got, mark, first)
		}
		if json.Valid([]byte(metadata)) && !json.Valid(marked) {
			t.Errorf("%q is JSON, but %q is not", metadata, marked)
		}
	}
	for _, foreign := range []string{"", "{}", strings.Repeat("x", 100), strings.Repeat("x", 31) + " "} {
		if got, mark := unmark([]byte(foreign)); !bytes.Equal(got, []byte(foreign)) || mark != foreignMark {
			t.Errorf("metadata of others %q: got %q with mark %q, want it whole", foreign, got, mark)
		}
	}
}

// foreignMark is that of events that this package did not append.
var foreignMark mark
