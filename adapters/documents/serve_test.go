package documents_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"casesync/adapters/documents"
	"casesync/adapters/documents/documentstest"
)

// serve returns the answer to a request for a document; broken says whether the body broke off.
func serve(t *testing.T, store *documents.Store, id, name string, header http.Header) (response *http.Response, body []byte, broken error) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		document, err := store.Document(r.Context(), id)
		if err != nil {
			http.Error(w, "", http.StatusNotFound)
			return
		}
		defer document.Close()
		document.Serve(w, r, name, "application/pdf")
	}))
	defer server.Close()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	response, err = server.Client().Do(request)
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	defer response.Body.Close()
	body, broken = io.ReadAll(response.Body)
	return response, body, broken
}

func TestServe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := documentstest.Open(t, "file:"+dir, documentstest.NewRing())
	want := random(t, documents.SegmentBytesMax+1000)
	id := put(t, store, want)
	response, body, err := serve(t, store, id, "Évidence \u202egpj.exe", http.Header{})
	if err != nil || response.StatusCode != http.StatusOK || !bytes.Equal(body, want) {
		t.Fatalf("got %d, %d bytes, %v, want all", response.StatusCode, len(body), err)
	}
	_, parameters, err := mime.ParseMediaType(response.Header.Get("Content-Disposition"))
	if err != nil {
		// Both forms of the name are there, which ParseMediaType calls a duplicate; it is what RFC 6266 asks for.
		if disposition := response.Header.Get("Content-Disposition"); !strings.Contains(disposition, `filename="_vidence _gpj.exe"`) || !strings.Contains(disposition, "filename*=utf-8''%C3%89vidence%20_gpj.exe") {
			t.Errorf("got %q, want both forms of the name", disposition)
		}
	} else if parameters["filename"] != "Évidence _gpj.exe" {
		t.Errorf("got %q, want the name without what reverses it", parameters["filename"])
	}
	for name, value := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store", "Content-Type": "application/pdf"} {
		if got := response.Header.Get(name); got != value {
			t.Errorf("%s: got %q, want %q", name, got, value)
		}
	}
	at := documents.SegmentBytesMax - 10
	response, body, err = serve(t, store, id, "x.pdf", http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", at, at+19)}})
	if err != nil || response.StatusCode != http.StatusPartialContent || !bytes.Equal(body, want[at:at+20]) {
		t.Errorf("a range over two segments: got %d, %d bytes, %v", response.StatusCode, len(body), err)
	}
	response, _, _ = serve(t, store, id, "x.pdf", http.Header{"If-None-Match": {response.Header.Get("ETag")}})
	if response.StatusCode != http.StatusNotModified {
		t.Errorf("got %d, want %d", response.StatusCode, http.StatusNotModified)
	}
	response, _, _ = serve(t, store, id, "x.pdf", http.Header{"Range": {"bytes=99999999999-"}})
	if response.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("got %d, want %d", response.StatusCode, http.StatusRequestedRangeNotSatisfiable)
	}
	last := blobs(t, store, dir, id)[1]
	if err := os.Truncate(last, 500); err != nil {
		t.Fatal(err)
	}
	if _, body, err = serve(t, store, id, "x.pdf", http.Header{}); err == nil || len(body) == len(want) {
		t.Errorf("altered: got %d bytes, %v, want the connection to break", len(body), err)
	}
}

// TestServeManyRanges: a few ranges are answered apart. A header full of them, each of which would have the segment
// read from its beginning, is answered with the whole document once.
func TestServeManyRanges(t *testing.T) {
	t.Parallel()
	store := documentstest.Open(t, "file:"+t.TempDir(), documentstest.NewRing())
	want := random(t, 100_000)
	id := put(t, store, want)
	backwards := func(n int) http.Header {
		var ranges []string
		for i := range n {
			ranges = append(ranges, fmt.Sprintf("%d-%d", 10*(n-i), 10*(n-i)))
		}
		return http.Header{"Range": {"bytes=" + strings.Join(ranges, ",")}}
	}
	response, _, err := serve(t, store, id, "x.pdf", backwards(8))
	if err != nil || response.StatusCode != http.StatusPartialContent || !strings.HasPrefix(response.Header.Get("Content-Type"), "multipart/byteranges") {
		t.Errorf("8 ranges: got %d, %s, %v, want the ranges", response.StatusCode, response.Header.Get("Content-Type"), err)
	}
	for _, n := range []int{9, 5000} {
		response, body, err := serve(t, store, id, "x.pdf", backwards(n))
		if err != nil || response.StatusCode != http.StatusOK || !bytes.Equal(body, want) {
			t.Errorf("%d ranges: got %d, %d bytes, %v, want the whole document", n, response.StatusCode, len(body), err)
		}
	}
}
