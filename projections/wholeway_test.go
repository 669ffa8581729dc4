package projections

import (
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/domain/business"
	"casesync/domain/casefile"
	"casesync/domain/notification"
	"casesync/domain/outgoing"
	"casesync/domain/private"
	"casesync/domain/upload"
	"casesync/projections/engine"
	"casesync/projections/projtest"
)

// wholeLife is two cases with a fact of every kind.
func wholeLife() []projtest.Given {
	converted := convertedTo(ours, hirePurchase, at(0))
	converted.Details = private.Of(casefile.Details{Issue: new("Delay"), BusinessReference: new("AB-77"), Handler: new("Team 4")})
	converted.Consumer = private.Of(casefile.Party{Name: "Mara Quill", Email: "mara@example.com"})
	action := requested("a", "2025-02-03", at(2))
	action.Action = private.Of(casefile.Action{Kind: "file-request", Description: "Send the file"})
	extended := &casefile.ActionExtended{Origin: from(at(3)), ActionID: "a", DueDate: "2025-02-10"}
	document := published("d", false, at(4))
	document.Document = private.Of(casefile.Document{Kind: "view", Title: "The view", MediaType: "application/pdf", Size: 12})
	secret := published("s", true, at(4))
	secret.Document = private.Of(casefile.Document{Kind: "note", Title: "In confidence", Confidential: true})
	priority := priorityIs(true, at(5))
	priority.Priority = private.Of(casefile.Priority{Priority: true, Reason: "medical"})
	details := &casefile.DetailsChanged{Origin: from(at(5)), Representative: private.Of(casefile.Party{Name: "Oak & Ash LLP"})}
	hidden := &casefile.Suppressed{Origin: from(at(6)), Reason: private.Of("asked for by e-mail")}
	snapshot := &casefile.SnapshotTaken{
		Origin: from(at(1)), FRN: theirs, Product: creditCards, Stage: "view-issued", ConvertedAt: at(0),
		Actions:   []casefile.SnapshotAction{{ActionID: "b", DueDate: "2025-02-03"}},
		Documents: []casefile.SnapshotDocument{{DocumentID: "e", PublishedAt: at(1)}},
		Content: private.Of(casefile.SnapshotContent{
			Details:   casefile.Details{BusinessReference: new("XY-1"), Handler: new("Team 9")},
			Actions:   map[string]casefile.Action{"b": {Kind: "reply", Description: "Reply to the view"}},
			Documents: map[string]casefile.Document{"e": {Kind: "decision", Title: "The decision", URL: "https://cms.example/d/e"}},
		}),
		Consumer: private.Of(casefile.Party{Name: "Jonas Fell"}),
	}
	late := &casefile.StageChanged{Origin: inSequence(4), Stage: "on-hold"}
	return []projtest.Given{
		projtest.On("business-"+ours, &business.Updated{Origin: from(at(0)), FRN: ours, Name: "Example Bank"}),
		projtest.On("casefile-C1", converted, stage("investigation", at(1)), action, extended, document, secret, priority, details),
		projtest.On("casefile-C2", snapshot),
		projtest.On("casefile-C1", hidden, &casefile.Unsuppressed{Origin: from(at(7))}, transferredTo(theirs, at(8)), transferredTo(ours, at(9)),
			&casefile.Recategorised{Origin: from(at(9)), Product: creditCards}, actionClosed("a", at(10))),
		projtest.On("casefile-C1", closedAs("change", at(11)), reopenedAt(at(12)), closedAs("no-change", at(13))),
		projtest.On("casefile-C1", &casefile.FactHeld{Origin: late.Origin, Type: "casefile.stage-changed.v1", Fact: late}),
		projtest.On("casefile-C1", &casefile.FactUnrecognised{Origin: inSequence(1), Type: "cms.case.sung.v1"}, &casefile.SequenceSkipped{Source: "/cms", From: 2, To: 3}, late),
		projtest.On("casefile-C1", &casefile.HandedOver{Origin: from(at(14)), ToSource: "/new"}),
		projtest.On("casefile-C2", &casefile.Allocated{To: "ada"}, &casefile.AllocationReturned{From: "ada", Cause: casefile.HolderDisabled},
			&casefile.LegalHoldPlaced{}, &casefile.LegalHoldLifted{}),
		projtest.On("casefile-C1", &casefile.SuppressionExecuted{Request: "n2"}, &casefile.SuppressionReversed{}),
		projtest.On("upload-u1", wholeUpload("C1", ours, at(15))...),
		projtest.On("upload-u2", wholeUpload("C2", theirs, at(15))[:4]...),
		projtest.On("notification-n1", wholeNotification("C1", ours, at(16))...),
		projtest.On("notification-n2", wholeNotification("C2", theirs, at(16))[:1]...),
	}
}

