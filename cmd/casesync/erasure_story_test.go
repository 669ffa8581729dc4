package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"casesync/eventstore/sqldb"
)

// TestWhoStaysAwayIsWarnedDisabledAndErased moves the clock day by day: whoever does not come back is
// warned, disabled on day 60 and erased 30 days later (requirements 41 and 42). Then no byte of what
// is stored holds the name or the address, every figure is what it was, and the log still verifies.
func TestWhoStaysAwayIsWarnedDisabledAndErased(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.storyFeed()
		clock := &clock{}
		forwarded := filepath.Join(t.TempDir(), "activity.jsonl")
		o := w.open(clock, "--activity-to", "file:"+forwarded)
		o.publishTerms("2026-01")
		stays := o.localStory()
		leaver := o.hire(stays, "Quentin Vanisher", "quentin.vanisher@local.example")
		leaver.browser.must(http.MethodPost, "/api/v1/cases/S-"+frnLocal+"-1/allocation", map[string]any{"to": "me"})
		exported := leaver.browser.must(http.MethodGet, "/api/v1/cases/export?format=csv", nil)
		_ = os.WriteFile(filepath.Join(w.storage[1], "exported.csv"), []byte(exported.text), 0o600) // what people did with it is looked at too
		figures := o.figures()
		w.exportSubject(leaver.person, "Quentin Vanisher")

		// The administrator comes back every day, the other does not.
		day := 0
		come := func(until int) {
			for ; day < until; day++ {
				clock.move(24 * time.Hour)
				if got := stays.signIn("alex.steward@local.example"); got.status != http.StatusOK {
					t.Fatalf("day %d: who stays could not sign in: %d %s", day+1, got.status, got.text)
				}
				stays.must(http.MethodGet, "/api/v1/me", nil)
			}
			o.swept()
		}
		come(52)
		if o.mailWith("quentin.vanisher@local.example", "will soon be disabled") != "" {
			t.Error("warned before day 53")
		}
		come(53)
		if o.mailWith("quentin.vanisher@local.example", "will soon be disabled") == "" {
			t.Errorf("not warned on day 53: %v", o.mails())
		}
		come(59)
		if got := o.status(leaver.person); got != "active" {
			t.Errorf("day 59: got %s, want active", got)
		}
		come(60)
		if got := o.status(leaver.person); got != "disabled" {
			t.Errorf("day 60: got %s, want disabled", got)
		}
		o.returned(stays, "S-"+frnLocal+"-1")
		come(89)
		if got := o.status(leaver.person); got != "disabled" {
			t.Errorf("day 89: got %s, want disabled", got)
		}
		come(90)
		if got := o.status(leaver.person); got != "erased" {
			t.Errorf("day 90: got %s, want erased", got)
		}
		o.reacted()
		o.caughtUp()
		if got := o.figures(); got != figures {
			t.Errorf("figures changed:\n%s\nwere\n%s", got, figures)
		}
		o.stop()
		w.must("verify")
		w.must("activity", "verify", "--forwarded", forwarded)
		w.nowhere(forwarded, "vanisher", "Quentin Vanisher", "quentin.vanisher")
	})
}

// employee is somebody who was invited and came in.
type employee struct {
	browser *browser
	person  string
}

// hire has an administrator invite a caseworker, who accepts the terms.
func (o *office) hire(administrator *browser, name, email string) employee {
	o.api.t.Helper()
	invited := administrator.must(http.MethodPost, "/api/v1/invitations", map[string]any{
		"business": frnLocal, "name": name, "email": email, "roles": []any{"caseworker"},
	})
	person, _ := invited.body["user"].(string)
	b := o.browser()
	b.enrol(o.mailed(email, "invitation"))
	b.must(http.MethodPost, "/api/v1/terms/acceptances", map[string]any{"business": frnLocal, "version": "2026-01"})
	o.caughtUp()
	return employee{b, person}
}

