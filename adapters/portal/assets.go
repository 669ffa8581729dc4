package portal

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/go-chi/chi/v5"
)

//go:embed assets/portal.css assets/icon.svg
var assetFiles embed.FS

// An asset is a file beside the pages. Its name holds the digest of its bytes: what is once fetched
// under a name never changes, and is kept by browsers for as long as they like.
type asset struct {
	name, mediaType string
	plain, zipped   []byte
}

// assets are the files, by the names under which they are served.
type assets map[string]asset

// named returns the address of the asset that was made of a file.
func (a assets) named(stem string) string {
	for name := range a {
		if strings.HasPrefix(name, stem+"-") {
			return pathAssets + name
		}
	}
	return ""
}

func loadAssets() (assets, error) {
	all := assets{}
	for file, mediaType := range map[string]string{"portal.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"} {
		plain, err := assetFiles.ReadFile("assets/" + file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		digest := sha256.Sum256(plain)
		extension := path.Ext(file)
		name := strings.TrimSuffix(file, extension) + "-" + hex.EncodeToString(digest[:8]) + extension
		all[name] = asset{name: name, mediaType: mediaType, plain: plain, zipped: zip(plain)}
	}
	return all, nil
}

func zip(plain []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // fails for an unknown level only
	_, _ = w.Write(plain)                                   // into memory
	_ = w.Close()
	return out.Bytes()
}

// serveAsset answers with a file. A name that is no file's is of another version of this service: a
// browser asks again with the page that it gets next.
func (p *Portal) serveAsset(w http.ResponseWriter, r *http.Request) {
	file, known := p.assets[chi.URLParam(r, "name")]
	if !known {
		p.write(w, r, missing())
		return
	}
	h := w.Header()
	h.Set("Content-Type", file.mediaType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept-Encoding")
	body := file.plain
	if takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = file.zipped
	}
	_, _ = w.Write(body) // the client may be gone; there is nobody to tell
}

// takesGzip reports whether the client names gzip among what it takes, unless with a weight of nothing.
func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, weight, _ := strings.Cut(strings.ReplaceAll(part, " ", ""), ";")
		if coding == "gzip" {
			return weight != "q=0" && !strings.HasPrefix(weight, "q=0.000")
		}
	}
	return false
}
