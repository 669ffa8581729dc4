package demo

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// document is a key document of the simulated case management system. All that is in it follows from its id, so that
// what the system gives out is what its events said, after every restart.
type document struct {
	Case   string
	Number int // in its case, from 1
	Kind   string
}

// titles are what kinds of documents are called.
var titles = map[string]string{
	"offer":                "Offer made by the business",
	"view":                 "Investigator's view",
	"provisional-decision": "Provisional decision",
	"final-decision":       "Final decision",
}

var documentID = regexp.MustCompile(`^((?:DEMO|LIVE)-[0-9A-Z]+(?:-[0-9]+)?)-D([1-9][0-9]?)-([a-z-]+)$`)

// parseDocument returns the document with an id; false for what is none.
func parseDocument(id string) (document, bool) {
	parts := documentID.FindStringSubmatch(id)
	if parts == nil || titles[parts[3]] == "" {
		return document{}, false
	}
	number, err := strconv.Atoi(parts[2])
	return document{Case: parts[1], Number: number, Kind: parts[3]}, err == nil
}

func (d document) id() string { return fmt.Sprintf("%s-D%d-%s", d.Case, d.Number, d.Kind) }

// published is what the event says of the document.
func (d document) published(at time.Time, confidential bool) documentData {
	content := d.content()
	sum := sha256.Sum256(content)
	return documentData{
		DocumentID: d.id(), Kind: d.Kind, Title: titles[d.Kind], MediaType: "application/pdf", Size: len(content), SHA256: hex.EncodeToString(sum[:]),
		URL: "http://" + DocumentsHost + documentsPath + d.id(), PublishedAt: at, Confidential: confidential,
	}
}

// content is the document: a page of PDF that says what it is.
func (d document) content() []byte {
	var page strings.Builder
	line := func(size, down int, text string) {
		fmt.Fprintf(&page, "/F1 %d Tf 0 -%d Td (%s) Tj\n", size, down, pdfText(text))
	}
	page.WriteString("BT 72 770 Td\n")
	line(20, 0, "DEMONSTRATION: NOT A REAL DOCUMENT")
	line(16, 60, titles[d.Kind])
	line(11, 30, "Case "+d.Case)
	line(11, 18, "Document "+d.id())
	line(11, 40, "A simulated case management system made this page, so that there is something to download.")
	line(11, 18, "The case, the business and the people in it are invented. Nobody has decided anything.")
	line(11, 18, "It is not a document of the Financial Ombudsman Service.")
	page.WriteString("ET")
	return pdf(
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 4 0 R >> >> /Contents 5 0 R >>",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", page.Len(), page.String()),
		fmt.Sprintf("<< /Title (%s) /Author (casesync demonstration) >>", pdfText(titles[d.Kind]+", "+d.Case)),
	)
}

// pdf puts objects, numbered from 1, into a file of PDF 1.4. The first is its catalogue, the last says what it is about.
func pdf(objects ...string) []byte {
	var file bytes.Buffer
	file.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n") // the second line says that it is no text
	var table strings.Builder
	for i, object := range objects {
		fmt.Fprintf(&table, "%010d 00000 n \n", file.Len())
		fmt.Fprintf(&file, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	begin := file.Len()
	fmt.Fprintf(&file, "xref\n0 %d\n0000000000 65535 f \n%s", len(objects)+1, table.String())
	fmt.Fprintf(&file, "trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, len(objects), begin)
	return file.Bytes()
}

// pdfText is text, which must be ASCII, within the parentheses of a PDF string.
func pdfText(text string) string {
	return strings.NewReplacer(`\`, `\\`, `(`, `\(`, `)`, `\)`).Replace(text)
}
