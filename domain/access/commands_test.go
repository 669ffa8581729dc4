package access_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"casesync/domain/access"
)

// TestEveryCommandHasARule reads the deciders' sources: each type with the method that marks a
// package's commands is a command, and stands in the table; and the table names no other.
func TestEveryCommandHasARule(t *testing.T) {
	t.Parallel()
	declared := declaredCommands(t)
	if len(declared) < 40 {
		t.Fatalf("got %d commands, want those of every decider", len(declared))
	}
	for _, command := range declared {
		if len(access.CommandNeeds(command)) == 0 {
			t.Errorf("%s: no rule says who may", command)
		}
	}
	for _, command := range access.Commands() {
		if !slices.Contains(declared, command) {
			t.Errorf("%s: a rule for a command that no decider has", command)
		}
	}
}

func declaredCommands(t *testing.T) (commands []access.Command) {
	t.Helper()
	files, err := filepath.Glob("../*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			function, is := declaration.(*ast.FuncDecl)
			if !is || function.Recv == nil || !strings.HasSuffix(function.Name.Name, "Command") || ast.IsExported(function.Name.Name) {
				continue
			}
			if receiver, plain := function.Recv.List[0].Type.(*ast.Ident); plain && ast.IsExported(receiver.Name) {
				commands = append(commands, access.Command(file.Name.Name+"."+kebab(receiver.Name)))
			}
		}
	}
	return commands
}

// kebab returns "RevokeInvitation" as "revoke-invitation".
func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// pseudo are the permissions that no role gives.
var pseudo = []access.Permission{access.Anybody, access.TokenHolder, access.Oneself, access.System}

// TestCommandNeedsWhatRolesGive: a rule of a permission that neither a role gives nor something else
// stands for would shut everybody out.
func TestCommandNeedsWhatRolesGive(t *testing.T) {
	t.Parallel()
	for _, command := range access.Commands() {
		for _, permission := range access.CommandNeeds(command) {
			if given := slices.Contains(access.Permissions(), permission); given == slices.Contains(pseudo, permission) {
				t.Errorf("%s needs %s, which roles give: %v", command, permission, given)
			}
		}
	}
}

// TestMayCommand walks every role and every command: at the role's business, at another, and at none.
func TestMayCommand(t *testing.T) {
	t.Parallel()
	for _, role := range access.Roles() {
		user := access.Principal{Grants: map[string][]access.Role{"123456": {role}}}
		other := access.Principal{Roles: []access.Role{role}}
		for _, command := range access.Commands() {
			gives := slices.ContainsFunc(access.CommandNeeds(command), role.Gives)
			for _, check := range []struct {
				what      string
				got, want bool
			}{
				{"a user, at his business", user.MayCommand(command, "123456"), gives && role.OfBusiness()},
				{"a user, at another", user.MayCommand(command, "7654321"), false},
				{"a user, at none", user.MayCommand(command, ""), false},
				{"the other side, at a business", other.MayCommand(command, "123456"), gives && !role.OfBusiness()},
				{"the other side, at none", other.MayCommand(command, ""), gives && !role.OfBusiness()},
			} {
				if check.got != check.want {
					t.Errorf("%s as %s, %s: got %v, want %v", command, role, check.what, check.got, check.want)
				}
			}
		}
		if user.MayCommand("casefile.shred", "123456") || other.MayCommand("casefile.shred", "") {
			t.Errorf("%s may give a command that there is not", role)
		}
	}
}

// TestWhoMayWhat holds the commands that matter most against the requirements, written out again.
func TestWhoMayWhat(t *testing.T) {
	t.Parallel()
	// Columns: Caseworker Supervisor Administrator Operator Helpdesk Security Auditor CMS.
	for command, marks := range map[access.Command]string{
		"membership.invite":       ". . x x . . . .",
		"membership.disable":      ". . x x . . . .",
		"membership.accept":       ". . . . . . . .",
		"membership.configure":    ". . . x . . . .",
		"account.reset-factor":    ". . x x . . . .",
		"account.enrol-factor":    ". . . . . . . .",
		"account.request-reset":   ". . x x . . . .",
		"account.use-reset":       ". . . . . . . .",
		"account.disable":         ". . . x . . . .",
		"account.erase":           ". . . x . . . .",
		"account.accept-terms":    "x x x . . . . .",
		"account.tick":            ". . . . . . . .",
		"onboarding.submit":       ". . . . . . . .",
		"onboarding.decline":      ". . . x . . . .",
		"terms.publish":           ". . . x . . . .",
		"connection.set":          ". . . x . . . .",
		"connection.retire":       ". . . x . . . .",
		"reservation.release":     ". . . . . . . .",
		"casefile.allocate":       "x x . . . . . .",
		"casefile.place-hold":     ". . . x . . . .",
		"casefile.tick":           ". . . . . . . .",
		"casefile.erase-party":    ". . . x . . . .",
		"casefile.record":         ". . . x . . . x",
		"casefile.skip":           ". . . x . . . .",
		"onboarding.erase-people": ". . . x . . . .",

		"upload.begin":                    "x x . . . . . .",
		"upload.retry":                    "x x . . . . . .",
		"upload.note-scan":                ". . . . . . . .",
		"upload.check":                    ". . . . . . . .",
		"upload.record":                   ". . . x . . . x",
		"documents.claim":                 "x x . . . . . .",
		"notification.send":               "x x . . . . . .",
		"notification.answer-suppression": ". . . x . . . .",
		"notification.record":             ". . . x . . . x",
		"ticket.open":                     "x x x . . . . .",
		"ticket.reply":                    "x x x . x . . .",
		"ticket.tick":                     ". . . . . . . .",
		"savedview.save":                  "x x . . . . . .",
	} {
		for i, role := range access.Roles() {
			got := slices.ContainsFunc(access.CommandNeeds(command), role.Gives)
			if want := marks[2*i] == 'x'; got != want {
				t.Errorf("%s by %s: got %v, want %v", command, role, got, want)
			}
		}
	}
}

func TestEveryPermissionIsDescribed(t *testing.T) {
	t.Parallel()
	for _, permission := range access.Permissions() {
		if permission.Description() == "" {
			t.Errorf("%s: no description", permission)
		}
	}
	for _, permission := range pseudo {
		if permission.Description() != "" {
			t.Errorf("%s: described, though no role gives it", permission)
		}
	}
}
