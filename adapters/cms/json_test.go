package cms

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseJSON(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, text string
		want       any
		wantErr    string
	}{
		{"object", ` {"a": [1, -2.5e+3, true, false, null], "b": {}} `, map[string]any{
			"a": []any{json.Number("1"), json.Number("-2.5e+3"), true, false, nil}, "b": map[string]any{},
		}, ""},
		{"escapes", `"\"\\\/\b\f\n\r\té😀x"`, "\"\\/\b\f\n\r\té😀x", ""},
		{"plain UTF-8", `"Zoë 😀"`, "Zoë 😀", ""},
		{"empty array", `[ ]`, []any{}, ""},
		{"nothing", ``, nil, "ends too early (at byte 0)"},
		{"cut off", `{"a": "b`, nil, "ends too early (at byte 8)"},
		{"cut off in an escape", `"\u00`, nil, "escape that JSON does not know"},
		{"trailing garbage", `{"a":1} {"b":2}`, nil, "more text after the end of the JSON value (at byte 8)"},
		{"the same property twice", `{"frn":"123456","frn":"654321"}`, nil, "same property twice (at byte 16)"},
		{"twice by an escape", `{"a":1,"\u0061":2}`, nil, "same property twice"},
		{"invalid UTF-8", "\"a\xff\"", nil, "not valid UTF-8 (at byte 1)"},
		{"invalid UTF-8 after an escape", "\"\\n\xc3\"", nil, "not valid UTF-8"},
		{"U+0000", `"a\u0000"`, nil, "U+0000, which cannot be stored"},
		{"raw NUL", "\"a\x00\"", nil, "control character: write it as an escape"},
		{"half a surrogate pair", `"\ud83d"`, nil, "half of a surrogate pair"},
		{"two high surrogates", `"\ud83d\ud83d"`, nil, "half of a surrogate pair"},
		{"leading zero", `01`, nil, "more text after the end"},
		{"bare minus", `[-]`, nil, "a digit is expected here (at byte 2)"},
		{"a number without end", `1` + strings.Repeat("0", 100), nil, "a number is too long"},
		{"a number of another world", `1e999999999`, nil, "a number is too long"},
		{"trailing comma", `{"a":1,}`, nil, "a property's name in double quotes is expected here"},
		{"no comma", `[1 2]`, nil, "a comma or ] is expected here"},
		{"no colon", `{"a" 1}`, nil, "a colon is expected here"},
		{"a word", `nul`, nil, "a JSON value is expected here"},
		{"too deep", strings.Repeat("[", 40) + strings.Repeat("]", 40), nil, "more than 32 levels deep"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := parseJSON([]byte(c.text))
			if c.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), c.wantErr) {
					t.Fatalf("got %v, %v, want an error with %q", got, err, c.wantErr)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %#v, %v, want %#v", got, err, c.want)
			}
		})
	}
}

// FuzzParseJSON holds the parser against the standard library's: what ours takes, that one takes,
// and means the same by it.
func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e1,"\u00e9",null,true]}`, `[]`, `"\ud83d\ude00"`, `{"a":1,"a":2}`, `-0`, "\"\xff\"", `[[[[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parseJSON(text)
		if err != nil {
			if strings.Contains(err.Error(), "\x00") || !utf8.ValidString(err.Error()) {
				t.Errorf("the error repeats what was sent: %q", err)
			}
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		var want any
		if err := decoder.Decode(&want); err != nil {
			t.Fatalf("%q was taken, but is no JSON: %v", text, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %#v, want %#v", text, got, want)
		}
	})
}

func TestSplitArray(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, text string
		want       []string
		wantErr    string
	}{
		{"none", ` [ ] `, nil, ""},
		{"some", `[ {"a":"],[\"}"} , {"b":[1,{"c":2}]},3 ]`, []string{`{"a":"],[\"}"}`, `{"b":[1,{"c":2}]}`, `3`}, ""},
		{"one is broken inside", `[{"a":tru},{"b":1}]`, []string{`{"a":tru}`, `{"b":1}`}, ""},
		{"no array", `{"a":1}`, nil, "a batch is a JSON array of events"},
		{"cut off", `[{"a":1},{"b"`, nil, "ends too early"},
		{"empty element", `[{"a":1},,{"b":1}]`, nil, "an event is expected here"},
		{"garbage behind", `[{"a":1}] x`, nil, "more text after the end"},
		{"a string without end", `["a`, nil, "ends too early"},
		{"a string that ends in an escape", `["a\`, nil, "ends too early"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := splitArray([]byte(c.text))
			if c.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), c.wantErr) {
					t.Fatalf("got %q, %v, want an error with %q", got, err, c.wantErr)
				}
				return
			}
			if err != nil || len(got) != len(c.want) {
				t.Fatalf("got %q, %v, want %q", got, err, c.want)
			}
			for i := range got {
				if string(got[i]) != c.want[i] {
					t.Errorf("element %d: got %q, want %q", i, got[i], c.want[i])
				}
			}
		})
	}
}

// FuzzSplitArray: where a text is a JSON array, its elements are the ones that the parser sees.
func FuzzSplitArray(f *testing.F) {
	f.Add([]byte(`[{"a":"]"},[1],"x,\"y",2]`))
	f.Add([]byte(`["\\",{}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		elements, err := splitArray(text)
		value, parseErr := parseJSON(text)
		array, isArray := value.([]any)
		if parseErr != nil || !isArray {
			return
		}
		if err != nil || len(elements) != len(array) {
			t.Fatalf("%q: got %d elements, %v, want %d", text, len(elements), err, len(array))
		}
		for i, element := range elements {
			got, err := parseJSON(element)
			if err != nil || !reflect.DeepEqual(got, array[i]) {
				t.Errorf("%q, element %d: got %#v, %v, want %#v", text, i, got, err, array[i])
			}
		}
	})
}

func TestCanonicalForm(t *testing.T) {
	t.Parallel()
	same := [][]string{
		{`{"a":1,"b":[true,null]}`, ` { "b" : [ true , null ] , "a" : 1 } `},
		{`"é"`, `"\u00e9"`},
		{`[100, 0]`, `[1e2, -0]`, `[100.0, 0.0]`},
	}
	seen := map[string]int{}
	for group, texts := range same {
		for _, text := range texts {
			value, err := parseJSON([]byte(text))
			if err != nil {
				t.Fatalf("parse %s: %v", text, err)
			}
			form := string(appendCanonical(nil, value))
			if other, known := seen[form]; known && other != group {
				t.Errorf("%s has the form of another value: %s", text, form)
			}
			seen[form] = group
		}
	}
	if len(seen) != len(same) {
		t.Errorf("got %d forms %v, want %d", len(seen), seen, len(same))
	}
	different := []string{`{"a":"b"}`, `{"a":["b"]}`, `{"a":"b","c":null}`, `["a,b"]`, `["a","b"]`, `[["a"],"b"]`, `"1"`, `1`, `9007199254740993`, `9007199254740992`}
	forms := map[string]string{}
	for _, text := range different {
		value, err := parseJSON([]byte(text))
		if err != nil {
			t.Fatalf("parse %s: %v", text, err)
		}
		form := string(appendCanonical(nil, value))
		if other, known := forms[form]; known {
			t.Errorf("%s and %s have one form", text, other)
		}
		forms[form] = text
	}
}
