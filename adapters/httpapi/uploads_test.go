package httpapi_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"casesync/adapters/httpapi"
	"casesync/adapters/identity"
	"casesync/domain/access"
	"casesync/domain/upload"
)

// pdf is a file that is taken.
func pdf(text string) string { return "%PDF-1.7\n" + text }

// tus are the headers of requests that go on with an upload.
var tus = []string{"Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream"}

// TestUploadIsTracked: a file goes its way, and each step is told to who may know.
func TestUploadIsTracked(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		content := pdf("a letter")
		id := o.upload(o.wren.token, "C1", `C:\letters\Réponse "final".pdf`, content, upload.StatusQueued)
		address := httpapi.UploadsPath + "/" + id
		shown := o.do(http.MethodGet, address, o.super.token, "").want(http.StatusOK)
		sum := sha256.Sum256([]byte(content))
		for field, want := range map[string]string{
			"id": id, "case": "C1", "business": frnA, "name": "Réponse _final_.pdf", "mediaType": "application/pdf", "code": "", "failed": "false",
			"sha256": hexOf(sum[:]), "bytes": strconv.Itoa(len(content)), "sentBy": o.wren.id, "attempt": "1", "status": "queued",
		} {
			if got := shown.text(field); got != want {
				t.Errorf("%s: got %q, want %q", field, got, want)
			}
		}
		if got, want := shown.text("links", "content"), address+"/content"; got != want || shown.at("links", "retry") != nil {
			t.Errorf("links: got %v, want %q alone", shown.at("links"), want)
		}
		if again := o.do(http.MethodGet, address, o.super.token, "", "If-None-Match", shown.header.Get("ETag")); again.status != http.StatusNotModified {
			t.Errorf("with If-None-Match: got %d, want 304", again.status)
		}
		twin := o.upload(o.robin.token, "C1", "copy.pdf", content, upload.StatusDuplicate)
		second := o.do(http.MethodGet, httpapi.UploadsPath+"/"+twin, o.robin.token, "")
		if got := second.text("duplicateOf"); got != id || second.text("reason") == "" || second.at("links", "content") != nil {
			t.Errorf("the same file again: got %s, want a duplicate of %s with its reason", second.body, id)
		}
	})
}

func hexOf(sum []byte) string {
	const digits = "0123456789abcdef"
	var text strings.Builder
	for _, b := range sum {
		text.WriteByte(digits[b>>4])
		text.WriteByte(digits[b&15])
	}
	return text.String()
}

// TestUploadList: filters, pages, and what each may see.
func TestUploadList(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		fine := o.upload(o.wren.token, "C1", "fine.pdf", pdf("fine"), upload.StatusQueued)
		held := o.upload(o.robin.token, "C2", "held.pdf", pdf("unclear"), upload.StatusQuarantined)
		bad := o.upload(o.wren.token, "C2", "bad.pdf", pdf("harmful"), upload.StatusRejected)
		page := o.upload(o.wren.token, "C2", "page.html", "<!DOCTYPE html><html><body>x</body></html>", upload.StatusRejected)
		foreign := o.upload(o.stranger.token, "C5", "foreign.pdf", pdf("foreign"), upload.StatusQueued)
		for _, c := range []struct {
			token, query string
			want         []string
		}{
			{o.super.token, "", []string{fine, held, bad, page}},
			{o.super.token, "?case=C1", []string{fine}},
			{o.super.token, "?case=C5", nil},
			{o.super.token, "?failed=true", []string{held, bad, page}},
			{o.super.token, "?failed=true&status=quarantined", []string{held}},
			{o.super.token, "?status=queued&status=quarantined", []string{fine, held}},
			{o.robin.token, "?mine=true", []string{held}},
			{o.stranger.token, "", []string{foreign}},
			{o.as(access.Auditor), "", []string{fine, held, bad, page, foreign}},
		} {
			got := o.do(http.MethodGet, httpapi.UploadsPath+c.query, c.token, "").values("items", "id")
			wantSet(t, c.query, got, c.want...)
		}
		reasons := map[string]string{}
		list := o.do(http.MethodGet, httpapi.UploadsPath+"?failed=true", o.super.token, "")
		for i, id := range list.values("items", "id") {
			reasons[id] = list.text("items", i, "code") + ": " + list.text("items", i, "reason")
		}
		for id, want := range map[string]string{
			held: "scanner-unclear: " + upload.ScannerUnclear.Reason(), bad: "harmful: " + upload.Harmful.Reason(), page: "type-not-allowed: " + upload.TypeNotAllowed.Reason(),
		} {
			if reasons[id] != want {
				t.Errorf("why %s: got %q, want %q", id, reasons[id], want)
			}
		}
		o.walkUploads(o.super.token, 4)
		for _, wrong := range []string{"?status=lost", "?failed=yes", "?limit=0", "?cursor=x", "?nothing=1", "?case=C1&case=C2"} {
			o.do(http.MethodGet, httpapi.UploadsPath+wrong, o.super.token, "").want(http.StatusBadRequest)
		}
	})
}

