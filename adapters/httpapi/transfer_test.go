package httpapi_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/httpapi"
	"casesync/domain/access"
	"casesync/domain/upload"
)

// TestUploadEndsWithItsRight: a request that brings bytes ends as soon as the session, the account or the role
// that it relies on does; what came before is kept, and whoever may goes on there.
func TestUploadEndsWithItsRight(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.found(frnA, domainA)
		admin := h.administrator(frnA, domainA, "first@"+domainA)
		feed(h.fixture)
		other := h.join(frnA, admin.token, "Sample Other", "other@"+domainA, access.Caseworker)
		for why, take := range map[string]func(p person){
			"session ended":              func(p person) { h.must(h.sessions.EndAll(context.Background(), p.id)) },
			"the role for it taken away": func(p person) { h.onlyAdministers(p, admin) },
			"access disabled": func(p person) {
				h.told(http.MethodPost, "/api/v1/users/"+p.id+"/disable", admin.token, data{"business": frnA, "reason": "a test"})
			},
		} {
			p := h.join(frnA, admin.token, "Sample Person", strings.ReplaceAll(why, " ", ".")+"@"+domainA, access.Caseworker)
			address := h.begin(p.token, "C1", "long.pdf", 1000).want(http.StatusCreated).header.Get("Location")
			before := h.files.received.Load()
			over := h.bring(address, pdf("the beginning"), "Cookie: "+h.signIn(p.id))
			h.waitFor(func() bool { return h.files.received.Load()-before == int64(len(pdf("the beginning"))) })
			take(p)
			began := time.Now()
			select {
			case answer := <-over:
				t.Logf("%s: ended after %v", why, time.Since(began).Round(time.Millisecond))
				if answer != "" {
					t.Errorf("%s: got an answer, %q", why, answer)
				}
			case <-time.After(endsWithin):
				t.Fatalf("%s: the request goes on", why)
			}
			h.waitFor(func() bool {
				head := h.do(http.MethodHead, address, other.token, "", "Tus-Resumable", "1.0.0")
				if head.status != http.StatusOK {
					t.Fatalf("%s: HEAD: got %d; the log: %s", why, head.status, h.logged)
				}
				return head.header.Get("Upload-Offset") == text(len(pdf("the beginning")))
			})
		}
	})
}

// bring sends the beginning of a long body to an upload, and tells what came back when the connection is closed.
func (f *fixture) bring(address, beginning, who string) <-chan string {
	f.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.URL, "http://"))
	f.must(err)
	f.t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, "PATCH "+address+" HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"+
		"Content-Type: application/offset+octet-stream\r\n"+who+"\r\nContent-Length: 1000\r\n\r\n"+beginning)
	f.must(err)
	over := make(chan string, 1)
	go func() {
		answer, _ := io.ReadAll(conn) // a connection that is reset is closed
		over <- string(answer)
	}()
	return over
}

// TestRefusedUpload: who is refused before a byte was looked at gets his answer, and keeps no connection.
func TestRefusedUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteAddress(t), func(config *httpapi.Config) { config.Limits.RequestTimeout = time.Second })
	for who, status := range map[string]string{
		"X-Nobody: x": "401", "Authorization: Bearer " + w.as(access.Auditor): "403", "Authorization: Bearer " + w.as(access.Caseworker): "404",
	} {
		over := w.bring(httpapi.UploadsPath+"/0f3c9a52-6f0e-4b6c-9a51-0c6f3b1f8f10", "some", who)
		select {
		case answer := <-over:
			if !strings.HasPrefix(answer, "HTTP/1.1 "+status) {
				t.Errorf("got %q, want %s", answer, status)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("%s: the connection stays open", status)
		}
	}
}

