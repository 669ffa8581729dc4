package httpapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"casesync/adapters/commands"
	"casesync/adapters/httpapi"
	"casesync/domain/access"
	"casesync/eventstore/sqldb/sqldbtest"
)

// TestAccounts disables, enables and erases a whole account, as operators do.
func TestAccounts(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.found(frnA, "bank.example")
		admin := w.administrator(frnA, "bank.example", "addison@bank.example")
		worker := w.join(frnA, admin.token, "Wren Worker", "wren@bank.example", access.Caseworker)
		give := func(person, action, token string, body data) answer {
			return w.asked(http.MethodPost, "/api/v1/accounts/"+person+"/"+action, token, body)
		}
		why := data{"reason": "asked for"}
		for _, check := range []struct {
			name, person, action, token string
			body                        data
			status                      int
			code                        string
		}{
			{"without a reason", worker.id, "disable", w.operator(), data{}, 422, "invalid-body"},
			{"with a blank one", worker.id, "erase", w.operator(), data{"reason": "  "}, 422, "invalid-body"},
			{"by an administrator", worker.id, "disable", admin.token, why, 403, "forbidden"},
			{"nobody", nobody, "disable", w.operator(), why, 404, "not-found"},
			{"no user id", "nonsense", "erase", w.operator(), why, 404, "not-found"},
			{"the last administrator", admin.id, "disable", w.operator(), why, 409, "last-administrator"},
			{"the last administrator for good", admin.id, "erase", w.operator(), why, 409, "last-administrator"},
		} {
			got := give(check.person, check.action, check.token, check.body)
			if got.status != check.status || got.text("code") != check.code {
				t.Errorf("%s: got %d %s, want %d %s", check.name, got.status, got.body, check.status, check.code)
			}
		}
		give(worker.id, "disable", w.operator(), why).want(http.StatusOK)
		w.do(http.MethodGet, "/api/v1/me", worker.token, "").want(http.StatusUnauthorized)
		if got := w.read(admin.token, "/api/v1/users/"+worker.id); got.text("status") != "disabled" || got.text("disabledFor") != "[operator]" {
			t.Errorf("after disable: got %s", got.body)
		}
		if got := w.asked(http.MethodPost, "/api/v1/users/"+worker.id+"/enable", admin.token, data{"business": frnA}); got.text("code") != "disabled-by-operator" {
			t.Errorf("enabled by an administrator: got %d %s", got.status, got.body)
		}
		give(worker.id, "enable", w.operator(), why).want(http.StatusOK)
		give(worker.id, "erase", w.operator(), why).want(http.StatusOK)
		if got := give(worker.id, "enable", w.operator(), why).want(http.StatusConflict); got.text("code") != "account-erased" {
			t.Errorf("enable who was erased: got %s", got.body)
		}
		gone := w.read(w.operator(), "/api/v1/users/"+worker.id).want(http.StatusOK)
		if gone.text("status") != "erased" || gone.at("name") != nil || gone.at("email") != nil || strings.Contains(string(gone.body), "Wren") {
			t.Errorf("after erasure: got %s", gone.body)
		}
		w.read(admin.token, "/api/v1/users/"+worker.id).want(http.StatusNotFound)
	})
}

// TestExportOfAPerson gives all that is kept about a person out, or nothing.
func TestExportOfAPerson(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		var fails error
		padding := 0
		w := newWorld(t, address, func(config *httpapi.Config) {
			config.ExportPerson = func(_ context.Context, out io.Writer, person string) error {
				if person == nobody {
					return commands.ErrUnknown
				}
				_, err := io.WriteString(out, `{"person":"`+person+`"}`+strings.Repeat(" ", padding))
				return errors.Join(err, fails)
			}
		})
		id := "3f0c9a52-6f0e-4b6c-9a51-0c6f3b1f8f10"
		got := w.do(http.MethodGet, "/api/v1/accounts/"+id+"/export", w.operator(), "").want(http.StatusOK)
		if string(got.body) != `{"person":"`+id+`"}` || got.header.Get("Content-Type") != "application/json" ||
			got.header.Get("Content-Disposition") != `attachment; filename="person-`+id+`.json"` || got.header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("export: got %v %s", got.header, got.body)
		}
		w.do(http.MethodGet, "/api/v1/accounts/"+nobody+"/export", w.operator(), "").want(http.StatusNotFound)
		w.do(http.MethodGet, "/api/v1/accounts/nonsense/export", w.operator(), "").want(http.StatusNotFound)
		w.do(http.MethodGet, "/api/v1/accounts/"+id+"/export", w.as(access.Auditor), "").want(http.StatusForbidden)
		fails = errors.New("the disk is gone")
		if got := w.do(http.MethodGet, "/api/v1/accounts/"+id+"/export", w.operator(), "").want(http.StatusInternalServerError); strings.Contains(string(got.body), id) {
			t.Errorf("an export that failed: got %s", got.body)
		}
		padding = 1 << 20 // more than is held back
		request, err := http.NewRequest(http.MethodGet, w.URL+"/api/v1/accounts/"+id+"/export", nil)
		w.must(err)
		request.Header.Set("Authorization", "Bearer "+w.operator())
		response, err := w.Client().Do(request)
		w.must(err)
		defer response.Body.Close()
		if _, err := io.Copy(io.Discard, response.Body); err == nil {
			t.Error("an export that failed on the way ended as if it were whole")
		}
	})
}
