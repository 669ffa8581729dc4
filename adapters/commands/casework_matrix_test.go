package commands_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/access"
)

// attempt is a way to give a command about a case of the business, or about what was sent about it.
type attempt func(ask commands.Ask) error

// attempts are the ways in which people give each command about uploads and notifications. Each gets something of
// its own, so that it could be given: only the one who gives it decides.
func attempts(o *office) map[access.Command]attempt {
	ctx := o.t.Context()
	begin := func(ask commands.Ask) error {
		return second(o.desk.BeginUpload(ctx, ask, uuid.NewString(), o.ref, "x.pdf", fileBytes))
	}
	may := func(ask commands.Ask) error { return o.desk.MayUpload(ctx, ask.By, "", o.ref) }
	waiting, held := o.received(o.ref, "1"), o.scanned(o.ref, "2", unclear)
	cancel := func(ask commands.Ask) error { return second(o.desk.CancelUpload(ctx, ask, waiting)) }
	retry := func(ask commands.Ask) error { return second(o.desk.RetryUpload(ctx, ask, held)) }
	return map[access.Command]attempt{
		"upload.begin": begin, "documents.reserve": begin, "upload.complete": may, "upload.retry": retry, "documents.claim": retry,
		"upload.cancel": cancel, "documents.release": cancel,
		"notification.send": func(ask commands.Ask) error { return notified(o.desk.Notify(ctx, ask, o.ref, update, message)) },
	}
}

func notified(_ string, _ commands.Done, err error) error { return err }

// aboutWhatIsSent reports whether a command is about uploads and notifications, and one that people give.
func aboutWhatIsSent(command access.Command) bool {
	decider, _, _ := strings.Cut(string(command), ".")
	return slices.Contains([]string{"upload", "documents", "notification"}, decider) &&
		slices.ContainsFunc(access.CommandNeeds(command), func(p access.Permission) bool { return p == access.Upload || p == access.Notify })
}

// Every role gives every command, at the business of the case and at another: who may, does; nobody else changes
// anything, and who has no part in the business learns nothing of the case.
func TestEveryRoleTriesCasework(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.configure(otherFRN, "example.org")
		o := newOffice(w)
		ways := attempts(o)
		for _, command := range access.Commands() {
			give, found := ways[command]
			if found != aboutWhatIsSent(command) {
				t.Errorf("%s: got a way to give it: %v, want %v", command, found, !found)
			}
			if !found {
				continue
			}
			for name, by := range o.everybody() {
				before := w.head()
				err := give(commands.Ask{By: by, Reason: "r"})
				if by.MayCommand(command, frn) && by.Person() != "" {
					if err != nil {
						t.Errorf("%s gives %s: got %v, want it done", name, command, err)
					}
					continue
				}
				want := commands.ErrForbidden
				if strings.HasPrefix(name, "foreign") || name == "nobody" {
					want = commands.ErrUnknown
				}
				if !errors.Is(err, want) {
					t.Errorf("%s gives %s: got %v, want %v", name, command, err, want)
				}
				if got := w.head(); got != before {
					t.Fatalf("%s gives %s: got the log at %v, want %v", name, command, got, before)
				}
			}
		}
	})
}

// everybody is somebody of each role at the business, at another, and at the Financial Ombudsman Service. Their
// grants are what sign-in finds; that it does is tested elsewhere.
func (o *office) everybody() map[string]access.Principal {
	all := map[string]access.Principal{
		"nobody":    {},
		"a machine": {ID: "token:x", Kind: access.Machine, Grants: map[string][]access.Role{frn: {access.Supervisor}}},
	}
	for _, role := range access.Roles() {
		if !role.OfBusiness() {
			all[string(role)] = access.Principal{ID: "token:" + string(role), Kind: access.Machine, Roles: []access.Role{role}}
			continue
		}
		id := "user:" + string(role)
		all[string(role)] = access.Principal{ID: id, Kind: access.User, Grants: map[string][]access.Role{frn: {role}}}
		all["foreign "+string(role)] = access.Principal{ID: id, Kind: access.User, Grants: map[string][]access.Role{otherFRN: {role}}}
	}
	return all
}
