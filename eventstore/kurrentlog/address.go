package kurrentlog

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// serverAppendBytesMax is the server's MaxAppendSize where nobody set it.
const serverAppendBytesMax = 1 << 20

// schemes are the schemes of an address, and what the client calls them.
var schemes = map[string]string{
	"kurrentdb": "esdb", "esdb": "esdb", "kurrentdb+discover": "esdb+discover", "esdb+discover": "esdb+discover",
}

// parameters are those that an address may have, in lower case. The client passes over one that it
// does not know, and so a misspelt one.
var parameters = []string{
	"tls", "tlscafile", "tlsverifycert", "usercertfile", "userkeyfile", "gossiptimeout", "keepaliveinterval", "keepalivetimeout", "nodepreference",
	"discoveryinterval", "maxdiscoverattempts",
}

// IsAddress reports whether address is one that Open takes.
func IsAddress(address string) bool {
	scheme, _, found := strings.Cut(address, "://")
	return found && schemes[scheme] != ""
}

// CheckAddress returns an error for an address that Open cannot take. It asks no server.
func CheckAddress(address string) error {
	_, err := parse(address)
	return err
}

// Redact returns address without its password and parameters, to be shown.
func Redact(address string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	rest, _, _ = strings.Cut(rest, "?")
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		user, _, _ := strings.Cut(rest[:at], ":")
		rest = user + ":xxxxx" + rest[at:]
	}
	return scheme + "://" + rest
}

type parsedAddress struct {
	config         *esdb.Configuration
	appendBytesMax int    // the server's MaxAppendSize
	streamPrefix   string // of the log's streams in the server
}

// parse reads an address. Its errors do not repeat it, since it may hold a password.
func parse(address string) (parsedAddress, error) {
	parsed := parsedAddress{appendBytesMax: serverAppendBytesMax}
	scheme, rest, _ := strings.Cut(address, "://")
	if schemes[scheme] == "" {
		return parsed, errors.New("address must be kurrentdb://HOST:2113")
	}
	place, query, _ := strings.Cut(rest, "?")
	settings, err := url.ParseQuery(query)
	if err != nil {
		return parsed, errors.New("address: what stands behind the ? must be name=value&name=value")
	}
	for name, values := range settings {
		switch key := strings.ToLower(name); {
		case key == "maxappendsize":
			if parsed.appendBytesMax, err = strconv.Atoi(values[0]); err != nil || parsed.appendBytesMax < 1024 {
				return parsed, errors.New("address: maxAppendSize must be the server's setting, a number of bytes")
			}
		case key == "streamprefix":
			if parsed.streamPrefix = values[0]; strings.HasPrefix(parsed.streamPrefix, "$") {
				return parsed, errors.New("address: streamPrefix must not begin with $: such streams are the server's own")
			}
		case !slices.Contains(parameters, key):
			return parsed, fmt.Errorf("address: there is no setting %q; there are maxappendsize, streamprefix, %s", name, strings.Join(parameters, ", "))
		default:
			continue
		}
		delete(settings, name) // the client does not know it
	}
	if parsed.config, err = esdb.ParseConnectionString(schemes[scheme] + "://" + place + "?" + settings.Encode()); err != nil {
		return parsed, errors.New("address must be kurrentdb://[USER:PASSWORD@]HOST[:2113][,HOST…][?tls=false&…]")
	}
	return parsed, configure(parsed.config)
}

func configure(config *esdb.Configuration) error {
	if config.NodePreference != esdb.NodePreferenceLeader {
		return errors.New("address: nodePreference must be leader: other nodes may not have what was just appended")
	}
	if config.Username != "" && config.DisableTLS {
		return errors.New("address: a user and password are sent over TLS alone: leave out tls=false, or the user")
	}
	// Defect: a client that has failed to find a node this often is closed for good, by default
	// after an outage of about one second. So it never gives up; our callers do.
	config.MaxDiscoverAttempts = math.MaxInt32
	config.DiscoveryInterval = 250 // milliseconds
	config.Logger = esdb.NoopLogging()
	return nil
}
