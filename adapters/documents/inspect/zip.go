package inspect

import (
	"archive/zip"
	"io"
	"strings"
)

// openXML are the types of OpenXML documents by the folder that their main part is in: without macros, and with.
var openXML = []struct{ folder, plain, macros string }{
	{"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "application/vnd.ms-word.document.macroenabled.12"},
	{"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/vnd.ms-excel.sheet.macroenabled.12"},
	{"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation", "application/vnd.ms-powerpoint.presentation.macroenabled.12"},
}

// zipped reports whether a file begins as a zip archive does. One that only ends as an archive, after something
// else, is what it begins as.
func zipped(r io.ReaderAt, size int64) bool {
	var magic [4]byte
	if size < int64(len(magic)) {
		return false
	}
	if _, err := r.ReadAt(magic[:], 0); err != nil {
		return false
	}
	return string(magic[:]) == "PK\x03\x04" || string(magic[:]) == "PK\x05\x06"
}

// zipType tells zip archives apart by the parts that they have.
func zipType(r io.ReaderAt, size int64) string {
	archive, err := openZip(r, size)
	if err != nil {
		return Zip // of what kind is not known; Archive finds it damaged
	}
	names := map[string]bool{}
	macros := false
	for _, part := range archive.File {
		names[part.Name] = true
		if folder, _, inside := strings.Cut(part.Name, "/"); inside {
			names[folder+"/"] = true
		}
		macros = macros || strings.HasSuffix(strings.ToLower(part.Name), "vbaproject.bin")
	}
	switch {
	case names["[Content_Types].xml"]:
		for _, candidate := range openXML {
			if names[candidate.folder] && macros {
				return candidate.macros
			} else if names[candidate.folder] {
				return candidate.plain
			}
		}
	case names["META-INF/MANIFEST.MF"]:
		return "application/java-archive"
	case names["AndroidManifest.xml"]:
		return "application/vnd.android.package-archive"
	case names["mimetype"]:
		return openDocument(archive)
	}
	return Zip
}

// openDocument returns what an OpenDocument file says that it is, in its first part, if it says one of those.
func openDocument(archive *zip.Reader) string {
	const prefix = "application/vnd.oasis.opendocument."
	part, err := archive.Open("mimetype")
	if err != nil {
		return Zip
	}
	defer part.Close() //nolint:errcheck // it was read
	said, err := io.ReadAll(io.LimitReader(part, 128))
	if err != nil || !strings.HasPrefix(string(said), prefix) || strings.Trim(string(said[len(prefix):]), "abcdefghijklmnopqrstuvwxyz-") != "" {
		return Zip
	}
	return string(said)
}