// walkUploads reads a list page by page, and wants each upload once, the newest first.
func (o *office) walkUploads(token string, want int) {
	o.t.Helper()
	seen, cursor := map[string]bool{}, ""
	for range want {
		page := o.do(http.MethodGet, httpapi.UploadsPath+"?limit=1"+cursor, token, "").want(http.StatusOK)
		seen[page.text("items", 0, "id")] = true
		cursor = "&cursor=" + page.text("next")
		if other := o.do(http.MethodGet, httpapi.UploadsPath+"?case=C1"+cursor, token, ""); page.text("next") != "" && codeOf(other) != httpapi.CodeCursorMismatch {
			o.t.Errorf("the cursor with another filter: got %s, want cursor-mismatch", other.body)
		}
	}
	if len(seen) != want || cursor != "&cursor=" {
		o.t.Errorf("page by page: got %d uploads and then %q, want %d and the end", len(seen), cursor, want)
	}
}

// wantSet fails the test unless a list has what is wanted, in whatever order.
func wantSet(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	left := map[string]int{}
	for _, value := range got {
		left[value]++
	}
	for _, value := range want {
		left[value]--
	}
	for value, n := range left {
		if n != 0 {
			t.Errorf("%s: got %q, want %q (%s differs)", what, got, want, value)
		}
	}
}

// TestUploadRefusals: what cannot be taken is said before a byte of it is sent, as problem details.
func TestUploadRefusals(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		begin := func(length, metadata string) answer {
			return o.do(http.MethodPost, httpapi.UploadsPath, o.wren.token, "", "Tus-Resumable", "1.0.0", "Upload-Length", length, "Upload-Metadata", metadata)
		}
		for what, c := range map[string]struct {
			got    answer
			status int
			code   httpapi.Code
		}{
			"5 GB":                  {begin("5000000000", metadata("C1", "a.pdf")), http.StatusRequestEntityTooLarge, "file-too-large"},
			"empty":                 {begin("0", metadata("C1", "a.pdf")), http.StatusUnprocessableEntity, "file-empty"},
			"no length":             {begin("", metadata("C1", "a.pdf")), http.StatusBadRequest, "upload-length"},
			"no case":               {begin("10", "filename YQ=="), http.StatusUnprocessableEntity, "upload-metadata"},
			"no metadata":           {begin("10", ""), http.StatusUnprocessableEntity, "upload-metadata"},
			"control characters":    {begin("10", metadata("C1", "a\x00\r\n.pdf")), http.StatusUnprocessableEntity, "file-name-invalid"},
			"text that turns round": {begin("10", metadata("C1", "a\u202efdp.exe")), http.StatusUnprocessableEntity, "file-name-invalid"},
			"another protocol":      {o.do(http.MethodPost, httpapi.UploadsPath, o.wren.token, "x"), http.StatusPreconditionFailed, "unsupported-version"},
			"a parameter":           {o.do(http.MethodPost, httpapi.UploadsPath+"?case=C1", o.wren.token, ""), http.StatusBadRequest, "unknown-parameter"},
			"an auditor":            {o.do(http.MethodPost, httpapi.UploadsPath, o.as(access.Auditor), ""), http.StatusForbidden, "forbidden"},
			"no offset":             {o.patch(o.wren.token, o.begin(o.wren.token, "C1", "a.pdf", 10).header.Get("Location"), 5, "x"), http.StatusConflict, "upload-offset"},
		} {
			if c.got.status != c.status || codeOf(c.got) != c.code {
				t.Errorf("%s: got %d %s, want %d %s", what, c.got.status, c.got.body, c.status, c.code)
			}
			if title := c.got.text("title"); title == "" || c.got.text("type") != "urn:casesync:problem:"+string(c.code) {
				t.Errorf("%s: got %s, want problem details", what, c.got.body)
			}
		}
		options := o.do(http.MethodOptions, httpapi.UploadsPath, o.wren.token, "").want(http.StatusNoContent)
		if got := options.header.Get("Tus-Max-Size"); got != strconv.FormatInt(upload.Standard().FileBytesMax, 10) {
			t.Errorf("OPTIONS: got Tus-Max-Size %q", got)
		}
	})
}

