package cms

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits of a JSON text, beside its length.
const (
	// depthMax is how deep arrays and objects may stand in each other; the schemas need 5.
	depthMax = 32
	// numberDigitsMax is how many characters a number may have.
	numberDigitsMax = 32
)

// syntaxError says what is wrong with a JSON text, and where. It never quotes the text.
type syntaxError struct {
	offset int // bytes from the start
	text   string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("%s (at byte %d)", e.text, e.offset) }

// parseJSON decodes one JSON text into maps, slices, strings, json.Numbers, bools and nils. It is
// stricter than encoding/json, because two readers of one message must never see two things
// (RFC 7493): a name that occurs twice, invalid UTF-8, a lone surrogate and text after the value
// are errors. So are U+0000, which PostgreSQL cannot keep, and numbers without a reasonable size.
func parseJSON(text []byte) (any, error) {
	p := parser{text: text}
	p.space()
	value, err := p.value(0)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.at < len(text) {
		return nil, p.fail("there is more text after the end of the JSON value")
	}
	return value, nil
}

type parser struct {
	text []byte
	at   int
}

func (p *parser) fail(text string) error {
	if p.at >= len(p.text) {
		text = "the JSON text ends too early"
	}
	return &syntaxError{p.at, text}
}

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// next returns the byte at hand, 0 at the end.
func (p *parser) next() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) value(depth int) (any, error) {
	if depth > depthMax {
		return nil, p.fail(fmt.Sprintf("the JSON text is more than %d levels deep", depthMax))
	}
	switch c := p.next(); c {
	case '{':
		return p.object(depth)
	case '[':
		return p.array(depth)
	case '"':
		return p.string()
	case 't':
		return true, p.literal("true")
	case 'f':
		return false, p.literal("false")
	case 'n':
		return nil, p.literal("null")
	default:
		if c == '-' || isDigit(c) {
			return p.number()
		}
		return nil, p.fail("a JSON value is expected here")
	}
}

func (p *parser) literal(word string) error {
	if !bytes.HasPrefix(p.text[p.at:], []byte(word)) {
		return p.fail("a JSON value is expected here")
	}
	p.at += len(word)
	return nil
}

func (p *parser) object(depth int) (any, error) {
	object := make(map[string]any, 8)
	p.at++
	for p.space(); p.next() != '}'; p.space() {
		if len(object) > 0 && !p.take(',') {
			return nil, p.fail("a comma or } is expected here")
		}
		p.space()
		if p.next() != '"' {
			return nil, p.fail("a property's name in double quotes is expected here")
		}
		at := p.at
		name, err := p.string()
		if err != nil {
			return nil, err
		}
		if _, twice := object[name]; twice {
			return nil, &syntaxError{at, "an object has the same property twice"}
		}
		p.space()
		if !p.take(':') {
			return nil, p.fail("a colon is expected here")
		}
		p.space()
		if object[name], err = p.value(depth + 1); err != nil {
			return nil, err
		}
	}
	p.at++
	return object, nil
}

func (p *parser) array(depth int) (any, error) {
	array := []any{}
	p.at++
	for p.space(); p.next() != ']'; p.space() {
		if len(array) > 0 && !p.take(',') {
			return nil, p.fail("a comma or ] is expected here")
		}
		p.space()
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		array = append(array, value)
	}
	p.at++
	return array, nil
}

func (p *parser) take(c byte) bool {
	if p.next() != c {
		return false
	}
	p.at++
	return true
}

// string decodes the string at hand. Nearly all are plain: they are copied in one piece.
func (p *parser) string() (string, error) {
	p.at++
	start := p.at
	for ; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == '"':
			piece := p.text[start:p.at]
			if !utf8.Valid(piece) {
				return "", &syntaxError{start, "a string is not valid UTF-8"}
			}
			p.at++
			return string(piece), nil
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			return "", p.fail("a string holds a control character: write it as an escape")
		}
	}
	return "", p.fail("")
}

