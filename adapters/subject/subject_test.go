package subject_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/subject"
	"casesync/domain/account"
	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/domain/private"
)

// set up: a caseworker with a session, a password, a case and something done; and a colleague.
func (w *world) caseworker() (person, colleague, token string) {
	w.t.Helper()
	ctx := context.Background()
	_, err := w.people.ConfigureBusiness(ctx, byOperator(), frn, []string{"example.com"}, account.Local, "")
	w.must(err)
	colleague, _ = w.join("Udo Beispiel", "udo.beispiel@example.com")
	person, token = w.join("Una Beispiel", "una.beispiel@example.com")
	w.must(w.credentials.SetPassword(ctx, person, 0, "a long sentence nobody else says"))
	w.signIn(person)
	_, err = w.people.ChooseCookies(ctx, commands.Ask{By: w.principal(person).By}, account.Cookies{Functional: true})
	w.must(err)
	for _, who := range []string{person, colleague} {
		w.must(w.activity.Record(ctx, commands.Activity{At: time.Now(), Kind: commands.SignedIn, Actor: "user:" + who, Address: "192.0.2.7"}))
	}
	w.converted("C-1")
	w.decide("C-1", casefile.Allocate{To: person})
	w.asks(person, "Why is the list empty?", "Mine, and late")
	w.asks(colleague, "Where is the colleague's list?", "The colleague's view")
	w.send(person, "C-1", "letter-of-petra.pdf")
	w.send(colleague, "C-1", "from-a-colleague.pdf")
	return person, colleague, token
}

func (w *world) principal(person string) commands.Ask {
	w.t.Helper()
	standing, err := w.people.Standing(context.Background(), person)
	w.must(err)
	return commands.Ask{By: standing.Principal}
}

func from(id string) feed.Origin {
	return feed.Origin{Source: "https://cms.example/a", ID: id, Time: time.Now()}
}

func (w *world) converted(ref string) {
	w.t.Helper()
	issue, handler := "a fee", "Handler Hanna"
	w.decide(ref, casefile.Record{Fact: &casefile.Converted{
		Origin: from("converted-" + ref), FRN: frn, ConvertedAt: time.Now().UTC(),
		Details:        private.Of(casefile.Details{Issue: &issue, Handler: &handler}),
		Consumer:       private.Of(casefile.Party{Name: "Petra Muster", Email: "petra@example.net"}),
		Representative: private.Of(casefile.Party{Name: "Rolf Vertreter"}),
	}})
	w.decide(ref, casefile.Record{Fact: &casefile.DocumentPublished{
		Origin: from("document-" + ref), DocumentID: "D-1", PublishedAt: time.Now().UTC(),
		Document: private.Of(casefile.Document{Title: "Told in confidence", Confidential: true}),
	}})
}

// exported returns what export wrote, as text and as JSON.
func exported(t *testing.T, export func(*bytes.Buffer) error) (string, map[string]any) {
	t.Helper()
	var buffer bytes.Buffer
	if err := export(&buffer); err != nil {
		t.Fatalf("export: %v", err)
	}
	var document map[string]any
	if err := json.Unmarshal(buffer.Bytes(), &document); err != nil {
		t.Fatalf("got no JSON: %v\n%s", err, buffer.String())
	}
	return buffer.String(), document
}

func wantTexts(t *testing.T, text string, present, absent []string) {
	t.Helper()
	for _, want := range present {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	for _, other := range absent {
		if strings.Contains(text, other) {
			t.Errorf("%q should not be in\n%s", other, text)
		}
	}
}

// An export has what each part keeps, opened, and neither secrets nor other people.
func TestExport(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		person, colleague, token := w.caseworker()
		text, document := exported(t, func(b *bytes.Buffer) error { return w.Export(context.Background(), b, person) })
		wantTexts(t, text,
			[]string{
				"Una Beispiel", "una.beispiel@example.com", `"functional":true`, `"allocatedCases": ["C-1"]`, `"kind":"signed-in"`, "192.0.2.7",
				"membership.member-invited.v1", "membership.invitation-accepted.v1", "account.activated.v1", `"method":"local"`, `"kind":"invitation"`,
				"Why is the list empty?", "Answered: Why is the list empty?", "Mine, and late", "letter-of-petra.pdf", "general-update",
			},
			[]string{"Udo", "colleague", "Vertreter", colleague, commands.Digest(token), token, "tokenDigest", "v1.account-", "argon2"})
		for _, name := range []string{"account", "credentials", "sessions", "allocatedCases", "savedViews", "mails", "history", "memberships", "tickets", "uploads", "notifications", "activities"} {
			if document[name] == nil {
				t.Errorf("%s is missing", name)
			}
		}
		if sessions := document["sessions"].([]any); len(sessions) != 1 {
			t.Errorf("got %d sessions, want 1", len(sessions))
		}
		if err := w.Export(context.Background(), &bytes.Buffer{}, "7b3e1f0a-0000-4000-8000-000000000000"); !errors.Is(err, commands.ErrUnknown) {
			t.Errorf("nobody: got %v, want %v", err, commands.ErrUnknown)
		}
	})
}