// TestForeignUploadsAreNotThere: of an upload of another business, and of one to a case that is hidden by now,
// each request says byte for byte what it says of one that never was (requirement 47).
func TestForeignUploadsAreNotThere(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		foreign := o.upload(o.stranger.token, "C5", "foreign.pdf", pdf("foreign"), upload.StatusQueued)
		hidden := o.upload(o.wren.token, "C2", "hidden.pdf", pdf("hidden"), upload.StatusQueued)
		open := strings.TrimPrefix(o.begin(o.wren.token, "C2", "open.pdf", 100).header.Get("Location"), httpapi.UploadsPath+"/")
		o.event("C2", "case.suppressed", data{"reason": "asked by the consumer"})
		o.read(o.wren.token, "/api/v1/cases/C2").want(http.StatusNotFound)
		for _, id := range []string{foreign, hidden, open, "no-uuid", strings.ToUpper(foreign), "%00", "..%2f" + foreign, "%ff"} {
			for _, c := range []struct{ method, after, body string }{
				{http.MethodGet, "", ""}, {http.MethodHead, "", ""}, {http.MethodPatch, "", "bytes"}, {http.MethodDelete, "", ""},
				{http.MethodGet, "/content", ""}, {http.MethodHead, "/content", ""}, {http.MethodPost, "/retry", "{}"},
			} {
				ask := func(id string) answer {
					header := tus
					if c.after != "" {
						header = []string{"Content-Type", "application/json"}
					}
					return o.do(c.method, httpapi.UploadsPath+"/"+id+c.after, o.wren.token, c.body, header...)
				}
				got, none := ask(id), ask(uuid.NewString())
				if alike(got) != alike(none) || got.status != http.StatusNotFound {
					t.Errorf("%s %s%s: got\n%s\nand for what does not exist\n%s", c.method, id, c.after, alike(got), alike(none))
				}
			}
		}
		for _, ref := range []string{"C5", "C6", "C2", "no/case", "a\x00b"} {
			got, none := o.begin(o.wren.token, ref, "a.pdf", 10), o.begin(o.wren.token, "C99", "a.pdf", 10)
			if alike(got) != alike(none) || got.status != http.StatusNotFound {
				t.Errorf("begin for %q: got\n%s\nand for what does not exist\n%s", ref, alike(got), alike(none))
			}
		}
		if got := o.do(http.MethodGet, httpapi.UploadsPath, o.wren.token, "").values("items", "id"); len(got) > 0 {
			t.Errorf("list: got %q, want none", got)
		}
	})
}

