// Package schemas holds the contracts that other systems, and our own past, hold on to, as files
// embedded in the binary: nothing here is ever weakened, renamed or removed.
//
//	events/  one example of each event version that was ever stored, as stored
package schemas

import "embed"

// Events holds events/<stored name>.json, one example per stored event version. Private values
// are sealed text; what they sealed was invented.
//
//go:embed events/*.json
var Events embed.FS
