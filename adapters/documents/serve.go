package documents

import (
	"mime"
	"net/http"
	"strings"
	"time"

	"casesync/domain/upload"
)

// Serve answers a GET or HEAD request with the document, or the ranges of it that the request asks for. It is given
// to be saved, never shown by the browser as a page of ours, and not to be kept by caches. Where the document
// turns out to be altered in the middle, the connection breaks: nobody takes the part for the whole.
func (d *Document) Serve(w http.ResponseWriter, r *http.Request, name, mediaType string) {
	header := w.Header()
	header.Set("Content-Type", mediaType)
	header.Set("Content-Disposition", disposition(upload.DisplayName(name)))
	header.Set("ETag", `"`+d.SHA256+`"`)
	header.Set("Cache-Control", "private, no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	http.ServeContent(w, withFewRanges(r), "", time.Time{}, d)
}

// rangesMax is how many ranges of one request are answered apart. Each may have a segment opened and read from its
// beginning, so that a header of some kB could keep a processor busy for minutes.
const rangesMax = 8

// withFewRanges returns a request for the whole document where r is for more than rangesMax ranges of it, which RFC 9110
// (14.2, 17.15) leaves to the server. The headers are others' to read meanwhile.
func withFewRanges(r *http.Request) *http.Request {
	if strings.Count(r.Header.Get("Range"), ",") < rangesMax {
		return r
	}
	r = r.WithContext(r.Context())
	r.Header = r.Header.Clone()
	r.Header.Del("Range")
	return r
}

// disposition gives the name in the two forms of RFC 6266: without whatever is not ASCII for old programs, and whole.
func disposition(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\%`, r) {
			return '_'
		}
		return r
	}, name)
	value := `attachment; filename="` + plain + `"`
	if plain != name {
		// FormatMediaType writes the extended form of RFC 8187 for a value that needs it.
		if _, whole, found := strings.Cut(mime.FormatMediaType("attachment", map[string]string{"filename": name}), "; filename*"); found {
			value += "; filename*" + whole
		}
	}
	return value
}
