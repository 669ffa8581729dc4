// Package documents keeps the bytes of files, sealed, in a store of blobs: a folder, or Azure Blob Storage.
// Packages beside it take uploads into it (uploads), look at what they are (inspect), have them scanned (clamd),
// and fetch what case management systems publish (fetch).
//
// It promises (requirements 5, 40, 47 and 64):
//
//   - Nothing is ever in clear outside of memory: no temporary file, no name, no metadata.
//   - What was finished is durable, and comes back byte for byte, or not at all: what is cut off, changed,
//     exchanged, or put in the place of another is refused with ErrAltered, never given as if it were the document.
//   - Destroying the data key of the document's case destroys the meaning of its bytes: Open says ErrErased.
//   - Reading and writing hold a few hundred KiB in memory, however large a document is. (Azure's client
//     holds up to one segment for each that is written.)
//
// # Format
//
// A document has a random id, a UUID, and is kept as blobs under it:
//
//	1f/1f0c…e2/<segment>   up to 8 MiB of the document each, sealed; the name is random
//	1f/1f0c…e2/manifest    one line of JSON in clear, {"format":1,"key":"casefile-…"}; then, sealed: the document's
//	                       size and SHA-256, and its segments in order, each with name and size
//
// Each blob is sealed by Tink's streaming AEAD, AES-256-GCM-HKDF with ciphertext segments of 64 KiB, under a key that
// HKDF-SHA256 derives from the case's data key. The associated data holds what the blob is, the document's id,
// and for a segment its name and its offset in the document: so it opens in its one place alone. The segments' plain
// sizes add up to the document's; the SHA-256 is compared when a reader comes to the end of a document that it has
// read from the start.
//
// # States, and what a crash leaves
//
// A document without a manifest is a draft: its segments are known to whoever writes it (package uploads keeps them
// in the state database), who goes on after a crash with the last one that it has noted; a segment that was
// written and not noted is never read, and goes when the document is deleted. Finish writes the manifest, in one
// step: before it there is no document, after it there is the whole one. Delete removes the manifest first: a crash
// in the middle leaves blobs that are no document, and is mended by deleting again.
package documents

import "errors"

// Errors that callers act on.
var (
	// ErrNotFound: there is no such document, or it was not finished.
	ErrNotFound = errors.New("no such document")
	// ErrErased: the key of the document was destroyed; its bytes say nothing any more.
	ErrErased = errors.New("document erased")
	// ErrAltered: a blob is not what was written there: it is cut off, changed, exchanged, or missing.
	ErrAltered = errors.New("document altered")
	// ErrTooLarge: there are more bytes than the caller allowed. Nothing was kept.
	ErrTooLarge = errors.New("document too large")
)

// SegmentBytesMax is the most bytes of a document in one segment.
const SegmentBytesMax = 8 << 20

// documentBytesMax bounds what a manifest may speak of: 1 TiB.
const documentBytesMax = 1 << 40
