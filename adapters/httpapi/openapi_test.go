package httpapi_test

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"casesync/adapters/httpapi"
	"casesync/domain/access"
)

var update = flag.Bool("update", false, "write the generated files anew")

// TestOpenAPI compares the document that is served with the one that is kept.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	f := newHouse(t, sqliteAddress(t), nil)
	got := f.do(http.MethodGet, "/openapi.yaml", "", "").want(http.StatusOK)
	file := filepath.Join("..", "..", "schemas", "api", "openapi.yaml")
	if *update {
		f.must(os.WriteFile(file, got.body, 0o644))
	}
	want, err := os.ReadFile(file)
	f.must(err)
	if !bytes.Equal(got.body, want) {
		t.Errorf("%s is not what the routes are: run go test ./adapters/httpapi -run TestOpenAPI -update", file)
	}
	document := string(got.body)
	for _, route := range httpapi.Routes() {
		if isPage(route.Pattern) || route.Pattern == "/openapi.yaml" {
			continue
		}
		if !strings.Contains(document, "\n  "+route.Pattern+":\n") {
			t.Errorf("the document does not describe %s", route.Pattern)
		}
	}
	for _, unwanted := range []string{"$schema", "example.com"} {
		if strings.Contains(document, unwanted) {
			t.Errorf("the document holds %q", unwanted)
		}
	}
}

// isPage reports whether a route is for people in a browser.
func isPage(pattern string) bool {
	return slices.ContainsFunc([]string{"/docs", "/assets/", "/access-request", "/support", "/onboarding-guide", "/demo/"},
		func(page string) bool { return strings.HasPrefix(pattern, page) }) || pattern == "/"
}

// TestDocs makes sure that the page asks no other host, and runs no script.
func TestDocs(t *testing.T) {
	t.Parallel()
	f := newHouse(t, sqliteAddress(t), nil)
	got := f.do(http.MethodGet, "/docs", "", "").want(http.StatusOK)
	page := string(got.body)
	for _, match := range regexp.MustCompile(`(?:src|href|url)\s*[=(]\s*["']?([^"'\s)>]+)`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(match[1], "/") && !strings.HasPrefix(match[1], "#") {
			t.Errorf("the page refers to %q", match[1])
		}
	}
	for _, unwanted := range []string{"<script", "<style", " style=", "onclick"} {
		if strings.Contains(page, unwanted) {
			t.Errorf("the page holds %q", unwanted)
		}
	}
	for _, wanted := range []string{"/api/v1/cases/{ref}", "not_stage", "cursor-mismatch", "CasePage", "/cms/v1/events"} {
		if !strings.Contains(page, wanted) {
			t.Errorf("the page does not tell of %q", wanted)
		}
	}
	f.do(http.MethodGet, "/docs/style.css", "", "").want(http.StatusOK)
}

// TestDocsNameEveryCode finds the codes in the source, so that none can be added without being told
// of: those of problems with their status, those of rejections with what to do.
func TestDocsNameEveryCode(t *testing.T) {
	t.Parallel()
	f := newHouse(t, sqliteAddress(t), nil)
	page := string(f.do(http.MethodGet, "/docs", "", "").want(http.StatusOK).body)
	_, rejections, _ := strings.Cut(page, `<section id="rejections">`)
	code := regexp.MustCompile(`(?m)^(?:const |\t)(Code|problem)[A-Z]\w* +(?:Code )?= "([a-z-]+)"`)
	found := 0
	for _, directory := range []string{".", "../cms", "../commands", "../../domain/feed", "../../domain/casefile", "../../domain/business"} {
		files, err := filepath.Glob(filepath.Join(directory, "*.go"))
		f.must(err)
		for _, file := range files {
			if filepath.Base(file) == "desk.go" {
				continue // refusals of people's commands: TestEveryRefusalHasAStatus finds them
			}
			source, err := os.ReadFile(file)
			f.must(err)
			for _, match := range code.FindAllStringSubmatch(string(source), -1) {
				found++
				where := page
				if directory != "." && match[1] == "Code" {
					where = rejections
				}
				if !strings.Contains(where, "<td><code>"+match[2]+"</code></td>") {
					t.Errorf("%s: the page does not tell of the code %s", file, match[2])
				}
			}
		}
	}
	if found < 40 {
		t.Errorf("found %d codes in the source, want them all", found)
	}
}

func TestPrintRoutes(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := httpapi.PrintRoutes(&out); err != nil {
		t.Fatal(err)
	}
	if want := regexp.MustCompile(`(?m)^GET +/api/v1/cases/export +cases:export +caseworker supervisor auditor$`); !want.MatchString(out.String()) {
		t.Errorf("got %s, want a line that matches %s", out.String(), want)
	}
	for _, route := range httpapi.Routes() {
		for _, permission := range append([]access.Permission{route.Permission}, route.Or...) {
			if !route.Public && !slices.Contains(access.Permissions(), permission) {
				t.Errorf("%s %s needs %q, which no role gives", route.Method, route.Pattern, permission)
			}
		}
	}
}
