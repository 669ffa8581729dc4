package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"casesync/adapters/documents/inspect"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shelf serves documents until the test ends.
func shelf(t *testing.T, secrets string) *Documents {
	t.Helper()
	d, err := OpenDocuments(t.Context(), secrets)
	if err != nil {
		t.Fatalf("open documents: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve: got %v, want nil at the end", err)
		}
	})
	return d
}

// ask asks for a path of the case system, with a credential.
func ask(t *testing.T, d *Documents, path, credential string) (status int, body []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.Address().String()+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", credential)
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body
}

// TestDocumentsAreWhatWasPublished: of each kind of document in the feed, what is given out has the size, checksum and
// type of its event.
func TestDocumentsAreWhatWasPublished(t *testing.T) {
	t.Parallel()
	secrets := t.TempDir()
	d := shelf(t, secrets)
	credential, err := os.ReadFile(filepath.Join(secrets, DocumentsCredential))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for e := range open(t).Feed(Options{Seed: 1, Now: now}) {
		published, is := e.Data.(documentData)
		if !is {
			continue
		}
		if kinds[published.Kind]++; kinds[published.Kind] > 5 {
			continue
		}
		path, found := strings.CutPrefix(published.URL, "http://"+DocumentsHost)
		status, body := ask(t, d, path, strings.TrimSpace(string(credential)))
		sum := sha256.Sum256(body)
		if !found || status != http.StatusOK || len(body) != published.Size || hex.EncodeToString(sum[:]) != published.SHA256 {
			t.Errorf("%s: got %d, %d bytes, want what was published", published.URL, status, len(body))
		}
		if kind, err := inspect.MediaType(bytes.NewReader(body), int64(len(body))); err != nil || kind != published.MediaType {
			t.Errorf("%s: got %s, %v, want %s", published.URL, kind, err, published.MediaType)
		}
	}
	for kind := range titles {
		if kinds[kind] == 0 {
			t.Errorf("got no document of kind %s, want some", kind)
		}
	}
}

// TestDocumentsNeedTheCredential: without it, and for what is no document, nothing is given; and it outlives a restart.
func TestDocumentsNeedTheCredential(t *testing.T) {
	t.Parallel()
	secrets := filepath.Join(t.TempDir(), "secrets")
	d := shelf(t, secrets)
	path := filepath.Join(secrets, DocumentsCredential)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("got %v, %v, want a file for this user alone", info, err)
	}
	const document = "/documents/DEMO-000001-D1-view"
	for _, credential := range []string{"", "Bearer ", "Bearer secret", d.credential + "x", strings.ToLower(d.credential)} {
		if status, body := ask(t, d, document, credential); status != http.StatusUnauthorized || bytes.Contains(body, []byte("PDF")) {
			t.Errorf("credential %q: got %d, want 401 and no document", credential, status)
		}
	}
	for _, other := range []string{
		"/", "/documents/", "/documents/DEMO-000001", "/documents/DEMO-000001-D0-view", "/documents/DEMO-000001-D1-letter", "/documents/OTHER-1-D1-view",
		"/documents/DEMO-000001-D1-view/", "/documents/%2e%2e/DEMO-000001-D1-view", "/other/DEMO-000001-D1-view",
	} {
		if status, _ := ask(t, d, other, d.credential); status != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", other, status)
		}
	}
	again := shelf(t, secrets)
	if status, _ := ask(t, again, document, d.credential); status != http.StatusOK {
		t.Errorf("after a restart: got %d, want the credential to be the same", status)
	}
}

func TestDocumentIDs(t *testing.T) {
	t.Parallel()
	for _, d := range []document{
		{"DEMO-000001", 1, "view"}, {"DEMO-3-000001", 12, "final-decision"}, {"LIVE-T4K2ZC-17", 2, "provisional-decision"}, {"LIVE-T4K2ZC-1", 99, "offer"},
	} {
		if got, is := parseDocument(d.id()); !is || got != d {
			t.Errorf("%s: got %+v, %v, want %+v", d.id(), got, is, d)
		}
	}
}

// TestDocumentIsPDF: the table of a document points to its objects, streams have the length they say, and it says what
// it is.
func TestDocumentIsPDF(t *testing.T) {
	t.Parallel()
	d := document{"DEMO-000042", 1, "view"}
	file := string(d.content())
	if !bytes.Equal(d.content(), []byte(file)) || file == string(document{"DEMO-000043", 1, "view"}.content()) {
		t.Error("want the same bytes for the same document, others for another")
	}
	begin := regexp.MustCompile(`startxref\n(\d+)\n%%EOF\n$`).FindStringSubmatch(file)
	if begin == nil {
		t.Fatal("got no end of a PDF")
	}
	table, err := strconv.Atoi(begin[1])
	if err != nil || !strings.HasPrefix(file[table:], "xref\n0 7\n") {
		t.Fatalf("startxref %s leads to no table", begin[1])
	}
	entries := strings.Split(file[table:], "\n")[2:9]
	for i, entry := range entries {
		if len(entry) != 19 {
			t.Errorf("entry %q has %d bytes, want 20 with its end", entry, len(entry)+1)
		}
		at, err := strconv.Atoi(entry[:10])
		if err != nil || i > 0 && !strings.HasPrefix(file[at:], fmt.Sprintf("%d 0 obj\n", i)) {
			t.Errorf("entry %q leads to no object %d", entry, i)
		}
	}
	stream := regexp.MustCompile(`(?s)/Length (\d+) >>\nstream\n(.*)\nendstream`).FindStringSubmatch(file)
	if stream == nil || strconv.Itoa(len(stream[2])) != stream[1] {
		t.Error("the stream does not have the length that it says")
	}
	for _, text := range []string{"DEMONSTRATION", "invented", "Investigator's view", "DEMO-000042"} {
		if !strings.Contains(file, text) {
			t.Errorf("got no %q in the document", text)
		}
	}
	if got := pdfText(`a (b) \c`); got != `a \(b\) \\c` {
		t.Errorf("got %s, want parentheses escaped", got)
	}
}
