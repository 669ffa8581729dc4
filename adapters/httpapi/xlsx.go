package httpapi

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// xlsxRowsMax is how many rows a sheet can have; what is more goes on in another sheet.
const xlsxRowsMax = 1_048_576

// xlsxTextMax is how many characters a cell can have.
const xlsxTextMax = 32_767

// xlsxSheet writes an Office Open XML workbook as a stream: typed cells, texts inline, so that
// nothing has to be kept until the end. Sheets of cases come first, then one that says what the
// file is. A text is a text here, whatever it begins with: nothing is evaluated.
type xlsxSheet struct {
	archive *zip.Writer
	out     *bufio.Writer // the part that is being written
	columns []column
	note    exportNote
	names   []string // of the sheets so far
	rows    int      // of the sheet so far
	rowsMax int
}

func newXLSX(w io.Writer) *xlsxSheet {
	return &xlsxSheet{archive: zip.NewWriter(w), rowsMax: xlsxRowsMax}
}

func (s *xlsxSheet) begin(columns []column, note exportNote) error {
	s.columns, s.note = columns, note
	return s.beginCases()
}

func (s *xlsxSheet) beginCases() error {
	name := "Cases"
	if len(s.names) > 0 {
		name = fmt.Sprintf("Cases %d", len(s.names)+1)
	}
	if err := s.beginSheet(name); err != nil {
		return err
	}
	header := make([]any, len(s.columns))
	for i, column := range s.columns {
		header[i] = column.name
	}
	s.writeRow(header, func(int) kind { return kindText })
	return nil
}

// beginSheet starts a sheet whose first row stays in sight.
func (s *xlsxSheet) beginSheet(name string) error {
	s.names = append(s.names, name)
	s.rows = 0
	if err := s.beginPart(fmt.Sprintf("xl/worksheets/sheet%d.xml", len(s.names))); err != nil {
		return err
	}
	_, err := s.out.WriteString(xmlHeader + `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">` +
		`<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>`)
	return err
}

func (s *xlsxSheet) endSheet() error {
	_, _ = s.out.WriteString(`</sheetData></worksheet>`) // a bufio.Writer keeps its error for Flush
	return s.out.Flush()
}

func (s *xlsxSheet) row(values []any) error {
	if s.rows == s.rowsMax {
		if err := s.endSheet(); err != nil {
			return err
		}
		if err := s.beginCases(); err != nil {
			return err
		}
	}
	s.writeRow(values, func(i int) kind { return s.columns[i].kind })
	return nil
}

func (s *xlsxSheet) writeRow(values []any, kindOf func(int) kind) {
	s.rows++
	_, _ = s.out.WriteString(`<row>`)
	for i, value := range values {
		_, _ = s.out.WriteString(xlsxCell(kindOf(i), value))
	}
	_, _ = s.out.WriteString(`</row>`)
}

// The styles of cells, by their place in styles.xml.
const styleInstant, styleDay = 1, 2

func xlsxCell(kind kind, value any) string {
	switch value := value.(type) {
	case string:
		if value == "" {
			return `<c/>`
		}
		if kind == kindDay {
			if day, err := time.Parse(time.DateOnly, value); err == nil {
				return fmt.Sprintf(`<c s="%d"><v>%s</v></c>`, styleDay, serial(day))
			}
		}
		return `<c t="inlineStr"><is><t xml:space="preserve">` + xmlText(value) + `</t></is></c>`
	case int64:
		return `<c><v>` + strconv.FormatInt(value, 10) + `</v></c>`
	case bool:
		if value {
			return `<c t="b"><v>1</v></c>`
		}
		return `<c t="b"><v>0</v></c>`
	case *time.Time:
		if value != nil && !value.IsZero() {
			return fmt.Sprintf(`<c s="%d"><v>%s</v></c>`, styleInstant, serial(*value))
		}
	}
	return `<c/>`
}

// serial is a UTC instant as spreadsheets count it: days since 30 December 1899. It is right from
// March 1900 on; two months before that they count a day that never was.
func serial(t time.Time) string {
	const unixEpoch = 25569
	days := float64(t.UnixMilli())/86_400_000 + unixEpoch
	return strconv.FormatFloat(days, 'f', -1, 64)
}

