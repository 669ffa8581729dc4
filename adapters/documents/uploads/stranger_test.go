package uploads_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"casesync/adapters/documents/uploads"
)

type strangerKey struct{}

// Who may not see an upload can not end the request that writes it, by whatever method: he is told what he would be
// told if there were none.
func TestStrangerStopsNobody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.config.Steps.Allow = func(ctx context.Context, _, _ string) error {
			if ctx.Value(strangerKey{}) != nil {
				return &uploads.Refusal{Status: http.StatusNotFound, Code: "not-found", Detail: "There is no such upload among those you may see."}
			}
			return nil
		}
		u, _ := w.process()
		server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Stranger") != "" {
				r = r.WithContext(context.WithValue(r.Context(), strangerKey{}, true))
			}
			u.ServeHTTP(rw, r)
		}))
		defer server.Close()
		content := random(t, 100_000)
		path := w.create(int64(len(content)))
		body, client := io.Pipe()
		whole := make(chan *http.Response, 1)
		go func() { whole <- patch(t, server, path, 0, body) }()
		if _, err := client.Write(content[:50_000]); err != nil { // it is written by now
			t.Fatal(err)
		}
		for _, method := range []string{http.MethodHead, http.MethodPatch, http.MethodDelete} {
			header := map[string]string{"Stranger": "yes", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
			hidden := request(t, server, method, path, nil, header)
			missing := request(t, server, method, basePath+"/0f3c9a52-6f0e-4b6c-9a51-0c6f3b1f8f10", nil, header)
			if hidden.StatusCode != http.StatusNotFound || missing.StatusCode != http.StatusNotFound || code(t, hidden) != code(t, missing) {
				t.Errorf("%s: got %d, and %d for one that is not there, want 404 and alike", method, hidden.StatusCode, missing.StatusCode)
			}
		}
		if _, err := client.Write(content[50_000:]); err != nil {
			t.Fatal(err)
		}
		_ = client.Close()
		if response := <-whole; response.StatusCode != http.StatusNoContent {
			t.Errorf("the one that writes: got %d, %s", response.StatusCode, code(t, response))
		}
		w.workOff()
		if got := w.content(idOf(path)); !bytes.Equal(got, content) {
			t.Errorf("got %d other bytes", len(got))
		}
	})
}
