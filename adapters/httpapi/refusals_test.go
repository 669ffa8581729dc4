package httpapi

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"casesync/domain"
)

// ofResults are the files of package commands with codes of results, of messages and of commands on many cases,
// which are no refusals of a request.
var ofResults = []string{"../../adapters/commands/desk.go", "../../adapters/commands/verdict.go", "../../adapters/commands/bulk.go"}

// elsewhere are refusals whose codes stand in other files: one of this package, one that facts
// of the case management system share with what people ask, and one among the codes of results.
var elsewhere = []Code{"connection-unusable", "case-closed", "cases-count"}

// TestEveryRefusalHasAStatus finds the refusals of the deciders of people in the source, so that none
// can be added without a decision of what it is over HTTP, and none that is gone stays in the table.
func TestEveryRefusalHasAStatus(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile(`(?:refuse\(|Code: +|Code\w+ += )"([a-z]+(?:-[a-z]+)*)"`)
	var found []Code
	for _, directory := range []string{
		"domain/account", "domain/membership", "domain/onboarding", "domain/terms", "domain/reservation", "domain/address",
		"domain/connection", "domain/casefile/desk", "domain/upload", "domain/documents", "domain/notification", "domain/ticket",
		"domain/savedview", "adapters/commands",
	} {
		pattern := filepath.Join("..", "..", directory, "*.go")
		if strings.HasSuffix(directory, "/desk") {
			pattern = filepath.Join("..", "..", directory+".go") // of a case, what people ask alone
		}
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("source of %s: got %v files and error %v", directory, len(files), err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") || slices.Contains(ofResults, file) {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range code.FindAllStringSubmatch(string(source), -1) {
				found = append(found, Code(match[1]))
				if _, listed := refusals[Code(match[1])]; !listed {
					t.Errorf("%s: refusal %q has no status in refusals.go", file, match[1])
				}
			}
		}
	}
	if len(found) < 60 {
		t.Errorf("found %d refusals in the source, want them all", len(found))
	}
	for listed := range refusals {
		if !slices.Contains(found, listed) && !slices.Contains(elsewhere, listed) {
			t.Errorf("refusals.go has %q, which no decider refuses with", listed)
		}
		if problems[listed].status != 0 {
			t.Errorf("the refusal %q has the name of a problem", listed)
		}
	}
}

func TestRefusalProblem(t *testing.T) {
	t.Parallel()
	for _, check := range []struct {
		code   string
		status int
		shown  Code
	}{
		{"last-administrator", 409, "last-administrator"},
		{"domain-look-alike", 422, "domain-look-alike"},
		{"not-administrator", 403, "not-administrator"},
		{"account-unknown", 404, CodeNotFound},
		{"request-declined", 409, "request-declined"},
	} {
		got := refusalProblem(&domain.Refusal{Code: check.code, Reason: "because"})
		if got.Status != check.status || got.Code != check.shown || got.Type != problemType+string(check.shown) {
			t.Errorf("%s: got %v %v %v, want %v %v", check.code, got.Status, got.Code, got.Type, check.status, check.shown)
		}
	}
}
