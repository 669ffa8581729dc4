package httpapi_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"casesync/adapters/httpapi"
	"casesync/domain/access"
)

// TestPermissionsDocument compares the document that the tables make with the one that is kept.
func TestPermissionsDocument(t *testing.T) {
	t.Parallel()
	got := httpapi.PermissionsDocument()
	file := filepath.Join("..", "..", "schemas", "api", "permissions.md")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what the tables say: run make generate", file)
	}
	for _, line := range []string{
		"| `cases:export` | export case lists | ✓ | ✓ |  |  |  |  | ✓ |  |",
		"| `GET /api/v1/activity` | `activity:read` |  |  |  |  |  | ✓ |  |  |",
		"| `POST /sign-in` | public | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ |",
		"| `membership.accept` | token holder |  |  |  |  |  |  |  |  |",
		"| `membership.disable` | system |  |  | ✓ | ✓ |  |  |  |  |",
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("the document lacks the line %s", line)
		}
	}
	for _, permission := range access.Permissions() {
		if permission.Description() == "" {
			t.Errorf("%s is not described", permission)
		}
	}
}
