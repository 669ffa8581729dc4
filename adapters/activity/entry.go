package activity

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"casesync/adapters/commands"
)

// Entry is a kept activity.
type Entry struct {
	// Seq numbers entries 1, 2, 3 … without gaps.
	Seq int64
	commands.Activity
	// Chain is the entry's link: SHA-256 of the one before it and of the entry, in hex.
	Chain string
}

// row is an entry as it is stored: every value is plain text or a number, and bounded.
type row struct {
	seq                                               int64
	at                                                int64
	kind, actor, account, address, operation, subject string
	frns                                              string
	failed                                            bool
	code, detail, chain                               string
}

// rowOf returns the row of an activity that follows the link before.
func rowOf(activity commands.Activity, seq int64, before string) (row, error) {
	detail, err := json.Marshal(bounded(activity.Detail))
	if err != nil {
		return row{}, err
	}
	r := row{
		seq: seq, at: activity.At.UnixMicro(), kind: clean(string(activity.Kind)), actor: clean(activity.Actor),
		account: clean(activity.Account), address: clean(activity.Address), operation: clean(activity.Operation),
		subject: clean(activity.Subject), frns: clean(strings.Join(activity.FRNs, " ")), failed: activity.Failed,
		code: clean(activity.Code), detail: string(detail),
	}
	r.chain = r.link(before)
	return r, nil
}

// link is what chains a row to the one before it. Its input is JSON of an array, so that no value
// can be moved to its neighbour.
func (r row) link(before string) string {
	text, err := json.Marshal([]any{before, r.seq, r.at, r.kind, r.actor, r.account, r.address, r.operation, r.subject,
		r.frns, r.failed, r.code, r.detail})
	if err != nil {
		panic("chain activity: " + err.Error()) // numbers, booleans and texts can be written
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func (r row) entry() (Entry, error) {
	var detail map[string]string
	if err := json.Unmarshal([]byte(r.detail), &detail); err != nil {
		return Entry{}, err
	}
	return Entry{Seq: r.seq, Chain: r.chain, Activity: commands.Activity{
		At: time.UnixMicro(r.at).UTC(), Kind: commands.ActivityKind(r.kind), Actor: r.actor, Account: r.account, Address: r.address,
		Operation: r.operation, Subject: r.subject, FRNs: strings.Fields(r.frns), Failed: r.failed, Code: r.code, Detail: detail,
	}}, nil
}

// bounded keeps the first details, by name, each cut to what one value may have.
func bounded(detail map[string]string) map[string]string {
	kept := map[string]string{}
	names := slices.Sorted(maps.Keys(detail))
	for _, name := range names[:min(len(names), detailsMax)] {
		kept[clean(name)] = clean(detail[name])
	}
	return kept
}

// clean makes text that either database can hold, and that ends on one line: what comes from
// requests must not be able to forge lines where entries are forwarded.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if len(text) <= valueBytesMax {
		return text
	}
	end := valueBytesMax
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