// xmlText escapes text and leaves out what XML cannot hold.
func xmlText(text string) string {
	if utf8.RuneCountInString(text) > xlsxTextMax {
		text = string([]rune(text)[:xlsxTextMax])
	}
	return xmlEscapes.Replace(strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\t' && r != '\n' || r == 0xFFFE || r == 0xFFFF {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "�")))
}

var xmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

func (s *xlsxSheet) flush() error {
	if err := s.out.Flush(); err != nil {
		return err
	}
	return s.archive.Flush()
}

func (s *xlsxSheet) end() error {
	if err := s.endSheet(); err != nil {
		return err
	}
	if err := s.writeAbout(); err != nil {
		return err
	}
	var sheets, relations, types strings.Builder
	for i, name := range s.names {
		fmt.Fprintf(&sheets, `<sheet name="%s" sheetId="%d" r:id="rId%d"/>`, xmlText(name), i+1, i+1)
		fmt.Fprintf(&relations, `<Relationship Id="rId%d" Type="%s/worksheet" Target="worksheets/sheet%d.xml"/>`, i+1, officeRelation, i+1)
		fmt.Fprintf(&types, `<Override PartName="/xl/worksheets/sheet%d.xml" ContentType="%s.worksheet+xml"/>`, i+1, spreadsheetType)
	}
	for _, part := range []struct{ name, text string }{
		{"xl/workbook.xml", `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="` + officeRelation + `"><sheets>` + sheets.String() + `</sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", relationsOf(relations.String() + `<Relationship Id="rIdStyles" Type="` + officeRelation + `/styles" Target="styles.xml"/>`)},
		{"xl/styles.xml", xlsxStyles},
		{"_rels/.rels", relationsOf(`<Relationship Id="rId1" Type="` + officeRelation + `/officeDocument" Target="xl/workbook.xml"/>`)},
		{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
			`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>` +
			`<Override PartName="/xl/workbook.xml" ContentType="` + spreadsheetType + `.sheet.main+xml"/>` +
			`<Override PartName="/xl/styles.xml" ContentType="` + spreadsheetType + `.styles+xml"/>` + types.String() + `</Types>`},
	} {
		if err := s.writePart(part.name, part.text); err != nil {
			return err
		}
	}
	return s.archive.Close()
}

// writeAbout writes the sheet that says what the file is.
func (s *xlsxSheet) writeAbout() error {
	if err := s.beginSheet("About"); err != nil {
		return err
	}
	text := func(int) kind { return kindText }
	s.writeRow([]any{"what", "value"}, text)
	s.writeRow([]any{"exported at", s.note.at.UTC().Format(time.RFC3339)}, text)
	s.writeRow([]any{"exported by", s.note.by}, text)
	s.writeRow([]any{"as of position", s.note.asOf.Position}, text)
	if at := s.note.asOf.RecordedAt; at != nil {
		s.writeRow([]any{"as of", at.Format(time.RFC3339Nano)}, text)
	}
	for _, filter := range s.note.filters {
		s.writeRow([]any{"filter", filter}, text)
	}
	if len(s.note.filters) == 0 {
		s.writeRow([]any{"filter", "none"}, text)
	}
	return s.endSheet()
}

func (s *xlsxSheet) beginPart(name string) error {
	part, err := s.archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: s.note.at})
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	s.out = bufio.NewWriterSize(part, 32<<10)
	return nil
}

func (s *xlsxSheet) writePart(name, text string) error {
	if err := s.beginPart(name); err != nil {
		return err
	}
	_, _ = s.out.WriteString(xmlHeader + text)
	return s.out.Flush()
}

func relationsOf(relations string) string {
	return `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` + relations + `</Relationships>`
}

const (
	xmlHeader       = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	officeRelation  = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	spreadsheetType = "application/vnd.openxmlformats-officedocument.spreadsheetml"
	// The cell formats are, in order: as it is, an instant, a day.
	xlsxStyles = `<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">` +
		`<numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\-mm\-dd\ hh:mm:ss"/><numFmt numFmtId="165" formatCode="yyyy\-mm\-dd"/></numFmts>` +
		`<fonts count="1"><font><sz val="11"/><name val="Arial"/></font></fonts>` +
		`<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>` +
		`<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>` +
		`<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>` +
		`<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>` +
		`<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>` +
		`<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs></styleSheet>`
)
