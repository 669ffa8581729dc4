package upload

import (
	"fmt"
	"slices"
	"time"
)

// Limits are what an operator sets, and people are told before they upload. Sizes are in bytes.
type Limits struct {
	// FileBytesMax is the most bytes of one file.
	FileBytesMax int64 `json:"fileBytesMax"`
	// CaseFilesMax is the most files of one case; CaseBytesMax the most bytes of all of them.
	CaseFilesMax int   `json:"caseFilesMax"`
	CaseBytesMax int64 `json:"caseBytesMax"`
	// BusinessDayBytesMax is the most bytes that one business sends in a day of the Europe/London calendar.
	BusinessDayBytesMax int64 `json:"businessDayBytesMax"`
	// MediaTypes are the types that are taken, as they are found out from the bytes.
	MediaTypes []string `json:"mediaTypes"`
	// IdleAfter is how long an upload may stand still before it is given up.
	IdleAfter time.Duration `json:"-"`
}

// Standard returns the limits that hold unless others are configured. The types are those that businesses'
// complaint files are made of: documents, pictures, recordings, messages, and archives of them.
func Standard() Limits {
	const gib = 1 << 30
	return Limits{
		FileBytesMax: 2 * gib, CaseFilesMax: 500, CaseBytesMax: 20 * gib, BusinessDayBytesMax: 500 * gib,
		IdleAfter: 24 * time.Hour,
		MediaTypes: []string{
			"application/pdf", "text/plain", "text/csv", "text/rtf", "application/rtf",
			"application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint",
			"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
			"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
			"application/vnd.openxmlformats-officedocument.presentationml.presentation",
			"application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.spreadsheet",
			"image/jpeg", "image/png", "image/tiff", "image/heic", "image/gif",
			"audio/mpeg", "audio/wav", "audio/mp4", "audio/x-m4a", "audio/ogg", "video/mp4", "video/quicktime",
			"message/rfc822", "application/vnd.ms-outlook", "application/zip",
		},
	}
}

// Validate says which limit can not be meant so, or nil.
func (l Limits) Validate() error {
	switch {
	case l.FileBytesMax < 1:
		return fmt.Errorf("FileBytesMax is %d bytes, want at least 1", l.FileBytesMax)
	case l.CaseFilesMax < 1:
		return fmt.Errorf("CaseFilesMax is %d files, want at least 1", l.CaseFilesMax)
	case l.CaseBytesMax < l.FileBytesMax:
		return fmt.Errorf("CaseBytesMax is %d bytes, want at least FileBytesMax, %d", l.CaseBytesMax, l.FileBytesMax)
	case l.BusinessDayBytesMax < l.FileBytesMax:
		return fmt.Errorf("BusinessDayBytesMax is %d bytes, want at least FileBytesMax, %d", l.BusinessDayBytesMax, l.FileBytesMax)
	case l.IdleAfter < time.Minute:
		return fmt.Errorf("IdleAfter is %v, want at least a minute", l.IdleAfter)
	case len(l.MediaTypes) == 0 || slices.Contains(l.MediaTypes, ""):
		return fmt.Errorf("MediaTypes are %q, want at least one, and none empty", l.MediaTypes)
	}
	return nil
}

// File refuses a file of a size that is not taken.
func (l Limits) File(bytes int64) error {
	switch {
	case bytes < 1:
		return refuseEmpty()
	case bytes > l.FileBytesMax:
		return refuseTooLarge(l.FileBytesMax)
	}
	return nil
}

// Case refuses a file more, of the given size, for a case that has files of heldBytes together.
func (l Limits) Case(files int, heldBytes, bytes int64) error {
	switch {
	case files >= l.CaseFilesMax:
		return refuseCaseFiles(l.CaseFilesMax)
	case bytes > l.CaseBytesMax-heldBytes:
		return refuseCaseBytes(l.CaseBytesMax)
	}
	return nil
}

// BusinessDay refuses a file more, of the given size, for a business that has sent sentBytes today. What was
// sent is counted by a read model: the limit may be passed by what was sent within its lag.
func (l Limits) BusinessDay(sentBytes, bytes int64) error {
	if bytes > l.BusinessDayBytesMax-sentBytes {
		return refuseBusinessBytes(l.BusinessDayBytesMax)
	}
	return nil
}
