package kurrentlog

import "crypto/rand"

// markBytes is the length of a mark in metadata: of eight random bytes, two bits a character.
const markBytes = 32

// marks are the characters of a mark. They are JSON's white space, so that metadata that is JSON
// stays JSON to whoever else reads it in the server.
const marks = " \t\n\r"

// mark tells one append from every other one that has the same event ids.
type mark [markBytes]byte

func newMark() (m mark) {
	var random [markBytes / 4]byte
	_, _ = rand.Read(random[:]) // never fails
	for i := range m {
		m[i] = marks[random[i/4]>>(i%4*2)&3]
	}
	return m
}

// on returns metadata with the mark behind it.
func (m mark) on(metadata []byte) []byte {
	marked := make([]byte, 0, len(metadata)+markBytes)
	return append(append(marked, metadata...), m[:]...)
}

// unmark takes metadata and mark apart. What was not appended by this package has no mark, and is
// returned whole.
func unmark(marked []byte) (metadata []byte, m mark) {
	at := len(marked) - markBytes
	if at < 0 {
		return marked, m
	}
	for i, c := range marked[at:] {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return marked, mark{}
		}
		m[i] = c
	}
	return marked[:at:at], m
}
