package httpapi_test

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"casesync/domain/access"
)

func TestExportCSV(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		feed(f)
		f.event("C7", "case.converted", converted(frnA, data{
			"businessReference": "=HYPERLINK(1)", "issue": "-5", "consumer": data{"name": "@\"evil\", Esq"}, "convertedAt": "2026-04-01T09:00:00Z",
		}))
		got := f.get(access.Caseworker, "/api/v1/cases/export?status=open&sort=reference").want(http.StatusOK)
		if media := got.header.Get("Content-Type"); !strings.HasPrefix(media, "text/csv; charset=utf-8") {
			t.Errorf("Content-Type: got %q", media)
		}
		position := got.header.Get("Casesync-Position")
		if name := got.header.Get("Content-Disposition"); !strings.Contains(name, `filename="cases-20260610T120000Z-at-`+position+`.csv"`) {
			t.Errorf("Content-Disposition: got %q", name)
		}
		rows, err := csv.NewReader(bytes.NewReader(got.body)).ReadAll()
		if err != nil {
			t.Fatalf("read export: %v", err)
		}
		column := map[string]int{}
		for i, name := range rows[0] {
			column[name] = i
		}
		if len(rows) != 4 {
			t.Fatalf("got %d rows, want a header and C1, C2, C7", len(rows))
		}
		for i, want := range []map[string]string{
			{"reference": "C1", "consumer": "Alex Specimen", "priority": "true", "dueDate": "2026-06-09", "actionsOpen": "1", "closedAt": "", "convertedAt": "2026-06-01T09:00:00Z"},
			{"reference": "C2", "consumer": "Zoë Müller", "product": "Loan", "export": ""},
			{"reference": "C7", "businessReference": "'=HYPERLINK(1)", "issue": "'-5", "consumer": "'@\"evil\", Esq"},
		} {
			for name, value := range want {
				if have := rows[i+1][column[name]]; have != value {
					t.Errorf("row %d, %s: got %q, want %q", i+1, name, have, value)
				}
			}
		}
		if note := rows[1][column["export"]]; !strings.Contains(note, "as of position "+position) || !strings.Contains(note, "status=open") || !strings.Contains(note, "user:caseworker") {
			t.Errorf("note: got %q", note)
		}
		if _, there := column["suppressed"]; there {
			t.Error("a business user's export has a column suppressed")
		}
		// What the list shows is what the export holds.
		if list := f.get(access.Caseworker, "/api/v1/cases?status=open&sort=reference").refs(); list != "C1 C2 C7" {
			t.Errorf("list: got %q", list)
		}
		if logged := f.logged.String(); !strings.Contains(logged, "cases exported") || strings.Contains(logged, "Specimen") {
			t.Errorf("log: got %q, want the export without personal data", logged)
		}
	})
}

func TestExportXLSX(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		feed(f)
		f.event("C7", "case.converted", converted(frnA, data{"issue": "=1+1 <&> end", "convertedAt": "2026-04-01T09:30:00Z"}))
		got := f.get(access.Auditor, "/api/v1/cases/export?format=xlsx&sort=reference&business="+frnA).want(http.StatusOK)
		book, err := excelize.OpenReader(bytes.NewReader(got.body))
		if err != nil {
			t.Fatalf("open workbook: %v", err)
		}
		defer book.Close()
		rows, err := book.GetRows("Cases")
		if err != nil || len(rows) != 7 {
			t.Fatalf("got %d rows, %v; want a header and six cases", len(rows), err)
		}
		cell := func(name string, row int) string {
			for i, header := range rows[0] {
				if header == name {
					address, _ := excelize.CoordinatesToCellName(i+1, row+1)
					return address
				}
			}
			t.Fatalf("no column %s", name)
			return ""
		}
		for _, want := range []struct {
			name  string
			row   int
			value string
			kind  excelize.CellType
		}{
			{"reference", 1, "C1", excelize.CellTypeInlineString},
			{"business", 1, frnA, excelize.CellTypeInlineString}, // a text: FRNs are no numbers
			{"actionsOpen", 1, "1", excelize.CellTypeUnset},
			{"priority", 1, "TRUE", excelize.CellTypeBool},
			{"dueDate", 1, "2026-06-09", excelize.CellTypeUnset},
			{"convertedAt", 6, "2026-04-01 09:30:00", excelize.CellTypeUnset},
			{"issue", 6, "=1+1 <&> end", excelize.CellTypeInlineString},
			{"suppressed", 5, "TRUE", excelize.CellTypeBool},
			{"closedAt", 3, "2026-03-31 22:59:00", excelize.CellTypeUnset},
		} {
			address := cell(want.name, want.row)
			if value, err := book.GetCellValue("Cases", address); err != nil || value != want.value {
				t.Errorf("%s of row %d: got %q, %v; want %q", want.name, want.row, value, err, want.value)
			}
			if kind, err := book.GetCellType("Cases", address); err != nil || kind != want.kind {
				t.Errorf("%s of row %d: got type %v, %v; want %v", want.name, want.row, kind, err, want.kind)
			}
			if formula, _ := book.GetCellFormula("Cases", address); formula != "" {
				t.Errorf("%s of row %d is the formula %q", want.name, want.row, formula)
			}
		}
		about, err := book.GetRows("About")
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, row := range about {
			lines = append(lines, strings.Join(row, "="))
		}
		text := strings.Join(lines, "\n")
		for _, want := range []string{"as of position=" + got.header.Get("Casesync-Position"), "filter=business=" + frnA, "filter=sort=reference", "exported by=token:"} {
			if !strings.Contains(text, want) {
				t.Errorf("About: got %q, want %q in it", text, want)
			}
		}
	})
}
