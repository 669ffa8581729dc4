package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// A clean document goes out and is accepted; the test string is refused. Whatever becomes of the scanner on the way,
// nothing passes that it did not find clean (requirement 54).
func TestNothingPassesUnscanned(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		scanner := clamav(t, 8)
		s := w.start(scanner.flags()...)
		s.publish(uploadFeed())
		w.caughtUp()
		const who = "caseworker"

		clean := s.upload(who, "UP-1", "final response.pdf", pdf("clean"))
		s.uploadBecomes(who, clean, "sent")
		s.publish([]map[string]any{fact("cms.upload.accepted.v1", clean, 1, map[string]any{"caseReference": "UP-1"})})
		s.uploadBecomes(who, clean, "accepted")
		infected := s.upload(who, "UP-1", "notes.txt", append([]byte("Some notes.\n"), eicar...))
		if got := s.uploadBecomes(who, infected, "rejected"); !strings.Contains(fmt.Sprint(got["reason"]), "scanner found something") {
			t.Errorf("got the reason %v, want that the scanner found something", got["reason"])
		}
		s.neverGivenOut(infected)

		// The scanner goes while files come, and the server after it.
		scanner.kill()
		var files, viruses []string
		for i := range 6 {
			files = append(files, s.upload(who, "UP-1", fmt.Sprintf("while away %d.pdf", i), pdf(fmt.Sprint("away ", i))))
			viruses = append(viruses, s.upload(who, "UP-1", fmt.Sprintf("while away %d.txt", i), fmt.Appendf(nil, "%d\n%s", i, eicar)))
			if i == 3 {
				s.kill()
				s.restart()
			}
		}
		for _, id := range append(files, viruses...) {
			s.uploadBecomes(who, id, "received", "scanning")
			s.neverGivenOut(id)
		}
		// It comes, goes again in the middle, and comes back.
		scanner.start()
		s.uploadBecomes(who, files[0], "sent")
		scanner.kill()
		s.kill()
		s.restart()
		scanner.start()
		for i := range files {
			s.uploadBecomes(who, files[i], "sent")
			s.uploadBecomes(who, viruses[i], "rejected")
			s.neverGivenOut(viruses[i])
		}
	})
}

// neverGivenOut fails where the bytes of an upload are to be had, or its case system was told of it.
func (s *service) neverGivenOut(id string) {
	s.t.Helper()
	for who, path := range map[string]string{"cms": "/cms/v1/uploads/" + id + "/content", "caseworker": "/api/v1/uploads/" + id + "/content"} {
		if status, _, body := s.get(who, path); status < 400 {
			s.t.Errorf("GET %s: got %d and %d bytes, want it refused", path, status, len(body))
		}
	}
	for _, message := range s.world.published() {
		if message["type"] == "portal.upload.received.v1" && strings.Contains(fmt.Sprint(message["data"]), id) {
			s.t.Errorf("the case system was told of upload %s: %v", id, message)
		}
	}
}

// pdf is a small document that says text.
func pdf(text string) []byte {
	var file bytes.Buffer
	file.WriteString("%PDF-1.4\n")
	offsets := []int{}
	for i, object := range []string{
		"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 50]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
		fmt.Sprintf("<</Length %d>>\nstream\nBT /F 12 Tf 10 20 Td (%s) Tj ET\nendstream", len(text)+32, text),
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
	} {
		offsets = append(offsets, file.Len())
		fmt.Fprintf(&file, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := file.Len()
	fmt.Fprintf(&file, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&file, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&file, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, start)
	return file.Bytes()
}

// upload sends a small file to a case, in one request of the tus protocol, and returns the upload's id.
func (a *api) upload(who, ref, name string, content []byte) string {
	a.t.Helper()
	status, header, body := a.offer(who, ref, name, content)
	if status != http.StatusCreated {
		a.t.Fatalf("upload %s to %s: %d %s", name, ref, status, body)
	}
	location := header.Get("Location")
	id := location[strings.LastIndex(location, "/")+1:]
	if _, err := uuid.Parse(id); err != nil {
		a.t.Fatalf("upload %s: got the address %q", name, location)
	}
	return id
}

// offer is upload for what may be refused.
func (a *api) offer(who, ref, name string, content []byte) (int, http.Header, string) {
	a.t.Helper()
	return a.do(http.MethodPost, who, "/api/v1/uploads", string(content),
		"Tus-Resumable", "1.0.0", "Upload-Length", fmt.Sprint(len(content)), "Content-Type", "application/offset+octet-stream",
		"Upload-Metadata", "case "+base64Of(ref)+",filename "+base64Of(name))
}
