package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"casesync/domain/casefile"
	"casesync/domain/notification"
	"casesync/domain/outgoing"
	"casesync/domain/upload"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections/engine"
)

// fillWithWhatWasSent records, for each of the four cases of fillForVisibility, an upload, a notification and a
// request for suppression that the business sent with which the case was first; and for the case that moved
// away besides what the second business sent.
func fillWithWhatWasSent(w *world) {
	for ref, frn := range map[string]string{"mine": ours, "hidden": ours, "other": theirs, "moved": ours} {
		w.on(ref, convertedTo(frn, hirePurchase, at(0)))
		w.sentTo(ref, frn, 1)
	}
	w.on("hidden", suppressedAt(at(5)))
	w.on("moved", transferredTo(theirs, at(5)))
	w.sentTo("moved", theirs, 6)
	w.settle()
}

// sentTo records what a business sends about a case.
func (w *world) sentTo(ref, frn string, hour int) {
	id := ref + "-" + frn
	w.uploaded("u-"+id, begunBy(ref, frn, 100, at(hour)), receivedOn(ref, at(hour)), quarantinedOn(ref, at(hour)))
	w.notified("n-"+id, sentBy(ref, frn, "general-update", at(hour)))
	w.notified("s-"+id, sentBy(ref, frn, notification.SuppressCase, at(hour)))
}

// sentBusinesses are the two, and allSent what fillWithWhatWasSent sends, without the kind.
var (
	allSent = []string{"hidden-" + ours, "mine-" + ours, "moved-" + ours, "moved-" + theirs, "other-" + theirs}
	ofOurs  = []string{"mine-" + ours}
	ofBoth  = []string{"mine-" + ours, "moved-" + theirs, "other-" + theirs}
)

func uploadIDs(rows []Upload, err error) ([]string, error) {
	var ids []string
	for _, row := range rows {
		ids = append(ids, strings.TrimPrefix(row.ID, "u-"))
	}
	return ids, err
}

func notificationIDs(rows []Notification, err error) ([]string, error) {
	var ids []string
	for _, row := range rows {
		if id, ok := strings.CutPrefix(row.ID, "n-"); ok {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// byID asks for everything that was sent by its id.
func byID(find func(id string) (bool, error)) (ids []string, err error) {
	for _, id := range allSent {
		found, err := find(id)
		if err != nil {
			return nil, err
		}
		if found {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// ofTimelines are the ids that entries of a kind name, in the timelines of all cases.
func ofTimelines(ctx context.Context, view engine.View, scope Scope, kind, prefix string) (ids []string, err error) {
	for _, ref := range allRefs {
		rows, err := Timeline(ctx, view, scope, ref, 0, 100)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if id, ours := strings.CutPrefix(row.About, prefix); ours && row.Kind == kind {
				ids = append(ids, id)
			}
		}
	}
	return ids, nil
}

type sentQuery = func(ctx context.Context, view engine.View, scope Scope) ([]string, error)

// sentQueries are all ways to learn of what was sent.
var sentQueries = map[string]sentQuery{
	"Uploads": func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
		return uploadIDs(Uploads(ctx, view, scope, UploadFilter{}, UploadCursor{}, 100))
	},
	"Uploads that failed": func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
		return uploadIDs(Uploads(ctx, view, scope, UploadFilter{FailedOnly: true}, UploadCursor{}, 100))
	},
	"Uploads of a person": func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
		return uploadIDs(Uploads(ctx, view, scope, UploadFilter{Person: "ada"}, UploadCursor{}, 100))
	},
	"Uploads of a case": func(ctx context.Context, view engine.View, scope Scope) (ids []string, err error) {
		for _, ref := range allRefs {
			found, err := uploadIDs(Uploads(ctx, view, scope, UploadFilter{Ref: ref}, UploadCursor{}, 100))
			if err != nil {
				return nil, err
			}
			ids = append(ids, found...)
		}
		return ids, nil
	},
	"UploadByID": func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
		return byID(func(id string) (bool, error) {
			row, found, err := UploadByID(ctx, view, scope, "u-"+id)
			return found || row != (Upload{}), err
		})
	},
	"Notifications": func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
		return notificationIDs(Notifications(ctx, view, scope, NotificationFilter{}, NotificationCursor{}, 100))
	},
	"Notifications of a type": func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
		return notificationIDs(Notifications(ctx, view, scope, NotificationFilter{Type: []notification.TypeID{"general-update"}}, NotificationCursor{}, 100))
	},
	"Notifications with a status": func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
		return notificationIDs(Notifications(ctx, view, scope, NotificationFilter{Status: []notification.Status{"sent", "delivered"}}, NotificationCursor{}, 100))
	},
	"NotificationByID": func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
		return byID(func(id string) (bool, error) {
			row, found, err := NotificationByID(ctx, view, scope, "n-"+id)
			return found || row != (Notification{}), err
		})
	},
	"Timeline of uploads": func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
		return ofTimelines(ctx, view, scope, "upload-received", "u-")
	},
	"Timeline of notifications": func(ctx context.Context, view engine.View, scope Scope) ([]string, error) {
		return ofTimelines(ctx, view, scope, "notification-sent", "n-")
	},
}

