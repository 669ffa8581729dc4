package servicebus

import (
	"encoding/json"
	"log/slog"
	"strings"
)

// ConnectionString is a connection string, whose key is not shown by whatever prints or logs it.
type ConnectionString string

// String returns the connection string with its secrets masked.
func (c ConnectionString) String() string {
	if c == "" {
		return ""
	}
	var shown []string
	for part := range strings.SplitSeq(string(c), ";") {
		name, _, found := strings.Cut(part, "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "endpoint", "sharedaccesskeyname", "entitypath", "usedevelopmentemulator":
			shown = append(shown, part)
		case "":
		default: // whatever else there is may be secret, and so may a part without a name
			if !found {
				name = "…"
			}
			shown = append(shown, name+"=xxxxx")
		}
	}
	return strings.Join(shown, ";")
}

// GoString is String, for %#v.
func (c ConnectionString) GoString() string { return c.String() }

// LogValue is String, for log lines.
func (c ConnectionString) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON is String, as JSON.
func (c ConnectionString) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }
