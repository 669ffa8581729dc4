package httpapi_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"casesync/adapters/httpapi"
	"casesync/domain/access"
)

// publish puts the bytes of a document where its source has them, and publishes it.
func (w *world) publish(ref, id, kind, title, at string, content []byte, with data) {
	w.t.Helper()
	_, err := w.files.store.Put(context.Background(), "casefile-"+ref, documentIDs[id], bytes.NewReader(content), 1<<30)
	w.must(err)
	sum := sha256.Sum256(content)
	published := data{
		"documentId": id, "kind": kind, "title": title, "mediaType": "application/pdf", "size": len(content),
		"sha256": hexOf(sum[:]), "url": "https://cms.example/d/" + id, "publishedAt": at,
	}
	maps.Copy(published, with)
	w.event(ref, "case.document-published", published)
}

// TestDocumentList: by date, filtered by kind, without what was given in confidence (requirements 65 and 71).
func TestDocumentList(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		o.publish("C1", "D3", "final-decision", "The decision", "2026-06-05T10:00:00Z", []byte("x"), nil)
		for query, want := range map[string]string{
			"": "D3 D1", "?sort=-publishedAt": "D3 D1", "?sort=publishedAt": "D1 D3", "?kind=view": "D1",
			"?kind=view&kind=final-decision&sort=publishedAt": "D1 D3", "?kind=statement": "", "?kind=none": "",
		} {
			got := o.read(o.wren.token, "/api/v1/cases/C1/documents"+query)
			if ids := strings.Join(got.values("items", "documentId"), " "); ids != want {
				t.Errorf("%s: got %q, want %q", query, ids, want)
			}
		}
		for _, wrong := range []string{"?sort=title", "?sort=publishedAt&sort=-publishedAt", "?page=2"} {
			o.read(o.wren.token, "/api/v1/cases/C1/documents"+wrong).want(http.StatusBadRequest)
		}
		if got := o.read(o.wren.token, "/api/v1/cases/C1/documents").text("items", 0, "links", "content"); got != "/api/v1/cases/C1/documents/D3/content" {
			t.Errorf("links.content: got %q", got)
		}
	})
}

// TestDocumentContent: the bytes are those that were published, under the title.
func TestDocumentContent(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		content := []byte("%PDF-1.7 the decision")
		o.publish("C1", "D3", "final-decision", "../Final\u202e decision: A/B", "2026-06-05T10:00:00Z", content, nil)
		const address = "/api/v1/cases/C1/documents/D3/content"
		got := o.read(o.wren.token, address).want(http.StatusOK)
		sum := sha256.Sum256(content)
		if !bytes.Equal(got.body, content) || got.header.Get("Repr-Digest") != "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":" {
			t.Errorf("got %q, %v", got.body, got.header)
		}
		if name := got.header.Get("Content-Disposition"); name != `attachment; filename="B.pdf"` {
			t.Errorf("Content-Disposition: got %q", name)
		}
		if asked := o.files.asked[0]; asked.URL != "https://cms.example/d/D3" || asked.Bytes != int64(len(content)) || asked.SHA256 != hexOf(sum[:]) || asked.MediaType != "application/pdf" {
			t.Errorf("asked for %+v, want what was published", asked)
		}
		head := o.do(http.MethodHead, address, o.wren.token, "").want(http.StatusOK)
		part := o.do(http.MethodGet, address, o.wren.token, "", "Range", "bytes=5-7").want(http.StatusPartialContent)
		if head.header.Get("Content-Length") != text(len(content)) || string(part.body) != "1.7" {
			t.Errorf("HEAD: got length %q; a range: got %q", head.header.Get("Content-Length"), part.body)
		}
		o.event("C1", "case.transferred", data{"frn": frnB})
		o.read(o.wren.token, address).want(http.StatusNotFound)
		o.read(o.stranger.token, address).want(http.StatusOK)
	})
}

// TestHiddenDocumentsAreNotThere: what may not be seen says byte for byte what is said of what never was, and
// its source is not asked.
func TestHiddenDocumentsAreNotThere(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		o.publish("C5", "D3", "view", "Foreign", "2026-06-05T10:00:00Z", []byte("foreign"), nil)
		o.publish("C6", "D1", "view", "Hidden", "2026-06-05T10:00:00Z", []byte("hidden"), nil)
		for _, path := range []string{
			"C5/documents/D3", "C6/documents/D1", "C1/documents/D2", "C1/documents/D3", "C99/documents/D1", "C1/documents/%00", "C1/documents/%ff",
			"C1/documents/..%2fD1", "C%00/documents/D1", "C1%2f..%2fC5/documents/D3", "C1/documents/D1%20",
		} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				got := o.do(method, "/api/v1/cases/"+path+"/content", o.wren.token, "", "Casesync-Min-Position", o.position)
				none := o.do(method, "/api/v1/cases/C1/documents/D9/content", o.wren.token, "", "Casesync-Min-Position", o.position)
				if alike(got) != alike(none) || got.status != http.StatusNotFound {
					t.Errorf("%s %s: got\n%s\nand for what does not exist\n%s", method, path, alike(got), alike(none))
				}
			}
		}
		if len(o.files.asked) > 0 {
			t.Errorf("the sources were asked for %v", o.files.asked)
		}
		// An auditor sees what is suppressed, and nobody sees what was given in confidence.
		o.read(o.as(access.Auditor), "/api/v1/cases/C6/documents/D1/content").want(http.StatusOK)
		o.read(o.as(access.Auditor), "/api/v1/cases/C1/documents/D2/content").want(http.StatusNotFound)
	})
}

// TestDocumentFaults: each way in which a source fails has its code, and nothing of the document goes out.
func TestDocumentFaults(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		o.publish("C1", "D3", "view", "The view", "2026-06-05T10:00:00Z", []byte("the view"), nil)
		const address = "/api/v1/cases/C1/documents/D3/content"
		for code, status := range map[httpapi.Code]int{
			httpapi.CodeDocumentRefused: http.StatusBadGateway, httpapi.CodeDocumentUnavailable: http.StatusServiceUnavailable,
			httpapi.CodeDocumentMissing: http.StatusBadGateway, httpapi.CodeDocumentMismatch: http.StatusBadGateway,
			httpapi.CodeContentAltered: http.StatusInternalServerError,
		} {
			o.files.fail("D3", httpapi.ContentFault(code, errors.New("a cause for the log")))
			got := o.read(o.wren.token, address)
			if got.status != status || codeOf(got) != code || strings.Contains(string(got.body), "cause") || got.text("detail") == "" {
				t.Errorf("%s: got %d %s, want %d", code, got.status, got.body, status)
			}
			if again := got.header.Get("Retry-After") != ""; again != (status == http.StatusServiceUnavailable) {
				t.Errorf("%s: got Retry-After %q", code, got.header.Get("Retry-After"))
			}
		}
		o.files.fail("D3", httpapi.ContentFault(httpapi.CodeNotFound, errors.New("erased")))
		got, none := o.read(o.wren.token, address), o.read(o.wren.token, "/api/v1/cases/C1/documents/D9/content")
		if alike(got) != alike(none) {
			t.Errorf("erased: got\n%s\nand for what does not exist\n%s", alike(got), alike(none))
		}
		if !strings.Contains(o.logged.String(), "a cause for the log") {
			t.Error("the log does not say why")
		}
	})
}

// fail has the source of a document fail.
func (f *files) fail(document string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults[document] = err
}

// TestSuppressionWhileFetching: who asked for a document of a case that was suppressed while its source was
// asked gets the answer that he would have got if there were none.
func TestSuppressionWhileFetching(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		o.publish("C1", "D3", "view", "The view", "2026-06-05T10:00:00Z", []byte("the view"), nil)
		o.read(o.wren.token, "/api/v1/cases/C1").want(http.StatusOK)
		o.files.opens = make(chan struct{}) // its source takes its time
		answers := make(chan answer, 1)
		go func() {
			answers <- o.do(http.MethodGet, "/api/v1/cases/C1/documents/D3/content", o.wren.token, "", "Casesync-Min-Position", o.position)
		}()
		o.waitFor(func() bool {
			o.files.mu.Lock()
			defer o.files.mu.Unlock()
			return len(o.files.asked) == 1
		})
		o.event("C1", "case.suppressed", data{"reason": "asked by the consumer"})
		select {
		case got := <-answers:
			if none := o.do(http.MethodGet, "/api/v1/cases/C99/documents/D3/content", o.wren.token, ""); alike(got) != alike(none) {
				t.Errorf("got\n%s\nand for what does not exist\n%s", alike(got), alike(none))
			}
		case <-time.After(endsWithin):
			t.Fatal("the source is still being asked")
		}
	})
}

// TestSuppressionDuringDownload: what is still on its way when a case is suppressed does not arrive, and nobody
// takes the part for the whole.
func TestSuppressionDuringDownload(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		content := make([]byte, 48<<20) // more than what is under way in the connection
		random := rand.NewChaCha8([32]byte{})
		_, _ = random.Read(content)
		o.publish("C1", "D3", "view", "Large", "2026-06-05T10:00:00Z", content, nil)
		o.read(o.wren.token, "/api/v1/cases/C1").want(http.StatusOK)
		request, err := http.NewRequest(http.MethodGet, o.URL+"/api/v1/cases/C1/documents/D3/content", nil)
		o.must(err)
		request.Header.Set("Authorization", "Bearer "+o.wren.token)
		response, err := o.Client().Do(request)
		o.must(err)
		defer response.Body.Close()
		if _, err := io.ReadFull(response.Body, make([]byte, 1<<20)); err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("got %d, %v, want the beginning", response.StatusCode, err)
		}
		o.event("C1", "case.suppressed", data{"reason": "asked by the consumer"})
		// The client takes nothing more until the service has given up, which shows in that it is as if there were no such case.
		o.waitFor(func() bool { return o.api.Downloads() == 0 })
		rest, err := io.Copy(io.Discard, response.Body)
		if err == nil || rest+1<<20 >= int64(len(content)) {
			t.Errorf("got %d bytes more and %v, want the connection cut", rest, err)
		}
	})
}