// TestSlowUpload: as long as bytes come a request may take longer than any other; where none come, it ends.
func TestSlowUpload(t *testing.T) {
	t.Parallel()
	read := make(chan error, 1)
	f := newFixture(t, sqliteAddress(t), func(config *httpapi.Config) {
		config.Limits.RequestTimeout, config.Limits.UploadIdleTimeout = 200*time.Millisecond, 700*time.Millisecond
		config.Uploads = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, r.Body)
			read <- err
			w.WriteHeader(http.StatusNoContent)
		})
	})
	const address = "/api/v1/uploads/0f3c9a52-6f0e-4b6c-9a51-0c6f3b1f8f10"
	slow := io.MultiReader(drip{20, 100 * time.Millisecond}.reader(), strings.NewReader("the end"))
	request, err := http.NewRequest(http.MethodPatch, f.URL+address, slow)
	f.must(err)
	request.Header.Set("Authorization", "Bearer "+f.as(access.Caseworker))
	response, err := f.Client().Do(request)
	f.must(err)
	_ = response.Body.Close()
	if err := <-read; err != nil || response.StatusCode != http.StatusNoContent {
		t.Errorf("a slow client: got %d, %v, want it taken", response.StatusCode, err)
	}
	f.bring(address, "some", "Authorization: Bearer "+f.as(access.Caseworker))
	select {
	case err := <-read:
		if timeout, is := errors.AsType[net.Error](err); !is || !timeout.Timeout() {
			t.Errorf("a client that says nothing: got %v, want its time over", err)
		}
	case <-time.After(endsWithin):
		t.Fatal("a client that says nothing: the request hangs")
	}
}

// drip is a body of n bytes, one at a time.
type drip struct {
	n     int
	every time.Duration
}

func (d drip) reader() io.Reader {
	body, writer := io.Pipe()
	go func() {
		ticker := time.NewTicker(d.every)
		defer ticker.Stop()
		for range d.n {
			<-ticker.C
			_, _ = writer.Write([]byte("."))
		}
		_ = writer.Close()
	}()
	return body
}

// TestTransfersAreBounded: who brings or takes too many files at one time is told so, in the way in which his
// client comes back.
func TestTransfersAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteAddress(t), func(config *httpapi.Config) {
		config.Limits.UploadsPerPrincipalMax, config.Limits.DownloadsPerPrincipalMax = 1, 1
	})
	o := openOffice(w)
	o.publish("C1", "D3", "view", "The view", "2026-06-05T10:00:00Z", []byte("the view"), nil)
	o.read(o.wren.token, "/api/v1/cases/C1").want(http.StatusOK)
	o.files.opens = make(chan struct{})
	waiting := make(chan answer, 1)
	ask := func() answer {
		return o.do(http.MethodGet, "/api/v1/cases/C1/documents/D3/content", o.wren.token, "")
	}
	go func() { waiting <- ask() }()
	o.waitFor(func() bool { return o.api.Downloads() == 1 })
	if got := ask(); codeOf(got) != httpapi.CodeTooMany || got.header.Get("Retry-After") == "" {
		t.Errorf("a second download: got %d %s, want too-many-requests", got.status, got.body)
	}
	close(o.files.opens)
	if got := <-waiting; got.status != http.StatusOK {
		t.Errorf("the first download: got %d %s", got.status, got.body)
	}
	address := o.begin(o.wren.token, "C1", "a.pdf", 100).want(http.StatusCreated).header.Get("Location")
	body, client := io.Pipe()
	request, err := http.NewRequest(http.MethodPatch, o.URL+address, body)
	o.must(err)
	for i := 0; i < len(tus); i += 2 {
		request.Header.Set(tus[i], tus[i+1])
	}
	request.Header.Set("Authorization", "Bearer "+o.wren.token)
	over := make(chan error, 1)
	go func() {
		response, err := o.Client().Do(request)
		if err == nil {
			_ = response.Body.Close()
		}
		over <- err
	}()
	_, err = client.Write([]byte(pdf("")))
	o.must(err)
	o.waitFor(func() bool { return o.api.Receiving() == 1 })
	got := o.begin(o.wren.token, "C1", "b.pdf", 100)
	if codeOf(got) != httpapi.CodeUploadsBusy || got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Errorf("a second file: got %d %s, want uploads-busy", got.status, got.body)
	}
	_ = client.Close()
	o.must(<-over)
}

