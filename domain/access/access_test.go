package access

import (
	"slices"
	"testing"
)

// TestTable holds the whole table, written out a second time as the requirements have it: one
// line per permission, one mark per role, so that no change goes unnoticed.
func TestTable(t *testing.T) {
	t.Parallel()
	// Columns: Caseworker Supervisor Administrator Operator Helpdesk Security Auditor CMS.
	want := map[Permission]string{
		ReadSelf:              "x x x x x x x x",
		ReadDashboard:         "x x . . . . x .",
		ListCases:             "x x . . . . x .",
		ExportCases:           "x x . . . . x .",
		ReadCase:              "x x . . . . x .",
		ReadDocuments:         "x x . . . . x .",
		ReadRates:             "x x . . . . x .",
		FollowChanges:         "x x . . . . x .",
		ReadBusinesses:        "x x x x . . x .",
		Upload:                "x x . . . . . .",
		Notify:                "x x . . . . . .",
		AllocateSelf:          "x x . . . . . .",
		AllocateOthers:        ". x . . . . . .",
		AskSupport:            "x x x . . . . .",
		SaveViews:             "x x . . . . . .",
		ExecuteSuppression:    ". . . x . . . .",
		ReadTickets:           ". . . x x . . .",
		AnswerTickets:         ". . . . x . . .",
		FetchUploads:          ". . . . . . . x",
		ReadTerms:             "x x x x x x x .",
		AcceptTerms:           "x x x . . . . .",
		ReadUsers:             ". . x x x . . .",
		ManageUsers:           ". . x x . . . .",
		ResetFactors:          ". . x x . . . .",
		RequestAdministrators: ". x x . . . . .",
		PublishEvents:         ". . . . . . . x",
		ReadFeeds:             ". . . x . . x .",
		OperateFeeds:          ". . . x . . . .",
		ReadProjections:       ". . . x . . x .",
		OperateProjections:    ". . . x . . . .",
		ReadMetrics:           ". . . x . . . .",
		ManageOnboarding:      ". . . x . . . .",
		MakeAdministrators:    ". . . x . . . .",
		ManageAccounts:        ". . . x . . . .",
		PublishTerms:          ". . . x . . . .",
		ExportPeople:          ". . . x . . . .",
		ErasePeople:           ". . . x . . . .",
		HoldCases:             ". . . x . . . .",
		ReadActivity:          ". . . . . x . .",
	}
	if got := len(Permissions()); got != len(want) {
		t.Errorf("Permissions() has %v entries, want %v", got, len(want))
	}
	for permission, marks := range want {
		for i, role := range Roles() {
			if got, want := role.Gives(permission), marks[2*i] == 'x'; got != want {
				t.Errorf("%s.Gives(%s): got %v, want %v", role, permission, got, want)
			}
		}
	}
	if len(Roles()) != len(table) {
		t.Errorf("Roles() has %v entries, want %v", len(Roles()), len(table))
	}
}

// TestPrincipal tries every role on both sides: granted by a business, and held for all.
func TestPrincipal(t *testing.T) {
	t.Parallel()
	for _, role := range Roles() {
		granted := Principal{Grants: map[string][]Role{"123456": {role}, "7654321": nil}}
		held := Principal{Roles: []Role{role}}
		for _, permission := range Permissions() {
			wantGranted := role.OfBusiness() && role.Gives(permission)
			wantHeld := !role.OfBusiness() && role.Gives(permission)
			for _, check := range []struct {
				what      string
				got, want bool
			}{
				{"granted, its business", granted.May(permission, "123456"), wantGranted},
				{"granted, a business without roles", granted.May(permission, "7654321"), false},
				{"granted, another business", granted.May(permission, "999999"), false},
				{"granted, no business", granted.May(permission, ""), false},
				{"granted, everywhere", granted.Everywhere(permission), false},
				{"granted, somewhere", granted.Somewhere(permission), wantGranted},
				{"granted, listed", slices.Equal(granted.Businesses(permission), []string{"123456"}), wantGranted},
				{"granted, in permissions", slices.Contains(granted.Permissions(), permission), wantGranted},
				{"held, any business", held.May(permission, "999999"), wantHeld},
				{"held, everywhere", held.Everywhere(permission), wantHeld},
				{"held, somewhere", held.Somewhere(permission), wantHeld},
				{"held, listed", len(held.Businesses(permission)) > 0, false},
			} {
				if check.got != check.want {
					t.Errorf("%s, %s, %s: got %v, want %v", role, permission, check.what, check.got, check.want)
				}
			}
		}
	}
}

func TestUnionOfRoles(t *testing.T) {
	t.Parallel()
	p := Principal{Grants: map[string][]Role{
		"222222": {Administrator, Supervisor},
		"111111": {Caseworker},
		"333333": {Administrator},
	}}
	if got, want := p.Businesses(ListCases), []string{"111111", "222222"}; !slices.Equal(got, want) {
		t.Errorf("Businesses(ListCases): got %v, want %v", got, want)
	}
	if got, want := p.Businesses(ManageUsers), []string{"222222", "333333"}; !slices.Equal(got, want) {
		t.Errorf("Businesses(ManageUsers): got %v, want %v", got, want)
	}
	if !p.May(AllocateOthers, "222222") || p.May(AllocateOthers, "111111") {
		t.Error("AllocateOthers: want it at 222222 alone")
	}
}

func TestNobody(t *testing.T) {
	t.Parallel()
	var nobody Principal
	unknown := Principal{Roles: []Role{"root"}, Grants: map[string][]Role{"123456": {"root"}}}
	for _, p := range []Principal{nobody, unknown} {
		if got := p.Permissions(); len(got) > 0 {
			t.Errorf("Permissions(): got %v, want none", got)
		}
	}
	if Role("root").Known() {
		t.Error(`Role("root").Known(): got true, want false`)
	}
}

func TestPerson(t *testing.T) {
	t.Parallel()
	user := Principal{ID: "user:7b0d", Kind: User}
	if got := user.Person(); got != "7b0d" {
		t.Errorf("person of %q: got %q, want 7b0d", user.ID, got)
	}
	for _, principal := range []Principal{
		{}, {Kind: User}, {ID: "user:", Kind: User}, {ID: "token:7b0d", Kind: User},
		{ID: "user:7b0d", Kind: Machine}, {ID: "system:clock"}, {ID: "7b0d", Kind: User},
	} {
		if got := principal.Person(); got != "" {
			t.Errorf("person of %v: got %q, want none", principal, got)
		}
	}
}