// TestScopesSeeWhatTheirBusinessesSent: what a business sent is seen by it alone, and only while the case is
// visible and with it; auditors see everything, operators and the unknown nothing.
func TestScopesSeeWhatTheirBusinessesSent(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		fillWithWhatWasSent(w)
		for _, c := range []struct {
			name  string
			scope Scope
			want  []string
		}{
			{"a zero scope", Scope{}, nil},
			{"an operator", OperatorScope("op"), nil},
			{"the system", SystemScope("test"), nil},
			{"a business without cases", BusinessScope("u", "111111"), nil},
			{"a business", BusinessScope("u", ours), ofOurs},
			{"another business", BusinessScope("u", theirs), []string{"moved-" + theirs, "other-" + theirs}},
			{"two businesses", BusinessScope("u", ours, theirs), ofBoth},
			{"an auditor", AuditorScope("a"), allSent},
			{"an auditor of one business", AuditorScope("a").Within(theirs), []string{"moved-" + theirs, "other-" + theirs}},
			{"an auditor of two", AuditorScope("a").Within(ours, theirs), allSent},
		} {
			for name, query := range sentQueries {
				w.read(CasesName, func(view engine.View) error {
					got, err := query(w.t.Context(), view, c.scope)
					if slices.Sort(got); !slices.Equal(got, c.want) {
						t.Errorf("%s: %s sees %v, want %v", name, c.name, got, c.want)
					}
					return err
				})
			}
		}
		w.on("moved", transferredTo(ours, at(9)))
		w.on("hidden", unsuppressedAt(at(9)))
		w.settle()
		for name, query := range sentQueries {
			w.read(CasesName, func(view engine.View) error {
				got, err := query(w.t.Context(), view, BusinessScope("u", ours))
				if want := []string{"hidden-" + ours, "mine-" + ours, "moved-" + ours}; slices.Compare(slices.Sorted(slices.Values(got)), want) != 0 {
					t.Errorf("%s: once the cases are back the business sees %v, want %v", name, got, want)
				}
				return err
			})
		}
	})
}

// TestScopesCountChanges: what changed counts what the timeline shows, and says nothing of other cases.
func TestScopesCountChanges(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		fillWithWhatWasSent(w)
		for _, scope := range []Scope{{}, OperatorScope("op"), BusinessScope("u", ours), BusinessScope("u", theirs), AuditorScope("a")} {
			w.read(CasesName, func(view engine.View) error {
				for mark := range int64(8) {
					marks, want := map[string]int64{"none": 0}, map[string]int{}
					for _, ref := range allRefs {
						marks[ref] = mark
						rows, err := Timeline(t.Context(), view, scope, ref, mark, 100)
						if err != nil {
							return err
						}
						if scope.Sees(map[string]string{"mine": ours, "hidden": ours}[ref], ref == "hidden") || len(rows) > 0 {
							want[ref] = len(rows)
						}
					}
					got, err := CaseChanges(t.Context(), view, scope, marks)
					for ref, n := range want {
						if got[ref] != n {
							t.Errorf("since %d %+v counts %d of %s, want %d", mark, scope, got[ref], ref, n)
						}
					}
					for ref := range got {
						if _, found, _ := FindCase(t.Context(), view, scope, ref); !found {
							t.Errorf("since %d %+v gets a count of %s, which it does not see", mark, scope, ref)
						}
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
		}
	})
}

// TestSuppressionsAreForOperators: open requests and suppressed cases are seen by operators and auditors.
func TestSuppressionsAreForOperators(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		fillWithWhatWasSent(w)
		w.on("mine", &casefile.SuppressionExecuted{Request: "s-mine-" + ours})
		w.notified("s-mine-"+ours, &notification.SuppressionAnswered{About: about("mine"), Answer: notification.Executed, At: at(7)})
		w.notified("s-other-"+theirs, &notification.Withdrawn{About: about("other"), Cause: outgoing.CaseClosed, At: at(7)})
		w.settle()
		const requests = "s-hidden-123456 s-moved-123456 s-other-7654321 s-moved-7654321"
		for name, c := range map[string]struct {
			scope           Scope
			requests, cases string
		}{
			"nobody":     {Scope{}, "", ""},
			"a business": {BusinessScope("u", ours, theirs), "", ""},
			"operator":   {OperatorScope("op"), requests, "hidden 123456 true false; mine 123456 false true"},
			"auditor":    {AuditorScope("a"), requests, "hidden 123456 true false; mine 123456 false true"},
		} {
			w.read(CasesName, func(view engine.View) error {
				open, err := SuppressionRequests(t.Context(), view, c.scope, NotificationCursor{}, 10)
				var ids []string
				for _, request := range open {
					ids = append(ids, request.ID)
				}
				if got := strings.Join(ids, " "); err != nil || got != c.requests {
					t.Errorf("%s sees requests %q, %v, want %q", name, got, err, c.requests)
				}
				hidden, err := SuppressedCases(t.Context(), view, c.scope, "", 10)
				var cases []string
				for _, one := range hidden {
					cases = append(cases, fmt.Sprint(one.Ref, " ", one.FRN, " ", one.BySource, " ", one.ByOperator))
				}
				if got := strings.Join(cases, "; "); err != nil || got != c.cases {
					t.Errorf("%s sees cases %q, %v, want %q", name, got, err, c.cases)
				}
				return nil
			})
		}
	})
}

