package portal_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// element is a tag of a page, with its attributes and the text in it.
type element struct {
	tag  string
	attr map[string]string
	text string
}

// elements returns the tags of a page, after it was read as browsers do.
func (s shown) elements(t *testing.T) (list []element) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(s.body))
	if err != nil {
		t.Fatalf("parse page: %v", err)
	}
	for node := range root.Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		e := element{tag: node.Data, attr: map[string]string{}}
		for _, a := range node.Attr {
			e.attr[a.Key] = a.Val
		}
		var text strings.Builder
		for inside := range node.Descendants() {
			if inside.Type == html.TextNode {
				text.WriteString(inside.Data)
			}
		}
		e.text = text.String()
		list = append(list, e)
	}
	return list
}

// form returns what a browser would send of the page's form, but for the button.
func (s shown) form(t *testing.T) url.Values {
	t.Helper()
	form := url.Values{}
	for _, e := range s.elements(t) {
		name, kind := e.attr["name"], e.attr["type"]
		_, checked := e.attr["checked"]
		switch {
		case e.tag == "textarea":
			form.Add(name, e.text)
		case e.tag == "input" && (kind != "radio" || checked):
			form.Add(name, e.attr["value"])
		}
	}
	return form
}

// links returns where a page leads and what it loads.
func (s shown) links(t *testing.T) (list []string) {
	t.Helper()
	for _, e := range s.elements(t) {
		for _, name := range []string{"href", "src", "action", "formaction", "srcset", "poster", "data"} {
			if link, has := e.attr[name]; has {
				list = append(list, link)
			}
		}
	}
	return list
}

// void are the elements without an end tag.
var void = []string{"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}

// checkHouse checks what holds for every page: valid nesting, one heading of the first rank, a title, labels,
// ids used once, and the policy, which nothing in the page needs more than.
func (s shown) checkHouse(t *testing.T, where string) {
	t.Helper()
	s.checkBalance(t, where)
	if got := s.header.Get("Content-Security-Policy"); got != "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'" {
		t.Errorf("%s: Content-Security-Policy: got %q", where, got)
	}
	for name, want := range map[string]string{"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Type": "text/html; charset=utf-8"} {
		if got := s.header.Get(name); got != want {
			t.Errorf("%s: %s: got %q, want %q", where, name, got, want)
		}
	}
	for _, link := range s.links(t) {
		if !strings.HasPrefix(link, "/") && !strings.HasPrefix(link, "#") || strings.HasPrefix(link, "//") {
			t.Errorf("%s: it leads or reaches out to %q", where, link)
		}
	}
	elements, ids, labels, headings := s.elements(t), map[string]int{}, map[string]bool{}, 0
	for _, e := range elements {
		if id := e.attr["id"]; id != "" {
			ids[id]++
		}
		labels[e.attr["for"]] = true
		if e.tag == "h1" {
			headings++
		}
	}
	for _, e := range elements {
		for name := range strings.FieldsSeq(e.attr["aria-describedby"] + " " + e.attr["for"] + " " + e.attr["aria-labelledby"]) {
			if ids[name] != 1 {
				t.Errorf("%s: <%s> refers to %q, of which there are %d", where, e.tag, name, ids[name])
			}
		}
		typed := e.tag == "textarea" || e.tag == "input" && e.attr["type"] != "hidden"
		if typed && !labels[e.attr["id"]] {
			t.Errorf("%s: field %q has no label", where, e.attr["name"])
		}
		if target, is := strings.CutPrefix(e.attr["href"], "#"); is && ids[target] != 1 {
			t.Errorf("%s: a link leads to #%s, of which there are %d", where, target, ids[target])
		}
		for name := range e.attr {
			if name == "style" || strings.HasPrefix(name, "on") {
				t.Errorf("%s: <%s> has an attribute %s, which the policy forbids", where, e.tag, name)
			}
		}
		if e.tag == "script" || e.tag == "style" {
			t.Errorf("%s: it has a <%s>", where, e.tag)
		}
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("%s: id %q is there %d times", where, id, n)
		}
	}
	if headings != 1 {
		t.Errorf("%s: got %d headings of the first rank, want one", where, headings)
	}
	for _, want := range []string{" – Casesync portal</title>", "This is not a product of the Financial Ombudsman Service.", "Skip to main content", `<html lang="en"`} {
		if !strings.Contains(s.body, want) {
			t.Errorf("%s: it does not hold %q", where, want)
		}
	}
}

// checkBalance checks that each tag is closed in its turn, which a parser of HTML mends without a word.
func (s shown) checkBalance(t *testing.T, where string) {
	t.Helper()
	var open []string
	tokens := html.NewTokenizer(strings.NewReader(s.body))
	for {
		kind := tokens.Next()
		name, _ := tokens.TagName()
		tag := string(name)
		switch {
		case kind == html.ErrorToken:
			if len(open) > 0 {
				t.Errorf("%s: not closed: %v", where, open)
			}
			return
		case kind == html.StartTagToken && !slices.Contains(void, tag):
			open = append(open, tag)
		case kind == html.EndTagToken && (len(open) == 0 || open[len(open)-1] != tag):
			t.Errorf("%s: </%s> closes none of %v", where, tag, open)
			return
		case kind == html.EndTagToken:
			open = open[:len(open)-1]
		}
	}
}

// title returns the page's title.
func (s shown) title(t *testing.T) string {
	t.Helper()
	for _, e := range s.elements(t) {
		if e.tag == "title" {
			return e.text
		}
	}
	return ""
}
