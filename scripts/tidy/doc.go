// Package tidy holds the rules of this code base that can be checked by reading it, as ordinary
// tests: who may import whom, what the pure parts must not touch, how long things may be, where a
// table may be named. Run them with `go test ./scripts/tidy`; a failure says which rule, and why.
package tidy