// TestUploadContent: a file is given out under a safe name, whole or in ranges, once it was found clean.
func TestUploadContent(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		content := pdf("0123456789")
		id := o.upload(o.wren.token, "C1", "Réponse; 50%.pdf", content, upload.StatusQueued)
		address := httpapi.UploadsPath + "/" + id + "/content"
		sum := sha256.Sum256([]byte(content))
		digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
		whole := o.do(http.MethodGet, address, o.robin.token, "").want(http.StatusOK)
		if string(whole.body) != content {
			t.Errorf("got %q, want %q", whole.body, content)
		}
		for name, want := range map[string]string{
			"Content-Type": "application/pdf", "X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store", "Repr-Digest": digest,
			"Content-Security-Policy": "sandbox; default-src 'none'",
			"Content-Disposition":     `attachment; filename="R_ponse; 50_.pdf"; filename*=utf-8''R%C3%A9ponse%3B%2050%25.pdf`,
		} {
			if got := whole.header.Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		tag := whole.header.Get("ETag")
		for what, c := range map[string]struct {
			method string
			header []string
			status int
			body   string
		}{
			"a range":           {http.MethodGet, []string{"Range", "bytes=9-12"}, http.StatusPartialContent, "0123"},
			"the end":           {http.MethodGet, []string{"Range", "bytes=-3"}, http.StatusPartialContent, "789"},
			"of the same":       {http.MethodGet, []string{"Range", "bytes=9-12", "If-Range", tag}, http.StatusPartialContent, "0123"},
			"of another":        {http.MethodGet, []string{"Range", "bytes=9-12", "If-Range", `"other"`}, http.StatusOK, content},
			"head":              {http.MethodHead, nil, http.StatusOK, ""},
			"known already":     {http.MethodGet, []string{"If-None-Match", tag}, http.StatusNotModified, ""},
			"other known":       {http.MethodGet, []string{"If-None-Match", `"other"`}, http.StatusOK, content},
			"on another's term": {http.MethodHead, []string{"Range", "bytes=0-1"}, http.StatusPartialContent, ""},
		} {
			got := o.do(c.method, address, o.robin.token, "", c.header...)
			if got.status != c.status || string(got.body) != c.body {
				t.Errorf("%s: got %d %q, want %d %q", what, got.status, got.body, c.status, c.body)
			}
		}
		beyond := o.do(http.MethodGet, address, o.robin.token, "", "Range", "bytes=1000-")
		if codeOf(beyond) != httpapi.CodeRange || beyond.header.Get("Content-Range") != "bytes */"+strconv.Itoa(len(content)) || beyond.header.Get("Content-Disposition") != "" {
			t.Errorf("beyond the end: got %d %s %v", beyond.status, beyond.body, beyond.header)
		}
		o.do(http.MethodGet, address, o.robin.token, "", "If-Match", `"other"`).want(http.StatusPreconditionFailed)
		held := o.upload(o.wren.token, "C2", "held.pdf", pdf("unclear"), upload.StatusQuarantined)
		if got := o.do(http.MethodGet, httpapi.UploadsPath+"/"+held+"/content", o.wren.token, ""); codeOf(got) != httpapi.CodeNotDownloadable {
			t.Errorf("in quarantine: got %d %s, want not-downloadable", got.status, got.body)
		}
	})
}

// TestFetchUpload: the case management system that speaks for the case fetches the bytes, and no other.
func TestFetchUpload(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		content := pdf("for the case system")
		id := o.upload(o.wren.token, "C1", "letter.pdf", content, upload.StatusQueued)
		address := "/cms/v1/uploads/" + id + "/content"
		own := o.issue(identity.Spec{Role: access.CMS, Source: "https://cms.example/one"})
		other := o.issue(identity.Spec{Role: access.CMS, Source: "https://cms.example/two"})
		if got := o.do(http.MethodGet, address, own, "").want(http.StatusOK); string(got.body) != content || !strings.HasPrefix(got.header.Get("Repr-Digest"), "sha-256=:") {
			t.Errorf("got %q and %v, want the file and its digest", got.body, got.header)
		}
		o.do(http.MethodHead, address, own, "").want(http.StatusOK)
		if got := o.do(http.MethodGet, address, own, "", "Range", "bytes=1-3").want(http.StatusPartialContent); string(got.body) != "PDF" {
			t.Errorf("a range: got %q, want %q", got.body, "PDF")
		}
		foreign, none := o.do(http.MethodGet, address, other, ""), o.do(http.MethodGet, "/cms/v1/uploads/"+uuid.NewString()+"/content", own, "")
		if alike(foreign) != alike(none) || foreign.status != http.StatusNotFound {
			t.Errorf("another source: got\n%s\nand for what does not exist\n%s", alike(foreign), alike(none))
		}
		held := o.upload(o.wren.token, "C2", "held.pdf", pdf("unclear"), upload.StatusQuarantined)
		o.do(http.MethodGet, "/cms/v1/uploads/"+held+"/content", own, "").want(http.StatusNotFound)
		o.do(http.MethodGet, address, o.wren.token, "").want(http.StatusForbidden)
		o.do(http.MethodGet, httpapi.UploadsPath+"/"+id+"/content", own, "").want(http.StatusForbidden)
	})
}