// TestTheSystemSeesWhatIsInLine: and what counts for the limit of a business and day, whatever became of the cases.
func TestTheSystemSeesWhatIsInLine(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		fillWithWhatWasSent(w)
		w.uploaded("refused", begunBy("mine", ours, 1000, at(1)), &upload.Refused{About: about("mine"), Code: upload.SizeDiffers, At: at(1)})
		w.uploaded("abandoned", begunBy("mine", ours, 2000, at(1)), &upload.Abandoned{About: about("mine"), Cause: upload.Idle, At: at(1)})
		w.uploaded("rejected there", begunBy("mine", ours, 4000, at(1)), uploadRejected("mine", at(3)))
		w.uploaded("later", begunBy("mine", ours, 8000, at(2)))
		w.settle()
		for name, c := range map[string]struct {
			scope  Scope
			inLine int
			bytes  int64
		}{
			"nobody":           {Scope{}, 0, 0},
			"the business":     {BusinessScope("u", ours), 0, 4300},
			"another business": {BusinessScope("u", theirs), 0, 0},
			"the system":       {SystemScope("test"), 2, 4300},
		} {
			w.read(CasesName, func(view engine.View) error {
				for _, ref := range []string{"mine", "hidden"} {
					ids, err := NotificationsInLine(t.Context(), view, c.scope, ref)
					if err != nil || len(ids) != c.inLine {
						t.Errorf("%s sees %v of %s in line, %v, want %d", name, ids, ref, err, c.inLine)
					}
				}
				bytes, err := SentOn(t.Context(), view, c.scope, ours, at(1), at(2))
				if err != nil || bytes != c.bytes {
					t.Errorf("%s is told of %d bytes, %v, want %d", name, bytes, err, c.bytes)
				}
				return nil
			})
		}
	})
}

// TestSuppressionIsNotToldByWhatItStopped: a business that sees the case again is not told why its file and its
// notification went no further; auditors are.
func TestSuppressionIsNotToldByWhatItStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t), Cases())
	w.on("C1", convertedTo(ours, hirePurchase, at(0)))
	w.uploaded("u", begunBy("C1", ours, 100, at(1)), &upload.Stopped{About: about("C1"), Cause: outgoing.CaseSuppressed, At: at(2)})
	w.notified("n", sentBy("C1", ours, "general-update", at(1)), &notification.Withdrawn{About: about("C1"), Cause: outgoing.CaseSuppressed, At: at(2)})
	w.settle()
	for code, scope := range map[string]Scope{"": BusinessScope("u", ours), string(outgoing.CaseSuppressed): AuditorScope("a")} {
		w.read(CasesName, func(view engine.View) error {
			file, _, err1 := UploadByID(t.Context(), view, scope, "u")
			sent, _, err2 := NotificationByID(t.Context(), view, scope, "n")
			if file.Code != code || sent.Code != code || file.Status != upload.StatusStopped || err1 != nil || err2 != nil {
				t.Errorf("got %+v and %+v, %v %v, want the code %q", file, sent, err1, err2, code)
			}
			rows, err := Timeline(t.Context(), view, scope, "C1", 0, 10)
			told := slices.ContainsFunc(rows, func(r TimelineRow) bool { return strings.Contains(string(r.Data), "suppressed") })
			if told != (code != "") {
				t.Errorf("got timeline %+v, want it to tell why only where %q is told", rows, code)
			}
			return err
		})
	}
}
