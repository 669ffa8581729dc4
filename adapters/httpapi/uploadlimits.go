package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// UploadLimits are what people are told before they send anything.
type UploadLimits struct {
	File        SizeLimit         `json:"file" doc:"The most of one file"`
	CaseFiles   int               `json:"caseFiles" doc:"The most files of one case"`
	Case        SizeLimit         `json:"case" doc:"The most of all files of one case together"`
	BusinessDay SizeLimit         `json:"businessDay" doc:"The most that one business sends in a day in London"`
	MediaTypes  []UploadMediaType `json:"mediaTypes" nullable:"false" doc:"The types that are taken, as they are found out from the bytes: a name counts for nothing"`
	IdleSeconds int64             `json:"idleSeconds" doc:"After how many seconds without a byte an upload is given up"`
}

// SizeLimit is a limit in bytes, and in words.
type SizeLimit struct {
	BytesMax int64  `json:"bytesMax"`
	Words    string `json:"words" example:"2 GiB"`
}

// UploadMediaType is a type of file that is taken.
type UploadMediaType struct {
	MediaType  string   `json:"mediaType" example:"application/pdf"`
	Name       string   `json:"name" example:"PDF document" doc:"What people call it"`
	Extensions []string `json:"extensions" nullable:"false" doc:"What names of such files end with, to choose files by"`
}

func (s *Server) showUploadLimits(_ context.Context, in *request) (*present[UploadLimits], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	limits := s.config.Casework.Limits()
	body := UploadLimits{
		File: sizeLimit(limits.FileBytesMax), CaseFiles: limits.CaseFilesMax, Case: sizeLimit(limits.CaseBytesMax),
		BusinessDay: sizeLimit(limits.BusinessDayBytesMax), IdleSeconds: int64(limits.IdleAfter.Seconds()),
		MediaTypes: []UploadMediaType{},
	}
	for _, mediaType := range limits.MediaTypes {
		body.MediaTypes = append(body.MediaTypes, mediaTypeOf(mediaType))
	}
	slices.SortStableFunc(body.MediaTypes, func(a, b UploadMediaType) int { return strings.Compare(a.Name, b.Name) })
	return &present[UploadLimits]{CacheControl: noStore, Body: body}, nil
}

func sizeLimit(bytes int64) SizeLimit { return SizeLimit{bytes, sizeInWords(bytes)} }

// sizeInWords rounds down: nobody is told that more is taken than is.
func sizeInWords(bytes int64) string {
	size, unit := bytes*10, 0
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	for ; size >= 10*1024 && unit < len(units)-1; unit++ {
		size /= 1024
	}
	if size%10 == 0 {
		return fmt.Sprintf("%d %s", size/10, units[unit])
	}
	return fmt.Sprintf("%d.%d %s", size/10, size%10, units[unit])
}

// mediaTypeOf says what people call a type, and what names of its files end with; of a type that an
// operator has added it says the type itself.
func mediaTypeOf(mediaType string) UploadMediaType {
	known := mediaTypes[mediaType]
	name, endings, _ := strings.Cut(known, ": ")
	return UploadMediaType{MediaType: mediaType, Name: cmp.Or(name, mediaType), Extensions: append([]string{}, strings.Fields(endings)...)}
}

// mediaTypes are what people call types of files, and the endings of their names, the usual one first.
var mediaTypes = map[string]string{
	"application/pdf":               "PDF document: .pdf",
	"text/plain":                    "Plain text: .txt",
	"text/csv":                      "Comma-separated values: .csv",
	"text/html":                     "Web page: .html .htm",
	"text/rtf":                      "Rich text: .rtf",
	"application/rtf":               "Rich text: .rtf",
	"application/msword":            "Word document (97–2003): .doc",
	"application/vnd.ms-excel":      "Excel workbook (97–2003): .xls",
	"application/vnd.ms-powerpoint": "PowerPoint presentation (97–2003): .ppt",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document":   "Word document: .docx",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         "Excel workbook: .xlsx",
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint presentation: .pptx",
	"application/vnd.oasis.opendocument.text":                                   "OpenDocument text: .odt",
	"application/vnd.oasis.opendocument.spreadsheet":                            "OpenDocument spreadsheet: .ods",
	"image/jpeg":                 "JPEG picture: .jpg .jpeg",
	"image/png":                  "PNG picture: .png",
	"image/tiff":                 "TIFF picture: .tif .tiff",
	"image/heic":                 "HEIC picture: .heic",
	"image/gif":                  "GIF picture: .gif",
	"audio/mpeg":                 "MP3 recording: .mp3",
	"audio/wav":                  "WAV recording: .wav",
	"audio/mp4":                  "MPEG-4 recording: .m4a .mp4",
	"audio/x-m4a":                "MPEG-4 recording: .m4a",
	"audio/ogg":                  "Ogg recording: .ogg .oga",
	"video/mp4":                  "MPEG-4 film: .mp4",
	"video/quicktime":            "QuickTime film: .mov",
	"message/rfc822":             "E-mail message: .eml",
	"application/vnd.ms-outlook": "Outlook message: .msg",
	"application/zip":            "ZIP archive: .zip",
}

// namedFile returns a name for a file that has a title, with an ending that programs know its type by.
func namedFile(title, mediaType string) string {
	endings := mediaTypeOf(mediaType).Extensions
	lower := strings.ToLower(title)
	if len(endings) == 0 || slices.ContainsFunc(endings, func(ending string) bool { return strings.HasSuffix(lower, ending) }) {
		return title
	}
	return title + endings[0]
}
