package projections

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"casesync/domain/casefile"
	"casesync/domain/notification"
	"casesync/domain/upload"
	"casesync/projections/engine"
)

// TestWhatWasSentIsListedInPages: whatever the filter and the page's length, the pages together are what was
// sent, newest first, each once; with one business, with several, and with more than are merged.
func TestWhatWasSentIsListedInPages(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		var frns, ids []string
		for i := range 90 {
			ref, frn := fmt.Sprintf("C%d", i), fmt.Sprintf("%06d", 100_000+i%80)
			frns = append(frns, frn)
			when := at(i / 3) // three at a time
			w.on(ref, convertedTo(frn, hirePurchase, at(0)))
			file, note := begunBy(ref, frn, 1, when), sentBy(ref, frn, "general-update", when)
			if i%2 == 0 {
				file.Person, note.Person, note.Bulk = "bob", "bob", "b1"
			}
			ids = append(ids, fmt.Sprintf("%02d", i))
			w.uploaded(ids[i], file)
			w.notified(ids[i], note)
			if i%5 == 0 {
				w.uploaded(ids[i], quarantinedOn(ref, when))
				w.notified(ids[i], &notification.Delivered{About: about(ref), At: when})
			}
		}
		w.settle()
		every := func(n int) (want []string) {
			for i, id := range slices.Backward(ids) {
				if i%n == 0 {
					want = append(want, id)
				}
			}
			return want
		}
		queued := []upload.Status{upload.StatusQueued}
		for _, scope := range []Scope{AuditorScope("a"), BusinessScope("u", frns...), BusinessScope("u", frns[:60]...)} {
			for _, c := range []struct {
				files UploadFilter
				notes NotificationFilter
				want  []string
			}{
				{UploadFilter{}, NotificationFilter{}, every(1)},
				{UploadFilter{Person: "bob"}, NotificationFilter{Bulk: "b1"}, every(2)},
				{UploadFilter{FailedOnly: true}, NotificationFilter{Status: []notification.Status{"delivered", "rejected"}}, every(5)},
				{UploadFilter{FailedOnly: true, Person: "bob", Status: []upload.Status{"quarantined", "sent"}},
					NotificationFilter{Status: []notification.Status{"delivered"}, Person: "bob", Type: []notification.TypeID{"general-update"}}, every(10)},
				{UploadFilter{FailedOnly: true, Status: queued}, NotificationFilter{Type: []notification.TypeID{notification.SuppressCase}}, nil},
				{UploadFilter{Ref: "C20"}, NotificationFilter{Ref: "C20"}, []string{"20"}},
			} {
				want := slices.DeleteFunc(slices.Clone(c.want), func(id string) bool {
					return !scope.every && !scope.Sees(frns[slices.Index(ids, id)], false)
				})
				for _, limit := range []int{7, 1000} {
					w.read(CasesName, func(view engine.View) error {
						if got := pagesOfUploads(t, view, scope, c.files, limit); got != strings.Join(want, " ") {
							t.Errorf("%+v, %d at a time: got %s, want %v", c.files, limit, got, want)
						}
						if got := pagesOfNotifications(t, view, scope, c.notes, limit); got != strings.Join(want, " ") {
							t.Errorf("%+v, %d at a time: got %s, want %v", c.notes, limit, got, want)
						}
						return nil
					})
				}
			}
		}
	})
}

func pagesOfUploads(t *testing.T, view engine.View, scope Scope, filter UploadFilter, limit int) string {
	t.Helper()
	var ids []string
	for after := (UploadCursor{}); ; {
		page, err := Uploads(t.Context(), view, scope, filter, after, limit)
		if err != nil || len(page) > limit {
			t.Fatalf("got %d uploads, %v, want at most %d", len(page), err, limit)
		}
		for _, row := range page {
			ids, after = append(ids, row.ID), UploadCursor{row.BeganAt, row.ID}
		}
		if len(page) < limit {
			return strings.Join(ids, " ")
		}
	}
}

func pagesOfNotifications(t *testing.T, view engine.View, scope Scope, filter NotificationFilter, limit int) string {
	t.Helper()
	var ids []string
	for after := (NotificationCursor{}); ; {
		page, err := Notifications(t.Context(), view, scope, filter, after, limit)
		if err != nil || len(page) > limit {
			t.Fatalf("got %d notifications, %v, want at most %d", len(page), err, limit)
		}
		for _, row := range page {
			ids, after = append(ids, row.ID), NotificationCursor{row.SentAt, row.ID}
		}
		if len(page) < limit {
			return strings.Join(ids, " ")
		}
	}
}

// TestOfferClocks: they run from the latest request of the business file, for the business that was asked,
// until the ombudsman service has answered or the case is closed (requirement 62).
func TestOfferClocks(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		summer := time.Date(2025, 6, 30, 23, 30, 0, 0, time.UTC) // 1 July in London
		later := summer.AddDate(0, 0, 10)
		asked := stage(fileRequested, summer)
		for ref, c := range map[string]struct {
			then []casefile.Event
			want string
		}{
			"asked":               {nil, "2025-07-15 2025-07-22"},
			"answered-the-file":   {[]casefile.Event{stage("file-received", later), stage("investigation", later)}, "2025-07-15 2025-07-22"},
			"on-hold":             {[]casefile.Event{stage("on-hold", later)}, "2025-07-15 2025-07-22"},
			"unheard-of-stage":    {[]casefile.Event{stage("pre-registration", later)}, "2025-07-15 2025-07-22"},
			"asked-again":         {[]casefile.Event{stage("investigation", later), stage(fileRequested, later)}, "2025-07-25 2025-08-01"},
			"view":                {[]casefile.Event{stage("view-issued", later)}, " "},
			"back-from-a-view":    {[]casefile.Event{stage("view-issued", later), stage("investigation", later)}, "2025-07-15 2025-07-22"},
			"closed":              {[]casefile.Event{closedAs("change", later)}, " "},
			"reopened":            {[]casefile.Event{closedAs("change", later), reopenedAt(later)}, "2025-07-15 2025-07-22"},
			"transferred":         {[]casefile.Event{transferredTo("7654321", later)}, " "},
			"asked-where-it-went": {[]casefile.Event{transferredTo("7654321", later), stage(fileRequested, later)}, "2025-07-25 2025-08-01"},
		} {
			w.on(ref, append([]casefile.Event{convertedTo(ours, hirePurchase, at(0)), asked}, c.then...)...)
			w.settle()
			w.read(CasesName, func(view engine.View) error {
				row, found, err := FindCase(t.Context(), view, AuditorScope("a"), ref)
				if got := row.TellBy.String() + " " + row.MakeBy.String(); err != nil || !found || got != c.want {
					t.Errorf("%s: got %q, %v, want %q", ref, got, err, c.want)
				}
				return err
			})
		}
	})
}
