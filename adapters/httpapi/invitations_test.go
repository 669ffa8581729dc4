package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"casesync/domain/access"
)

func invitation(email string, roles ...string) data {
	return data{"business": frnA, "name": "Wren Worker", "email": email, "roles": roles}
}

// TestInvitations invites, sends again and revokes.
func TestInvitations(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.found(frnA, "bank.example")
		admin := w.administrator(frnA, "bank.example", "addison@bank.example")
		sent := w.told(http.MethodPost, "/api/v1/invitations", admin.token, invitation("wren@bank.example", "caseworker"))
		if sent.status != http.StatusCreated || sent.text("user") == "" || sent.text("status") != "accepted" {
			t.Errorf("invite: got %d %s", sent.status, sent.body)
		}
		id := sent.text("id")
		first := w.invitationToken(frnA, id)
		if strings.Contains(string(sent.body), first) {
			t.Errorf("the answer holds the token of the link: %s", sent.body)
		}
		list := w.read(admin.token, "/api/v1/invitations?status=pending").want(http.StatusOK)
		for path, want := range map[string]string{
			"id": id, "business": frnA, "name": "Wren Worker", "email": "wren@bank.example", "roles": "[caseworker]",
			"status": "pending", "sent": "1", "invitedBy": "user:" + admin.id, "invitedAt": "2026-06-10T12:00:00Z",
			"expiresAt": "2026-06-17T12:00:00Z",
		} {
			if got := list.text("items", 0, path); got != want {
				t.Errorf("%s: got %q, want %q", path, got, want)
			}
		}
		w.read(admin.token, "/api/v1/users/"+sent.text("user")).want(http.StatusOK) // whom one invited one sees
		w.told(http.MethodPost, "/api/v1/invitations/"+id+"/resend", admin.token, data{"business": frnA})
		if got := w.read(admin.token, "/api/v1/invitations?status=pending").text("items", 0, "sent"); got != "2" {
			t.Errorf("sent: got %s, want 2", got)
		}
		w.told(http.MethodPost, "/api/v1/invitations/"+id+"/revoke", admin.token, data{"business": frnA, "reason": "a mistake"})
		revoked := w.read(admin.token, "/api/v1/invitations?status=revoked&business="+frnA)
		if revoked.text("items", 0, "id") != id || revoked.text("items", 0, "cause") != "asked" {
			t.Errorf("after revoke: got %s", revoked.body)
		}
		for name, check := range map[string]struct {
			path   string
			status int
			code   string
		}{
			"send a revoked one again": {id + "/resend", 409, "invitation-revoked"},
			"send what is not there":   {nobody + "/resend", 404, "not-found"},
			"revoke what is not there": {nobody + "/revoke", 404, "not-found"},
			"revoke nonsense":          {"nonsense/revoke", 404, "not-found"},
		} {
			got := w.asked(http.MethodPost, "/api/v1/invitations/"+check.path, admin.token, data{"business": frnA, "reason": "why"})
			if got.status != check.status || got.text("code") != check.code {
				t.Errorf("%s: got %d %s, want %d %s", name, got.status, got.body, check.status, check.code)
			}
		}
	})
}

// TestInvitationRefusals tries addresses that only look like the business's (requirement 39).
func TestInvitationRefusals(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.found(frnA, "bank.example")
		w.found(frnB, "insurer.example")
		admin := w.administrator(frnA, "bank.example", "addison@bank.example")
		other := w.administrator(frnB, "insurer.example", "blake@insurer.example")
		w.join(frnA, admin.token, "Wren Worker", "wren@bank.example", access.Caseworker)
		for _, check := range []struct {
			name, token string
			body        data
			status      int
			code        string
		}{
			{"outside the domains", admin.token, invitation("wren@elsewhere.example", "caseworker"), 422, "domain-not-allowed"},
			{"a subdomain", admin.token, invitation("wren@mail.bank.example", "caseworker"), 422, "domain-not-allowed"},
			{"a longer domain", admin.token, invitation("wren@bank.example.elsewhere.example", "caseworker"), 422, "domain-not-allowed"},
			{"a Cyrillic letter", admin.token, invitation("wren@bаnk.example", "caseworker"), 422, "domain-look-alike"},
			{"the same person with a plus", admin.token, invitation("Wren+two@BANK.example", "caseworker"), 409, "already-member"},
			{"a shared mailbox", admin.token, invitation("info@bank.example", "caseworker"), 422, "email-shared"},
			{"no address", admin.token, invitation("wren", "caseworker"), 422, "email-invalid"},
			{"two addresses", admin.token, invitation("wren@bank.example,wren@elsewhere.example", "caseworker"), 422, "email-invalid"},
			{"an administrator", admin.token, invitation("new@bank.example", "administrator"), 403, "administrator-by-operator"},
			{"into another business", other.token, invitation("new@bank.example", "caseworker"), 404, "not-found"},
			{"a long address", admin.token, invitation(strings.Repeat("x", 250)+"@bank.example", "caseworker"), 422, "invalid-body"},
			{"a NUL in the name", admin.token, data{"business": frnA, "name": "a\x00", "email": "new@bank.example", "roles": []string{"caseworker"}}, 422, "invalid-body"},
			{"no name", admin.token, data{"business": frnA, "email": "new@bank.example", "roles": []string{"caseworker"}}, 422, "invalid-body"},
			{"the same role many times", admin.token, invitation("new@bank.example", "caseworker", "caseworker", "caseworker", "caseworker"), 422, "invalid-body"},
		} {
			got := w.asked(http.MethodPost, "/api/v1/invitations", check.token, check.body)
			if got.status != check.status || got.text("code") != check.code {
				t.Errorf("%s: got %d %s, want %d %s", check.name, got.status, got.body, check.status, check.code)
			}
		}
		if got := w.read(admin.token, "/api/v1/invitations?status=pending").ids(); len(got) > 0 {
			t.Errorf("pending after refusals: got %v, want none", got)
		}
	})
}

// TestIdempotencyKey sends an invitation twice under one name.
func TestIdempotencyKey(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.found(frnA, "bank.example")
		admin := w.administrator(frnA, "bank.example", "addison@bank.example")
		send := func(token, email string, key ...string) answer {
			header := []string{}
			for _, k := range key {
				header = append(header, "Idempotency-Key", k)
			}
			return w.asked(http.MethodPost, "/api/v1/invitations", token, invitation(email, "caseworker"), header...)
		}
		first := send(admin.token, "wren@bank.example", "one").want(http.StatusCreated)
		again := send(admin.token, "wren@bank.example", "one").want(http.StatusCreated)
		if first.text("id") != again.text("id") || first.text("user") != again.text("user") {
			t.Errorf("the same again: got %s, want %s", again.body, first.body)
		}
		if got := send(admin.token, "wren@bank.example", "two").want(http.StatusConflict); got.text("code") != "already-invited" {
			t.Errorf("under another name: got %s", got.body)
		}
		if other := send(admin.token, "robin@bank.example", "one").want(http.StatusCreated); other.text("id") == first.text("id") {
			t.Error("another body under the same name was taken for the first one")
		}
		if got := w.read(admin.token, "/api/v1/invitations?status=pending").ids(); len(got) != 2 {
			t.Errorf("pending: got %v, want two", got)
		}
		for name, key := range map[string]string{"long": strings.Repeat("x", 201), "with a space": "a b", "empty": ""} {
			if got := send(admin.token, "sam@bank.example", key); got.status != http.StatusBadRequest {
				t.Errorf("a key that is %s: got %d %s, want 400", name, got.status, got.body)
			}
		}
	})
}