// TestDownloadsAreRecorded: that a file goes out is recorded before it does, and what cannot be recorded does
// not go out; of the upload protocol, that a file was begun and given up (requirement 44).
func TestDownloadsAreRecorded(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.found(frnA, domainA)
		admin := h.administrator(frnA, domainA, "first@"+domainA)
		feed(h.fixture)
		p := h.join(frnA, admin.token, "Sample Person", "person@"+domainA, access.Caseworker)
		h.publish("C1", "D3", "view", "The view", "2026-06-05T10:00:00Z", []byte("the view"), nil)
		id := h.upload(p.token, "C1", "letter.pdf", pdf("a letter"), upload.StatusQueued)
		h.read(p.token, "/api/v1/cases/C1/documents/D3/content").want(http.StatusOK)
		h.do(http.MethodGet, httpapi.UploadsPath+"/"+id+"/content", p.token, "").want(http.StatusOK)
		list := h.activities(httpapi.ActivityFilter{Actor: "user:" + p.id, Kind: commands.FileDownloaded}, 4)
		if len(list) != 4 {
			t.Fatalf("got %d entries, want the beginning and the end of two downloads", len(list))
		}
		for i, want := range []struct{ subject, phase, id string }{
			{"upload-" + id, "ended", ""}, {"upload-" + id, "begun", ""}, {"casefile-C1", "ended", "D3"}, {"casefile-C1", "begun", "D3"},
		} {
			if got := list[i]; got.Subject != want.subject || got.Detail["phase"] != want.phase || got.Detail["id"] != want.id || got.Failed {
				t.Errorf("entry %d: got %+v, want %+v", i, got, want)
			}
		}
		gone := h.begin(p.token, "C1", "gone.pdf", 100).want(http.StatusCreated).header.Get("Location")
		h.do(http.MethodDelete, gone, p.token, "", "Tus-Resumable", "1.0.0").want(http.StatusNoContent)
		given := h.activities(httpapi.ActivityFilter{Actor: "user:" + p.id, Kind: commands.CommandGiven, Subject: "upload-" + strings.TrimPrefix(gone, httpapi.UploadsPath+"/")}, 1)
		if len(given) != 1 || given[0].Operation != "DELETE /api/v1/uploads/{id}" || given[0].Failed {
			t.Errorf("of an upload that was given up: got %+v", given)
		}
		if begun := h.operations(p, "POST "+httpapi.UploadsPath); begun != 2 {
			t.Errorf("of uploads that were begun: got %d entries, want one for each of 2", begun)
		}
		if patched := h.operations(p, "PATCH "+httpapi.UploadsPath+"/{id}"); patched != 0 {
			t.Errorf("of bytes that came: got %d entries, want none", patched)
		}
		h.failing.set(true)
		defer h.failing.set(false)
		for _, address := range []string{"/api/v1/cases/C1/documents/D3/content", httpapi.UploadsPath + "/" + id + "/content"} {
			if got := h.do(http.MethodGet, address, p.token, ""); codeOf(got) != httpapi.CodeUnavailable {
				t.Errorf("%s, which cannot be recorded: got %d %s, want unavailable", address, got.status, got.body)
			}
		}
	})
}

// operations counts the entries of a person of one operation.
func (h *house) operations(p person, operation string) (count int) {
	h.t.Helper()
	for _, entry := range h.activities(httpapi.ActivityFilter{Actor: "user:" + p.id, Kind: commands.CommandGiven}, 1) {
		if entry.Operation == operation {
			count++
		}
	}
	return count
}

// TestAllowOfUploads: an address says which methods of the protocol it takes.
func TestAllowOfUploads(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqliteAddress(t), nil)
	for path, want := range map[string]string{
		httpapi.UploadsPath: "GET, HEAD, POST, OPTIONS", httpapi.UploadsPath + "/x": "GET, HEAD, PATCH, DELETE, OPTIONS",
		httpapi.UploadsPath + "/x/content": "GET, HEAD", httpapi.UploadsPath + "/x/retry": "POST",
	} {
		recorder := httptest.NewRecorder()
		w.api.ServeHTTP(recorder, httptest.NewRequest(http.MethodPut, path, nil))
		if got := recorder.Header().Get("Allow"); recorder.Code != http.StatusMethodNotAllowed || got != want {
			t.Errorf("PUT %s: got %d, Allow %q; want 405, %q", path, recorder.Code, got, want)
		}
	}
}

// TestShortUploadsLogNothing: a request that is over before anybody could watch its caller's rights is no fault.
func TestShortUploadsLogNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqliteAddress(t), func(*httpapi.Config) {})
	h.found(frnA, domainA)
	p := h.administrator(frnA, domainA, "first@"+domainA)
	p = h.join(frnA, p.token, "Sample Person", "person@"+domainA, access.Caseworker)
	for range 200 {
		h.do(http.MethodPatch, "/api/v1/uploads/0f3c9a52-6f0e-4b6c-9a51-0c6f3b1f8f10", p.token, "", "Tus-Resumable", "1.0.0").want(http.StatusNotFound)
	}
	if logged := h.logged.String(); strings.Contains(logged, "level=ERROR") {
		t.Errorf("got %q, want no fault", logged)
	}
}