// wholeUpload is all that happens to an upload that the source rejects.
func wholeUpload(ref, frn string, when time.Time) []any {
	begun, received, rejected := begunBy(ref, frn, 100, when), receivedOn(ref, when), uploadRejected(ref, when)
	begun.File = outgoing.Seal(ref, upload.File{Name: "Statement of Mara.pdf"})
	received.Content = outgoing.Seal(ref, upload.Content{SHA256: "ab", MediaType: "application/pdf"})
	rejected.Reason = outgoing.Seal(ref, "Mara Quill's second page is missing.")
	return []any{
		begun, received, &upload.ScanBegun{About: about(ref), Attempt: 1, At: when}, &upload.Cleared{About: about(ref), Attempt: 1, At: when},
		&upload.Queued{About: about(ref), Attempt: 1, At: when}, &upload.Sent{About: about(ref), Attempt: 1, At: when}, rejected,
	}
}

// wholeNotification is all that happens to a notification that the source takes.
func wholeNotification(ref, frn string, when time.Time) []any {
	sent := sentBy(ref, frn, "general-update", when)
	sent.Content = outgoing.Seal(ref, notification.Content{Fields: map[string]string{"message": "Mara has moved."}})
	return []any{
		sent, &notification.Delivered{About: about(ref), At: when},
		&notification.Acknowledged{About: about(ref), Origin: from(when), Named: ref, Reason: outgoing.Seal(ref, "Team 4 has it.")},
	}
}