// TestRetryUpload: a file in quarantine is tried again, once.
func TestRetryUpload(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		id := o.upload(o.wren.token, "C1", "held.pdf", pdf("unclear"), upload.StatusQuarantined)
		address := httpapi.UploadsPath + "/" + id
		if got := o.do(http.MethodGet, address, o.super.token, "").text("links", "retry"); got != address+"/retry" {
			t.Errorf("links.retry: got %q", got)
		}
		if got := o.do(http.MethodGet, address, o.as(access.Auditor), "").at("links", "retry"); got != nil {
			t.Errorf("links.retry of an auditor: got %v, want none", got)
		}
		first := o.asked(http.MethodPost, address+"/retry", o.super.token, data{"reason": "the scanner is back"}, "Idempotency-Key", "k1").want(http.StatusOK)
		again := o.asked(http.MethodPost, address+"/retry", o.super.token, data{"reason": "the scanner is back"}, "Idempotency-Key", "k1").want(http.StatusOK)
		if first.text("position") == "" || again.text("position") != first.text("position") {
			t.Errorf("the same command again: got %s, want the answer of before, %s", again.body, first.body)
		}
		shown := o.read(o.super.token, address)
		if shown.text("attempt") != "2" || shown.text("status") != "received" {
			t.Errorf("got %s, want the second attempt", shown.body)
		}
		if got := o.asked(http.MethodPost, address+"/retry", o.wren.token, data{}).want(http.StatusOK); got.text("status") != "duplicate" {
			t.Errorf("somebody else: got %s, want that it was so already", got.body)
		}
		o.asked(http.MethodPost, address+"/retry", o.wren.token, data{}, "If-Match", `"1"`).want(http.StatusBadRequest)
		o.asked(http.MethodPost, address+"/retry", o.as(access.Auditor), data{}).want(http.StatusForbidden)
	})
}

// TestUploadLimits tells them in bytes and in words.
func TestUploadLimits(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		got := o.do(http.MethodGet, "/api/v1/upload-limits", o.wren.token, "").want(http.StatusOK)
		if got.text("file", "words") != "2 GiB" || got.text("caseFiles") != "500" || got.text("businessDay", "words") != "500 GiB" {
			t.Errorf("got %s", got.body)
		}
		types, _ := got.at("mediaTypes").([]any)
		if len(types) != len(upload.Standard().MediaTypes) {
			t.Errorf("got %d types, want %d", len(types), len(upload.Standard().MediaTypes))
		}
		for i := range types {
			if name := got.text("mediaTypes", i, "name"); strings.Contains(name, "/") || got.text("mediaTypes", i, "extensions", 0) == "" {
				t.Errorf("%s: got %q, want what people call it, and how names end", got.text("mediaTypes", i, "mediaType"), name)
			}
		}
	})
}

// TestDownloadedNameSaysTheType: what somebody called a file does not make a program of it where it is saved.
func TestDownloadedNameSaysTheType(t *testing.T) {
	inOffices(t, func(t *testing.T, o *office) {
		for _, file := range []struct{ name, content, want string }{
			{"run.bat", "@echo off\r\ndel *.*\r\n", "run.bat.txt"},
			{"page.html", "Nothing of a page is here.\n", "page.html.txt"},
			{"letter.exe", pdf("a letter"), "letter.exe.pdf"},
			{"LETTER.PDF", pdf("another letter"), "LETTER.PDF"},
			{"notes.txt", "Notes.\n", "notes.txt"},
		} {
			id := o.upload(o.wren.token, "C1", file.name, file.content, upload.StatusQueued)
			got := o.do(http.MethodGet, httpapi.UploadsPath+"/"+id+"/content", o.wren.token, "").want(http.StatusOK).header.Get("Content-Disposition")
			if want := `attachment; filename="` + file.want + `"`; got != want {
				t.Errorf("%s: got %s, want %s", file.name, got, want)
			}
		}
	})
}
