package httpapi

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

var testColumns = []column{{name: "text", kind: kindText}, {name: "number", kind: kindNumber}, {name: "day", kind: kindDay}, {name: "at", kind: kindInstant}, {name: "flag", kind: kindFlag}}

func write(t *testing.T, s sheet, rows ...[]any) {
	t.Helper()
	err := s.begin(testColumns, exportNote{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), by: "user:ada"})
	for _, row := range rows {
		if err == nil {
			err = s.row(row)
		}
	}
	if err == nil {
		err = s.end()
	}
	if err != nil {
		t.Fatalf("write sheet: %v", err)
	}
}

// TestCSVCells: whatever a spreadsheet might take for a formula is defused, numbers and dates are
// left alone, and everything else comes back as it was.
func TestCSVCells(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 6, 1, 23, 30, 0, 0, time.FixedZone("", 3600))
	for text, want := range map[string]string{
		"=1+1": "'=1+1", "+44 20": "'+44 20", "-5": "'-5", "@sum": "'@sum", "\tx": "'\tx", "\rx": "'x",
		"plain": "plain", "": "", "a=b": "a=b", "quote\"d, and\nbroken": "quote\"d, and\nbroken", "Zoë 漢字 😀": "Zoë 漢字 😀", "'": "'",
	} {
		var out bytes.Buffer
		write(t, newCSV(&out), []any{text, int64(-5), "2026-06-01", &at, true})
		rows, err := csv.NewReader(&out).ReadAll()
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		// The reader of the standard library turns CRLF within quotes into LF; nothing here has one.
		if got := rows[1][:5]; got[0] != want || got[1] != "-5" || got[2] != "2026-06-01" || got[3] != "2026-06-01T22:30:00Z" || got[4] != "true" {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestXLSXCells(t *testing.T) {
	t.Parallel()
	var none *time.Time
	at := time.Date(2026, 6, 1, 22, 30, 15, 0, time.UTC)
	early := time.Date(1900, 3, 1, 0, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	write(t, newXLSX(&out),
		[]any{"=1+1 <b> & \"q\" \x01\x02 \xff", int64(-5), "2026-06-01", &at, true},
		[]any{"", int64(0), "", none, false},
		[]any{strings.Repeat("ä", xlsxTextMax+5), int64(1) << 40, "not a day", &early, true})
	book, err := excelize.OpenReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	for cell, want := range map[string]string{
		"A1": "text", "A2": "=1+1 <b> & \"q\"  �", "B2": "-5", "C2": "2026-06-01", "D2": "2026-06-01 22:30:15", "E2": "TRUE",
		"A3": "", "B3": "0", "C3": "", "D3": "", "E3": "FALSE",
		"A4": strings.Repeat("ä", xlsxTextMax), "B4": "1099511627776", "C4": "not a day", "D4": "1900-03-01 00:00:00",
	} {
		if got, err := book.GetCellValue("Cases", cell); err != nil || got != want {
			t.Errorf("%s: got %.60q, %v; want %.60q", cell, got, err, want)
		}
	}
}

// TestXLSXGoesOn: what does not fit a sheet goes on in another, with its header.
func TestXLSXGoesOn(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	sheet := newXLSX(&out)
	sheet.rowsMax = 3
	var rows [][]any
	for i := range 5 {
		rows = append(rows, []any{fmt.Sprint("row ", i), int64(i), "", nil, false})
	}
	write(t, sheet, rows...)
	book, err := excelize.OpenReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	if got, want := fmt.Sprint(book.GetSheetList()), "[Cases Cases 2 Cases 3 About]"; got != want {
		t.Errorf("sheets: got %s, want %s", got, want)
	}
	for address, want := range map[[2]string]string{
		{"Cases", "A2"}: "row 0", {"Cases", "A3"}: "row 1", {"Cases 2", "A1"}: "text", {"Cases 2", "A2"}: "row 2", {"Cases 3", "A2"}: "row 4", {"Cases 3", "A3"}: "",
	} {
		if got, err := book.GetCellValue(address[0], address[1]); err != nil || got != want {
			t.Errorf("%v: got %q, %v; want %q", address, got, err, want)
		}
	}
}

// TestClientGone: a client that went away is no fault of the service, and anything else is.
func TestClientGone(t *testing.T) {
	t.Parallel()
	reset := &net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.ECONNRESET)}
	for err, want := range map[error]bool{
		context.Canceled: true, reset: true, syscall.EPIPE: true,
		context.DeadlineExceeded: false, io.ErrUnexpectedEOF: false,
	} {
		if got := isGone(fmt.Errorf("write rows: %w", err)); got != want {
			t.Errorf("%v: got %t, want %t", err, got, want)
		}
	}
}
