package httpapi

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
)

// csvSheet writes RFC 4180 with a header line, in UTF-8 without a byte order mark. A last column
// named export says once, in the first row, what the file is.
type csvSheet struct {
	writer  *csv.Writer
	columns []column
	note    string
	record  []string
}

func newCSV(w io.Writer) *csvSheet {
	writer := csv.NewWriter(w)
	writer.UseCRLF = true
	return &csvSheet{writer: writer}
}

func (s *csvSheet) begin(columns []column, note exportNote) error {
	s.columns, s.note = columns, note.String()
	header := make([]string, 0, len(columns)+1)
	for _, column := range columns {
		header = append(header, column.name)
	}
	s.record = make([]string, len(columns)+1)
	return s.writer.Write(append(header, "export"))
}

func (s *csvSheet) row(values []any) error {
	for i, value := range values {
		s.record[i] = csvText(s.columns[i].kind, value)
	}
	s.record[len(values)], s.note = harmless(s.note), ""
	return s.writer.Write(s.record)
}

func (s *csvSheet) flush() error {
	s.writer.Flush()
	return s.writer.Error()
}

func (s *csvSheet) end() error { return s.flush() }

func csvText(kind kind, value any) string {
	switch value := value.(type) {
	case string:
		if kind == kindText {
			return harmless(value)
		}
		return value
	case int64:
		return strconv.FormatInt(value, 10)
	case bool:
		return strconv.FormatBool(value)
	case *time.Time:
		if value != nil && !value.IsZero() {
			return value.UTC().Format(time.RFC3339)
		}
	}
	return ""
}

// harmless keeps a spreadsheet from taking text for a formula, as OWASP advises: text that begins
// with one of these gets an apostrophe before it. Numbers are never touched, so that -5 stays one.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
