package httpapi

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"casesync/eventstore"
)

// cursorSubject names the key in the key ring that cursors are sealed under.
const cursorSubject = "cursor"

// cursorTextMax is the longest cursor that is looked at, in characters.
const cursorTextMax = 4096

// cursors seals the places in lists that clients hold between two pages. A cursor is encrypted,
// because sort values may say something that an address should not, and authenticated, because it
// becomes part of a query. It is bound to the filters and sort order it was given for.
type cursors struct{ aead cipher.AEAD }

// newCursors takes the key from the key ring, so that a cursor given by one process is good in
// every other, and after a restart.
func newCursors(ctx context.Context, keys eventstore.Keys) (cursors, error) {
	ring, err := keys.Ensure(ctx, cursorSubject)
	if err != nil {
		return cursors{}, fmt.Errorf("ensure key of cursors: %w", err)
	}
	secret, err := hkdf.Key(sha256.New, ring[0].Secret, nil, "casesync cursor v1", 32)
	if err != nil {
		return cursors{}, fmt.Errorf("derive key of cursors: %w", err)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return cursors{}, fmt.Errorf("make cipher of cursors: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return cursors{}, fmt.Errorf("make cipher of cursors: %w", err)
	}
	return cursors{aead}, nil
}

// sealedCursor is what a cursor holds: a place, and the list it is a place of.
type sealedCursor struct {
	List  [sha256.Size]byte `json:"l"`
	Place json.RawMessage   `json:"p"`
}

// seal returns the text of a place in a list.
func (c cursors) seal(list [sha256.Size]byte, place any) (string, error) {
	at, err := json.Marshal(place)
	if err != nil {
		return "", fmt.Errorf("encode cursor: %w", err)
	}
	plain, err := json.Marshal(sealedCursor{List: list, Place: at})
	if err != nil {
		return "", fmt.Errorf("encode cursor: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(c.aead.Seal(nil, nil, plain, nil)), nil
}

// open reads a cursor of a list into place.
func (c cursors) open(text string, list [sha256.Size]byte, place any) *Problem {
	invalid := problem(CodeCursorInvalid, "Take the cursor from next of the page before as it is, or leave it out to begin at the first page.")
	if len(text) > cursorTextMax {
		return invalid
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return invalid
	}
	plain, err := c.aead.Open(nil, nil, sealed, nil)
	if err != nil {
		return invalid
	}
	var cursor sealedCursor
	if json.Unmarshal(plain, &cursor) != nil {
		return invalid
	}
	if cursor.List != list {
		return problem(CodeCursorMismatch, "Ask for the next page with the filters and the sort of the one before, or leave the cursor out.")
	}
	if json.Unmarshal(cursor.Place, place) != nil {
		return invalid
	}
	return nil
}

// listOf names a list by its address and whatever of its query decides which rows it has and in
// which order: all but the parameters named in aside.
func listOf(path, rawQuery string, aside ...string) [sha256.Size]byte {
	values, _ := url.ParseQuery(rawQuery) // was parsed before
	var text strings.Builder
	text.WriteString(path)
	for _, name := range sortedKeys(values) {
		if slices.Contains(aside, name) {
			continue
		}
		given := slices.Clone(values[name])
		slices.Sort(given)
		for _, value := range given {
			text.WriteString("\n" + url.QueryEscape(name) + "=" + url.QueryEscape(value))
		}
	}
	return sha256.Sum256([]byte(text.String()))
}
