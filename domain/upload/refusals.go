package upload

import (
	"fmt"

	"casesync/domain"
)

func refuse(code, format string, args ...any) error {
	return &domain.Refusal{Code: code, Reason: fmt.Sprintf(format, args...)}
}

func refuseMissing() error {
	return refuse("upload-unknown", "There is no such upload among those you may see. Check its address.")
}

// refuseUnheard refuses a fact; who reads this is an operator.
func refuseUnheard() error {
	return refuse("upload-unknown", "no upload of this id was begun here: find out with the case management system which one it means, then discard this")
}

func refuseBegun() error {
	return refuse("upload-begun", "This upload was begun already. Go on with it, or begin another.")
}

func refuseName() error {
	return refuse("file-name-invalid", "The file needs a name of at most %d bytes, without characters that do not print. Rename it.", nameBytesMax)
}

func refuseEmpty() error {
	return refuse("file-empty", "The file is empty. Check that it is the right one.")
}

func refuseTooLarge(most int64) error {
	return refuse("file-too-large", "A file may have at most %s. Send it in parts.", size(most))
}

func refuseCaseFiles(most int) error {
	return refuse("case-files-limit", "A case may have at most %d files. Cancel one that is not needed, or put several into one.", most)
}

func refuseCaseBytes(most int64) error {
	return refuse("case-size-limit", "All files of a case may have at most %s together. Cancel one that is not needed.", size(most))
}

func refuseBusinessBytes(most int64) error {
	return refuse("business-size-limit", "A business may send at most %s in a day. Go on tomorrow.", size(most))
}

func refuseAttempts() error {
	return refuse("upload-attempts", "This upload was tried %d times. Send the file again, in another format, or ask for support.", AttemptsMax)
}

// refuseStatus refuses what does not go with where the upload stands.
func refuseStatus(status Status) error {
	return refuse("upload-"+string(status), "This upload is %s: that is not possible now. Reload it.", status)
}

// size returns bytes in words: "2 GiB".
func size(bytes int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	for len(units) > 1 && bytes >= 1024 && bytes%1024 == 0 {
		bytes, units = bytes/1024, units[1:]
	}
	return fmt.Sprintf("%d %s", bytes, units[0])
}
