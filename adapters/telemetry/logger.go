// Package telemetry is what an operator sees of a running process: log lines, metrics, traces and
// health. None of them holds personal data: log lines and labels name event ids, positions, types
// and counts, never what an event says.
//
// Names follow OpenTelemetry's conventions, dots as underscores where Prometheus asks for it.
package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// NewLogger returns a logger that writes to w: format is "text" or "json", level one of debug,
// info, warn and error.
func NewLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	var options slog.HandlerOptions
	var threshold slog.Level
	if err := threshold.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q: want debug, info, warn or error", level)
	}
	options.Level = threshold
	switch strings.ToLower(format) {
	case "text":
		return slog.New(slog.NewTextHandler(w, &options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, &options)), nil
	default:
		return nil, fmt.Errorf("log format %q: want text or json", format)
	}
}