// escaped decodes a string that began at start and has its first escape here.
func (p *parser) escaped(start int) (string, error) {
	out := append([]byte(nil), p.text[start:p.at]...)
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '"':
			if !utf8.Valid(out) {
				return "", &syntaxError{start, "a string is not valid UTF-8"}
			}
			p.at++
			return string(out), nil
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
		case c < ' ':
			return "", p.fail("a string holds a control character: write it as an escape")
		default:
			out = append(out, c)
			p.at++
		}
	}
	return "", p.fail("")
}

// plainEscapes are the escapes of one letter.
var plainEscapes = map[byte]rune{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

func (p *parser) escape() (rune, error) {
	p.at++
	if r, plain := plainEscapes[p.next()]; plain {
		p.at++
		return r, nil
	}
	r, ok := p.unicode()
	if !ok {
		return 0, p.fail("a string has an escape that JSON does not know")
	}
	if utf16.IsSurrogate(r) {
		low := rune(0)
		if p.take('\\') {
			low, _ = p.unicode()
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return 0, p.fail("a string has half of a surrogate pair")
		}
	}
	if r == 0 {
		return 0, p.fail("a string holds the character U+0000, which cannot be stored: remove it")
	}
	return r, nil
}

// unicode decodes the rest of an escape such as é, from its u on.
func (p *parser) unicode() (rune, bool) {
	if p.at+5 > len(p.text) || p.text[p.at] != 'u' {
		return 0, false
	}
	code, err := strconv.ParseUint(string(p.text[p.at+1:p.at+5]), 16, 16)
	if err != nil {
		return 0, false
	}
	p.at += 5
	return rune(code), true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func (p *parser) number() (any, error) {
	start := p.at
	p.take('-')
	if !p.take('0') && !p.digits() {
		return nil, p.fail("a digit is expected here")
	}
	if p.take('.') && !p.digits() {
		return nil, p.fail("a digit is expected here")
	}
	exponent := p.at
	if c := p.next(); c == 'e' || c == 'E' {
		p.at++
		if c := p.next(); c == '-' || c == '+' {
			p.at++
		}
		if !p.digits() {
			return nil, p.fail("a digit is expected here")
		}
	}
	// Arithmetic on 1e999999999 would take all memory there is.
	if p.at-start > numberDigitsMax || p.at-exponent > len("e+99") {
		return nil, &syntaxError{start, "a number is too long: no field needs such a one"}
	}
	return json.Number(p.text[start:p.at]), nil
}

func (p *parser) digits() bool {
	start := p.at
	for isDigit(p.next()) {
		p.at++
	}
	return p.at > start
}

// splitArray returns the elements of the JSON array in text. It looks only at brackets and
// strings: an element that is broken inside is found when it is parsed, and spoils no other.
func splitArray(text []byte) ([][]byte, error) {
	p := parser{text: text}
	p.space()
	if !p.take('[') {
		return nil, p.fail("a batch is a JSON array of events: a [ is expected here")
	}
	elements := [][]byte{}
	for p.space(); p.next() != ']'; p.space() {
		if len(elements) > 0 && !p.take(',') {
			return nil, p.fail("a comma or ] is expected here")
		}
		p.space()
		start := p.at
		if !p.skipElement() {
			return nil, p.fail("an event is expected here")
		}
		elements = append(elements, bytes.TrimSpace(text[start:p.at]))
	}
	p.at++
	p.space()
	if p.at < len(text) {
		return nil, p.fail("there is more text after the end of the JSON value")
	}
	return elements, nil
}

// skipElement moves to the comma or bracket that ends the array's element at hand.
func (p *parser) skipElement() bool {
	start, depth := p.at, 0
	for ; p.at < len(p.text); p.at++ {
		switch p.text[p.at] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return p.at > start
			}
			depth--
		case ',':
			if depth == 0 {
				return p.at > start
			}
		case '"':
			p.skipString()
		}
	}
	return false
}

// skipString moves to the closing quote of the string at hand, or to the end.
func (p *parser) skipString() {
	for p.at++; p.at < len(p.text) && p.text[p.at] != '"'; p.at++ {
		if p.text[p.at] == '\\' {
			p.at++
		}
	}
}
