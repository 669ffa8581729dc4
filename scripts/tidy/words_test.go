package tidy

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// foreign matches what belongs to one person's machine and not to the project. The pattern is put
// together here so that it does not find itself.
var foreign = regexp.MustCompile(`(^|[\s"'=(:])/(` + strings.Join([]string{"wo" + "rk", "ro" + "ot", "fa" + "rm", "ho" + "me", "Us" + "ers"}, "|") + `)/|\bTO` + `DO\b|\bFIX` + `ME\b|panic\("not` + ` built`)

// TestNoForeignWords: nothing of a developer's machine, and nothing left for later.
func TestNoForeignWords(t *testing.T) {
	t.Parallel()
	err := walk(func(name string, text []byte) error {
		if strings.HasSuffix(name, ".csv") || strings.HasSuffix(name, ".sum") || !utf8.Valid(text) {
			return nil
		}
		for number, line := range bytes.Split(text, []byte("\n")) {
			if found := foreign.Find(line); found != nil {
				t.Errorf("%s:%d: %q does not belong in the project", name, number+1, found)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("walk the module: %v", err)
	}
}
