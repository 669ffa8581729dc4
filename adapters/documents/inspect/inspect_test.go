package inspect_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf16"

	"casesync/adapters/documents/inspect"
)

// part is a file in an archive.
type part struct {
	name    string
	content []byte
}

func archive(tb testing.TB, parts ...part) []byte {
	tb.Helper()
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	for _, p := range parts {
		file, err := w.Create(p.name)
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := file.Write(p.content); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return packed.Bytes()
}

func office(tb testing.TB, folder string, more ...part) []byte {
	tb.Helper()
	return archive(tb, append([]part{{"[Content_Types].xml", []byte("<Types/>")}, {folder + "/document.xml", []byte("<x/>")}}, more...)...)
}

// compoundFile makes a file in Microsoft's compound format with streams at its root, its directory at the given sector.
func compoundFile(sector int, streams ...string) []byte {
	const size = 512
	data := make([]byte, size*(sector+3))
	copy(data, []byte{0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1})
	binary.LittleEndian.PutUint16(data[30:], 9)
	binary.LittleEndian.PutUint32(data[48:], uint32(sector))
	binary.LittleEndian.PutUint32(data[76:], 0) // the table is in sector 0
	table := data[size:]
	for i := range size / 4 {
		binary.LittleEndian.PutUint32(table[4*i:], 0xFFFFFFFE)
	}
	directory := data[size*(sector+1):]
	entry := func(i int, name string, left, child uint32) {
		at := directory[128*i:]
		units := utf16.Encode([]rune(name))
		for j, unit := range units {
			binary.LittleEndian.PutUint16(at[2*j:], unit)
		}
		binary.LittleEndian.PutUint16(at[64:], uint16(2*len(units)+2))
		binary.LittleEndian.PutUint32(at[68:], left)
		binary.LittleEndian.PutUint32(at[72:], 0xFFFFFFFF)
		binary.LittleEndian.PutUint32(at[76:], child)
	}
	entry(0, "Root Entry", 0xFFFFFFFF, 1)
	for i, stream := range streams {
		left := uint32(0xFFFFFFFF)
		if i+1 < len(streams) {
			left = uint32(i + 2)
		}
		entry(i+1, stream, left, 0xFFFFFFFF)
	}
	return data
}

const mail = "Received: from mx.example.org\r\n by example.org\r\nFrom: a@example.org\r\nTo: b@example.org\r\nDate: Mon, 1 Jun 2026 10:00:00 +0100\r\nSubject: File\r\n\r\nHello\r\n"

func TestMediaType(t *testing.T) {
	t.Parallel()
	png := "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"PDF":                          {[]byte("%PDF-1.7\n%âãÏÓ\n"), "application/pdf"},
		"a program called a PDF":       {[]byte("MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00"), "application/vnd.microsoft.portable-executable"},
		"a script":                     {[]byte("#!/bin/sh\nrm -rf /\n"), "text/x-shellscript"},
		"a page":                       {[]byte("<!DOCTYPE html><html><script>alert(1)</script></html>"), "text/html"},
		"PNG":                          {[]byte(png), "image/png"},
		"JPEG":                         {[]byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00"), "image/jpeg"},
		"TIFF":                         {[]byte("II*\x00\x08\x00\x00\x00"), "image/tiff"},
		"RTF":                          {[]byte(`{\rtf1\ansi hello}`), "text/rtf"},
		"text":                         {[]byte("Dear Sir or Madam,\nthe loan was\n"), "text/plain"},
		"CSV":                          {[]byte("a,b,c\n1,2,3\n4,5,6\n"), "text/csv"},
		"e-mail":                       {[]byte(mail), inspect.Message},
		"text with a colon":            {[]byte("Note: from the branch\nFrom: the manager\nAnd then there was more text\n"), "text/plain"},
		"Outlook message":              {compoundFile(1, "__nameid_version1.0", "__properties_version1.0", "WordDocument"), "application/vnd.ms-outlook"},
		"old Word":                     {compoundFile(1, "1Table", "WordDocument"), "application/msword"},
		"old Word, directory far away": {compoundFile(100, "WordDocument"), "application/msword"},
		"old Excel":                    {compoundFile(1, "Workbook"), "application/vnd.ms-excel"},
		"old PowerPoint":               {compoundFile(1, "PowerPoint Document"), "application/vnd.ms-powerpoint"},
		"encrypted Office":             {compoundFile(1, "EncryptionInfo", "EncryptedPackage"), inspect.Encrypted},
		"an installer":                 {compoundFile(1, "Something"), "application/x-ole-storage"},
		"a compound file cut off":      {compoundFile(1, "WordDocument")[:600], "application/x-ole-storage"},
		"Word":                         {office(t, "word"), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		"Excel":                        {office(t, "xl"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
		"PowerPoint":                   {office(t, "ppt"), "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
		"Word with macros":             {office(t, "word", part{"word/vbaProject.bin", []byte("x")}), "application/vnd.ms-word.document.macroenabled.12"},
		"OpenDocument":                 {archive(t, part{"mimetype", []byte("application/vnd.oasis.opendocument.text")}), "application/vnd.oasis.opendocument.text"},
		"what says it is a PDF":        {archive(t, part{"mimetype", []byte("application/pdf")}), inspect.Zip},
		"Java":                         {archive(t, part{"META-INF/MANIFEST.MF", []byte("x")}), "application/java-archive"},
		"zip":                          {archive(t, part{"letter.pdf", []byte("%PDF-1.7")}), inspect.Zip},
		"zip cut off":                  {archive(t, part{"letter.pdf", []byte("%PDF-1.7")})[:40], inspect.Zip},
		"nothing":                      {nil, inspect.Unknown},
		"anything":                     {[]byte{1, 2, 3, 0, 255, 254}, inspect.Unknown},
	} {
		got, err := inspect.MediaType(bytes.NewReader(c.content), int64(len(c.content)))
		if err != nil || got != c.want {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, c.want)
		}
	}
}

// Archives that can be looked into pass; whatever hides something, or too much, is held, with its reason.
func TestArchive(t *testing.T) {
	t.Parallel()
	zeros := make([]byte, 40<<20)
	many := make([]part, 101)
	for i := range many {
		many[i] = part{fmt.Sprint(i), []byte("x")}
	}
	encrypted := archive(t, part{"a", []byte("x")})
	for _, magic := range []string{"PK\x03\x04", "PK\x01\x02"} {
		at := bytes.Index(encrypted, []byte(magic))
		flags := at + 6
		if magic == "PK\x01\x02" {
			flags = at + 8
		}
		encrypted[flags] |= 1
	}
	damaged := archive(t, part{"a", bytes.Repeat([]byte("content "), 1000)})
	damaged[40] ^= 0xff
	nest := func(n int) []byte {
		inner := archive(t, part{"letter.txt", []byte("x")})
		for range n {
			inner = archive(t, part{"inner.zip", inner})
		}
		return inner
	}
	limits := inspect.Limits{PartsMax: 100, UnpackedBytesMax: 64 << 20, NestedBytesMax: 1 << 20}
	big := archive(t, part{"a", random(2 << 20)})
	for name, c := range map[string]struct {
		content []byte
		want    string // in the reason; "" for none
	}{
		"a PDF":                             {[]byte("%PDF-1.7"), ""},
		"nothing":                           {nil, ""},
		"Word":                              {office(t, "word"), ""},
		"documents":                         {archive(t, part{"folder/", nil}, part{"a.docx", office(t, "word")}, part{"b.pdf", []byte("%PDF-1.7")}), ""},
		"text that packs well":              {archive(t, part{"a.csv", zeros[:10<<20]}), ""},
		"three deep":                        {nest(2), ""},
		"four deep":                         {nest(3), "deep"},
		"a bomb":                            {archive(t, part{"a", zeros}), "times its size"},
		"a bomb in parts":                   {archive(t, part{"a", zeros[:15<<20]}, part{"b", zeros[:15<<20]}), "times its size"},
		"a bomb in an archive":              {archive(t, part{"a.zip", archive(t, part{"b", zeros})}), "times its size"},
		"many parts":                        {archive(t, many...), "more than 100 files"},
		"many parts in two archives":        {archive(t, part{"a.zip", archive(t, many[:60]...)}, part{"b.zip", archive(t, many[:60]...)}), "more than 100 files"},
		"encrypted":                         {encrypted, "encrypted"},
		"damaged":                           {damaged, "damaged"},
		"cut off":                           {damaged[:len(damaged)-10], "damaged"},
		"a 7z in it":                        {archive(t, part{"a.txt", []byte("7z\xbc\xaf\x27\x1c\x00\x04")}), "can not be looked into"},
		"a gzip in it":                      {archive(t, part{"a.txt", []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00")}), "can not be looked into"},
		"an encrypted Office document":      {compoundFile(1, "EncryptedPackage"), "can not be looked into"},
		"an encrypted one in an archive":    {archive(t, part{"a.docx", compoundFile(1, "EncryptedPackage")}), "can not be looked into"},
		"an archive too large for memory":   {archive(t, part{"a.zip", big}), "more than 1 MiB"},
		"too much":                          {archive(t, part{"a", random(33 << 20)}, part{"b", random(33 << 20)}), "unpacks to more"},
		"a directory that says too many":    {declaring(t, 0xFFFE, 0), ""},
		"a large one that says a billion":   {declaring(t, 0xFFFF, 1<<30), "damaged"},
		"a large one that says it all lies": {declaring(t, 3, 1<<40), "damaged"},
	} {
		err := inspect.Archive(context.Background(), bytes.NewReader(c.content), int64(len(c.content)), limits)
		var hold *inspect.Hold
		switch {
		case name == "a directory that says too many":
			// archive/zip compares the number in the end; either way there is an answer, and no memory for what is not there.
		case c.want == "" && err != nil:
			t.Errorf("%s: got %v, want it to pass", name, err)
		case c.want != "" && (!errors.As(err, &hold) || !strings.Contains(hold.Why, c.want)):
			t.Errorf("%s: got %v, want a hold that says %q", name, err, c.want)
		}
	}
}

func random(n int) []byte {
	data := make([]byte, n)
	state := uint64(n)
	for i := range data {
		state = state*6364136223846793005 + 1442695040888963407
		data[i] = byte(state >> 56)
	}
	return data
}

// declaring returns an archive of one part whose directory's end says that there are more: in the field of the usual end, and in
// that for large archives.
func declaring(t *testing.T, usual uint16, large uint64) []byte {
	data := archive(t, part{"a", []byte("x")})
	end := bytes.LastIndex(data, []byte("PK\x05\x06"))
	tail := bytes.Clone(data[end:])
	binary.LittleEndian.PutUint16(tail[10:], usual)
	if large == 0 {
		return append(data[:end:end], tail...)
	}
	record := make([]byte, 56)
	copy(record, "PK\x06\x06")
	binary.LittleEndian.PutUint64(record[32:], large)
	locator := make([]byte, 20)
	copy(locator, "PK\x06\x07")
	binary.LittleEndian.PutUint64(locator[8:], uint64(end))
	return append(append(append(data[:end:end], record...), locator...), tail...)
}

// A fault of reading is no finding.
func TestReadFault(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk broke")
	content := archive(t, part{"a", random(1 << 20)})
	for name, r := range map[string]io.ReaderAt{
		"at once": failing{content, 0, broken}, "at the parts": failing{content, 200_000, broken},
	} {
		if err := inspect.Archive(context.Background(), r, int64(len(content)), inspect.Limits{}); !errors.Is(err, broken) {
			t.Errorf("%s: got %v, want %v", name, err, broken)
		}
	}
	if _, err := inspect.MediaType(failing{content, 0, broken}, int64(len(content))); !errors.Is(err, broken) {
		t.Errorf("type: got %v, want %v", err, broken)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := inspect.Archive(ctx, bytes.NewReader(content), int64(len(content)), inspect.Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v, want %v", err, context.Canceled)
	}
}

// failing fails to read the 64 KiB from at on.
type failing struct {
	content []byte
	at      int64
	err     error
}

func (f failing) ReadAt(p []byte, offset int64) (int, error) {
	if offset < f.at+64<<10 && offset+int64(len(p)) > f.at {
		return 0, f.err
	}
	return bytes.NewReader(f.content).ReadAt(p, offset)
}
