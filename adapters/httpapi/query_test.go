package httpapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"casesync/eventstore"
	"casesync/projections"
)

func someWords(text string) []string { return strings.Fields(text) }

// FuzzCaseQuery: whatever the query is, it is either refused with a problem, or within the limits
// that the read model may rely on.
func FuzzCaseQuery(f *testing.F) {
	for _, seed := range []string{
		"status=open&stage=a&stage=b&not_product=c&sort=-priority,dueDate&limit=10", "q=x&facets=stage,product", "dueFrom=2026-02-30",
		"sort=,,", "facets=", "%", "a=%00", "limit=99999999999999999999", "business=1234567&business=",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, rawQuery string) {
		q, refusal := parseCases(rawQuery, listParameters, 20_000, someWords)
		if refusal != nil {
			if refusal.Status != 400 || refusal.Detail == "" || problems[refusal.Code].status != 400 {
				t.Errorf("%q: got %+v, want a 400 that says what is wrong", rawQuery, refusal)
			}
			return
		}
		if q.Limit < pageItemsMin || q.Limit > pageItemsMax || len(q.Sort) == 0 || len(q.Sort) > projections.SortKeysMax {
			t.Errorf("%q: got limit %d and %d sort keys", rawQuery, q.Limit, len(q.Sort))
		}
		for _, values := range q.In {
			if len(values) == 0 || len(values) > parameterValuesMax {
				t.Errorf("%q: got %d values", rawQuery, len(values))
			}
		}
		if q.search != "" && q.Reference == "" && len(q.Words) == 0 {
			t.Errorf("%q: a search for %q would take everything", rawQuery, q.search)
		}
	})
}

// oneKey is a key ring with one key.
type oneKey struct{}

func (oneKey) Ensure(_ context.Context, subjects ...string) ([]eventstore.Key, error) {
	return []eventstore.Key{{ID: subjects[0], Secret: []byte(strings.Repeat("k", 32))}}, nil
}

func (oneKey) Lookup(context.Context, ...string) ([]eventstore.Key, error) {
	return nil, errors.New("not asked for")
}

// FuzzCursor: no text but one that seal made is taken, and that one gives the place back.
func FuzzCursor(f *testing.F) {
	c, err := newCursors(context.Background(), oneKey{})
	if err != nil {
		f.Fatal(err)
	}
	list := sha256.Sum256([]byte("a list"))
	good, err := c.seal(list, projections.Cursor{Values: []string{"x"}, Ref: "CASE-1234"})
	if err != nil {
		f.Fatal(err)
	}
	if strings.Contains(good, "CASE-1234") {
		f.Errorf("the cursor %q shows its place", good)
	}
	var back projections.Cursor
	if refusal := c.open(good, list, &back); refusal != nil || back.Ref != "CASE-1234" {
		f.Errorf("the cursor just made: got %+v, %v", back, refusal)
	}
	if refusal := c.open(good, sha256.Sum256([]byte("another")), &back); refusal == nil || refusal.Code != CodeCursorMismatch {
		f.Errorf("another list: got %v, want %s", refusal, CodeCursorMismatch)
	}
	f.Add(good + "A")
	f.Add(good[1:])
	f.Add("")
	f.Add(strings.Repeat("A", 5000))
	f.Fuzz(func(t *testing.T, text string) {
		var place projections.Cursor
		if refusal := c.open(text, list, &place); text != good && (refusal == nil || refusal.Code != CodeCursorInvalid) {
			t.Errorf("open(%q): got %v, want %s", text, refusal, CodeCursorInvalid)
		}
	})
}

// TestListOf: the same filters in another order are the same list, and nothing else is.
func TestListOf(t *testing.T) {
	t.Parallel()
	same := [][2]string{
		{"stage=a&stage=b&q=x", "q=x&stage=b&stage=a"}, {"stage=a&cursor=1&limit=10", "limit=20&stage=a"},
	}
	for _, pair := range same {
		if listOf("/p", pair[0], pageParameters...) != listOf("/p", pair[1], pageParameters...) {
			t.Errorf("%q and %q: got two lists, want one", pair[0], pair[1])
		}
	}
	other := [][2]string{{"stage=a", "stage=b"}, {"stage=a", "not_stage=a"}, {"stage=a%0Aq%3Dx", "stage=a&q=x"}, {"", "sort=stage"}}
	for _, pair := range other {
		if listOf("/p", pair[0], pageParameters...) == listOf("/p", pair[1], pageParameters...) {
			t.Errorf("%q and %q: got one list, want two", pair[0], pair[1])
		}
	}
	if listOf("/p", "") == listOf("/q", "") {
		t.Error("two addresses: got one list, want two")
	}
}

func TestLastTwelveMonths(t *testing.T) {
	t.Parallel()
	for today, want := range map[string]string{
		"2026-06-10": "2025-06-01 2026-05-31", "2026-01-01": "2025-01-01 2025-12-31", "2024-03-31": "2023-03-01 2024-02-29",
	} {
		day, err := projections.ParseDay(today)
		if err != nil {
			t.Fatal(err)
		}
		from, to := lastTwelveMonths(day)
		if got := from.String() + " " + to.String(); got != want {
			t.Errorf("%s: got %s, want %s", today, got, want)
		}
	}
}

func TestEndOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"2026-03-28": "2026-03-28T23:59:59.999999Z", "2026-03-29": "2026-03-29T22:59:59.999999Z"} {
		day, err := projections.ParseDay(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := endOf(day).Format("2006-01-02T15:04:05.999999Z07:00"); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