// An erasure is over when nothing can be opened any more; afterwards a pseudonym is exported.
func TestErase(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		person, _, _ := w.caseworker()
		if err := w.WaitErased(ctx, person); !errors.Is(err, subject.ErrNotErased) {
			t.Errorf("before: got %v, want %v", err, subject.ErrNotErased)
		}
		w.react(w.ring.DestroyTreeOnce)
		w.must(w.Erase(ctx, byOperator(), person))
		text, _ := exported(t, func(b *bytes.Buffer) error { return w.Export(ctx, b, person) })
		wantTexts(t, text, []string{person, `"status":"erased"`, `"sessions": []`, `"allocatedCases": []`, `"person":null`},
			[]string{"Una", "una.beispiel", "list empty", "Mine, and late"})
		wantTexts(t, text, []string{`"savedViews": []`, "ticket.opened.v1", `"question":null`, `"message":null`}, nil)
		w.must(w.Erase(ctx, byOperator(), person))
	})
}

// A key that is not destroyed, whatever reactions say, is told.
func TestEraseTellsALiveKey(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		person, _, _ := w.caseworker()
		w.react(func(context.Context, string, ...string) error { return nil })
		if err := w.Erase(ctx, byOperator(), person); err == nil || !strings.Contains(err.Error(), "can still be opened") {
			t.Errorf("got %v, want the live key told", err)
		}
	})
}

// A party's export has what the case says, without the other party, FOS's people and confidences; once
// erased, without the party.
func TestParty(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		person, _, _ := w.caseworker()
		export := func(b *bytes.Buffer) error { return w.ExportParty(ctx, b, "C-1", casefile.Consumer) }
		text, _ := exported(t, export)
		wantTexts(t, text, []string{"Petra Muster", "petra@example.net", "a fee", "another person", "given in confidence", `"type":"general-update"`, `"bytes":42`},
			[]string{"Rolf", "Hanna", "handler", "Told in", person, "v1.casefile", ".pdf"})
		w.react(w.ring.DestroyTreeOnce)
		w.must(w.EraseParty(ctx, byOperator(), "C-1", casefile.Consumer))
		text, _ = exported(t, export)
		wantTexts(t, text, []string{"a fee", `"consumer":null`}, []string{"Petra", "petra"})
		text, _ = exported(t, func(b *bytes.Buffer) error { return w.ExportParty(ctx, b, "C-1", casefile.Representative) })
		wantTexts(t, text, []string{"Rolf Vertreter"}, []string{"Petra"})
		if err := w.ExportParty(ctx, &bytes.Buffer{}, "C-9", casefile.Consumer); !errors.Is(err, commands.ErrUnknown) {
			t.Errorf("no case: got %v, want %v", err, commands.ErrUnknown)
		}
		if err := w.ExportParty(ctx, &bytes.Buffer{}, "C-1", "judge"); err == nil {
			t.Error("no party: got no error")
		}
	})
}

// A writer that fails ends the export, with the fault.
func TestExportToABrokenPipe(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		person, _, _ := w.caseworker()
		for _, bytesMax := range []int{0, 1, 100, 1000} {
			if err := w.Export(context.Background(), &pipe{left: bytesMax}, person); !errors.Is(err, errBroken) {
				t.Errorf("after %d bytes: got %v, want %v", bytesMax, err, errBroken)
			}
		}
	})
}

var errBroken = errors.New("broken pipe")

type pipe struct{ left int }

func (p *pipe) Write(data []byte) (int, error) {
	if p.left -= len(data); p.left < 0 {
		return 0, errBroken
	}
	return len(data), nil
}

func TestConfigNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	if _, err := subject.New(subject.Config{}); err == nil {
		t.Error("got no error")
	}
}