// figures are every figure that the auditor sees.
func (o *office) figures() string {
	o.api.t.Helper()
	var all strings.Builder
	for _, path := range []string{
		"/api/v1/uphold-rates?from=2026-01-01&to=2027-12-31&groupBy=business&groupBy=product", "/api/v1/uphold-rates?from=2026-01-01&to=2027-12-31&groupBy=month",
		"/api/v1/dashboard", "/api/v1/dashboard?business=" + frnLocal, "/api/v1/cases?limit=100&facets=stage&facets=product",
	} {
		got := o.as("auditor").must(http.MethodGet, path, nil)
		delete(got.body, "asOf")
		if open, is := got.body["open"].(map[string]any); is {
			// What the clock alone changes, and to whom cases are allocated, are no figures of this test.
			for _, moving := range []string{"new7Days", "new28Days", "dueIn7Days", "overdue", "unallocated", "allocatedToMe"} {
				delete(open, moving)
			}
			delete(got.body, "byAge")
			delete(got.body, "upholdRate") // of a year that moves along; uphold-rates has it of years that stay
		}
		if items, is := got.body["items"].([]any); is {
			for _, item := range items {
				delete(item.(map[string]any), "allocatedTo")
				delete(item.(map[string]any), "allocationReturned")
			}
		}
		text, err := json.Marshal(got.body)
		if err != nil {
			o.api.t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s %s\n", path, text)
	}
	return all.String()
}

// swept waits until a round of sweeps that began now has ended, and all that followed from it.
func (o *office) swept() {
	o.api.t.Helper()
	// Three rounds: each may find what the one before it led to.
	for range 3 {
		o.caughtUp()
		began := o.clock.now().Truncate(time.Second)
		o.clock.move(2 * time.Second)
		o.until("the sweeps have not run", func() bool {
			for _, check := range o.checks() {
				if !strings.HasPrefix(check.Name, "sweep of accounts") {
					continue
				}
				last, err := time.Parse(time.RFC3339, fmt.Sprint(check.Value))
				return err == nil && last.After(began)
			}
			return false
		})
		o.reacted()
	}
}

type check struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

func (o *office) checks() []check {
	o.api.t.Helper()
	var ready struct {
		Checks []check `json:"checks"`
	}
	text := o.browser().call(http.MethodGet, "/readyz", nil).text
	if err := json.Unmarshal([]byte(text), &ready); err != nil {
		o.api.t.Fatalf("readyz: %v in %s", err, text)
	}
	return ready.Checks
}

// reacted waits until reactions and mail have taken the whole log, and no mail waits.
func (o *office) reacted() {
	o.api.t.Helper()
	o.until("reactions and mail have not come to the end of the log", func() bool {
		waiting := 0
		for _, check := range o.checks() {
			if strings.HasSuffix(check.Name, ": events behind") || check.Name == "mail: queued" {
				waiting++
				if check.Value != float64(0) {
					return false
				}
			}
		}
		if waiting < 4 {
			o.api.t.Fatalf("readyz does not say how far reactions and mail are: %v", o.checks())
		}
		return true
	})
}

// exportSubject checks that an export of a person holds what is kept about him.
func (w *world) exportSubject(person, name string) {
	w.t.Helper()
	text := w.must("subject", "export", "--account", person)
	for _, want := range []string{name, "account.created", "termsAccepted", "networkAddress"} {
		if !strings.Contains(text, want) {
			w.t.Errorf("the export of a person has no %s: %s", want, text)
		}
	}
	if strings.Contains(text, "Steward") {
		w.t.Errorf("the export of a person names another: %s", text)
	}
}

func (o *office) until(what string, done func() bool) {
	o.api.t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); {
		if time.Now().After(deadline) {
			o.api.t.Fatal(what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// mailWith returns the last mail to address that holds words.
func (o *office) mailWith(address, words string) (found string) {
	for _, mail := range o.mails() {
		if strings.Contains(mail, address) && strings.Contains(mail, words) {
			found = mail
		}
	}
	return found
}

// status returns the status of an account, as operators see it.
func (o *office) status(person string) string {
	o.api.t.Helper()
	o.caughtUp()
	shown := o.as("operator").must(http.MethodGet, "/api/v1/users/"+person, nil)
	status, _ := shown.body["status"].(string)
	return status
}

// nowhere checks that no stored byte holds any of words, in whatever case of letters: the files of
// the installation and, on PostgreSQL, everything that a dump of the database says.
func (w *world) nowhere(also string, words ...string) {
	w.t.Helper()
	look := func(where string, text []byte) {
		lower := bytes.ToLower(text)
		for _, word := range words {
			if bytes.Contains(lower, bytes.ToLower([]byte(word))) {
				w.t.Errorf("%s holds %q", where, word)
			}
		}
	}
	files := 0
	err := filepath.WalkDir(w.storage[1], func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files++
		look(path, text)
		return err
	})
	if err != nil || files == 0 {
		w.t.Fatalf("looked at %d files: %v", files, err)
	}
	text, err := os.ReadFile(also)
	if err != nil || len(text) == 0 {
		w.t.Fatalf("nothing was forwarded: %v", err)
	}
	look(also, text)
	for i, flag := range w.storage {
		if flag == "--log" {
			look("the database", []byte(dump(w.t, w.storage[i+1])))
		}
	}
}

// dump returns every row of every table of a PostgreSQL database as text.
func dump(t *testing.T, address string) string {
	t.Helper()
	db, err := sqldb.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT table_schema || '.' || quote_ident(table_name) FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema')`)
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, table)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, table := range tables {
		rows, err := db.QueryContext(t.Context(), `SELECT CAST(t AS text), COALESCE(CAST(to_json(t) AS text), '') FROM `+table+` t`)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var text, json string
			if err := rows.Scan(&text, &json); err != nil {
				t.Fatal(err)
			}
			all.WriteString(text)
			// Bytes are written in hexadecimal: they are looked at as what they are.
			for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '(' || r == ')' || r == '"' }) {
				if hex, is := strings.CutPrefix(strings.TrimLeft(word, `\`), "x"); is {
					all.Write(unhex(hex))
				}
			}
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(tables) < 10 {
		t.Fatalf("found the tables %v alone", tables)
	}
	return all.String()
}

func unhex(text string) []byte {
	decoded := make([]byte, 0, len(text)/2)
	for i := 0; i+1 < len(text); i += 2 {
		var b byte
		if _, err := fmt.Sscanf(text[i:i+2], "%02x", &b); err != nil {
			return decoded
		}
		decoded = append(decoded, b)
	}
	return decoded
}