// TestWholeWay takes facts of every kind through codec, log and runner, on both databases: nothing
// is parked, a rebuild gives the same rows, and what was sealed is read back as it was said.
func TestWholeWay(t *testing.T) {
	t.Parallel()
	projtest.Each(t, hashed, All(), wholeLife(), func(t *testing.T, w *projtest.World) {
		scope := BusinessScope("u", ours, theirs)
		err := engine.Read(t.Context(), w.Store, CasesName, func(view engine.View) error {
			page, err := ListCases(t.Context(), view, scope, CaseQuery{Sort: []SortKey{{By: SortReference}}, Limit: 10})
			if err != nil || len(page.Items) != 2 {
				t.Fatalf("got %+v, %v, want two cases", page.Items, err)
			}
			checkPeople(t, w, page.Items)
			checkWork(t, w, view, scope)
			checkSent(t, w, view, scope)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		checkNothingPersonal(t, w)
	})
}

func opened(t *testing.T, w *projtest.World, envelope string) []byte {
	t.Helper()
	plain, err := w.Codec.OpenEnvelopes(t.Context(), envelope)
	if err != nil || plain[0] == nil {
		t.Fatalf("open %q: got %q, %v", envelope, plain, err)
	}
	return plain[0]
}

func checkPeople(t *testing.T, w *projtest.World, rows []CaseRow) {
	t.Helper()
	for i, want := range []struct{ reference, handler, consumer string }{
		{"AB-77", "Team 4", "Mara Quill"}, {"XY-1", "Team 9", "Jonas Fell"},
	} {
		reference, err1 := OpenedBusinessReference(opened(t, w, rows[i].SealedBusinessReference))
		handler, err2 := OpenedHandler(opened(t, w, rows[i].SealedHandler))
		consumer, err3 := OpenedParty(opened(t, w, rows[i].SealedConsumer))
		if reference != want.reference || handler != want.handler || consumer.Name != want.consumer || err1 != nil || err2 != nil || err3 != nil {
			t.Errorf("%s: got %q, %q, %+v, %v %v %v, want %+v", rows[i].Ref, reference, handler, consumer, err1, err2, err3, want)
		}
	}
	representative, err := OpenedParty(opened(t, w, rows[0].SealedRepresentative))
	if err != nil || representative.Name != "Oak & Ash LLP" || !rows[0].HasRepresentative || rows[1].HasRepresentative {
		t.Errorf("got representative %+v, %v of %+v", representative, err, rows[0])
	}
}

func checkWork(t *testing.T, w *projtest.World, view engine.View, scope Scope) {
	t.Helper()
	for ref, want := range map[string]struct{ action, title string }{
		"C1": {"Send the file", "The view"}, "C2": {"Reply to the view", "The decision"},
	} {
		actions, err := Actions(t.Context(), view, scope, ref)
		if err != nil || len(actions) != 1 {
			t.Fatalf("got actions %+v, %v, want one", actions, err)
		}
		if action, err := OpenedAction(opened(t, w, actions[0].Sealed), actions[0].ActionID); err != nil || action.Description != want.action || action.Kind != actions[0].Kind {
			t.Errorf("%s: got %+v, %v, want %s", ref, action, err, want.action)
		}
		documents, err := Documents(t.Context(), view, scope, ref)
		if err != nil || len(documents) != 1 {
			t.Fatalf("got documents %+v, %v, want one", documents, err)
		}
		if document, err := OpenedDocument(opened(t, w, documents[0].Sealed), documents[0].DocumentID); err != nil || document.Title != want.title {
			t.Errorf("%s: got %+v, %v, want %s", ref, document, err, want.title)
		}
	}
	timeline, err := Timeline(t.Context(), view, scope, "C1", 0, 100)
	var kinds []string
	for _, row := range timeline {
		kinds = append(kinds, row.Kind)
	}
	want := strings.Fields("converted stage-changed action-requested action-extended document-published priority-changed details-changed " +
		"transferred transferred recategorised action-closed closed reopened closed stage-changed " +
		"upload-received upload-rejected notification-sent notification-delivered notification-acknowledged")
	if err != nil || !slices.Equal(kinds, want) {
		t.Errorf("got timeline %v, %v\nwant %v", kinds, err, want)
	}
}

// checkSent reads back what was sent, and what the source said of it.
func checkSent(t *testing.T, w *projtest.World, view engine.View, scope Scope) {
	t.Helper()
	file, found, err := UploadByID(t.Context(), view, scope, "u1")
	if err != nil || !found || file.Status != upload.StatusRejected || !file.Retryable || !file.Downloadable {
		t.Fatalf("got upload %+v, %v, %v", file, found, err)
	}
	name, err1 := OpenedFile(opened(t, w, file.Name))
	content, err2 := OpenedContent(opened(t, w, file.Content))
	reason, err3 := OpenedReason(opened(t, w, file.Reason))
	if name.Name != "Statement of Mara.pdf" || content.MediaType != "application/pdf" || !strings.Contains(reason, "second page") ||
		err1 != nil || err2 != nil || err3 != nil {
		t.Errorf("got %+v, %+v, %q, %v %v %v", name, content, reason, err1, err2, err3)
	}
	sent, found, err := NotificationByID(t.Context(), view, scope, "n1")
	if err != nil || !found || sent.Status != notification.StatusAcknowledged {
		t.Fatalf("got notification %+v, %v, %v", sent, found, err)
	}
	words, err1 := OpenedNotification(opened(t, w, sent.Content))
	reason, err2 = OpenedReason(opened(t, w, sent.Reason))
	if words.Fields["message"] != "Mara has moved." || reason != "Team 4 has it." || err1 != nil || err2 != nil {
		t.Errorf("got %+v, %q, %v %v", words, reason, err1, err2)
	}
	row, _, err := FindCase(t.Context(), view, scope, "C1")
	if err != nil || row.Uploads != 1 || row.FailedUploads != 1 || row.Notifications != 1 || row.UpdatedAt != at(14) {
		t.Errorf("got %+v, %v, want one failed upload and one notification, and no fact of the case's own after at(14)", row, err)
	}
}

// checkNothingPersonal looks for names and free text in every row of every table.
func checkNothingPersonal(t *testing.T, w *projtest.World) {
	t.Helper()
	for _, projection := range All() {
		for table, rows := range w.Rows(projection) {
			for _, row := range rows {
				for _, secret := range []string{"Mara", "Quill", "mara@example.com", "Jonas", "Oak", "AB-77", "XY-1", "Team", "Send the file", "The view", "confidence", "e-mail", "Statement", "moved", "second page"} {
					if strings.Contains(inClear(row), secret) {
						t.Errorf("%s holds %q in clear: %s", table, secret, row)
					}
				}
			}
		}
	}
}
