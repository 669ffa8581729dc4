package projections

import (
	"encoding/json"
	"strings"
	"time"

	"casesync/domain/casefile"
	"casesync/domain/feed"
	"casesync/domain/notification"
)

// entry is what the timeline shows of a fact; one without a kind is not shown at all.
type entry struct {
	kind, about string
	frn         string // the business whose act it is about, "" for whichever the case is with
	data        any    // what may be shown in clear
	sealed      string
	internal    bool // for auditors alone
}

// What the timeline shows in clear, by kind.
type (
	convertedData struct {
		FRN         string           `json:"frn"`
		Product     casefile.Product `json:"product"`
		ConvertedAt time.Time        `json:"convertedAt"`
	}
	stageData struct {
		Stage   string `json:"stage"`
		Outcome string `json:"outcome,omitzero"`
	}
	productData struct {
		Product casefile.Product `json:"product"`
	}
	transferData struct {
		FRN  string `json:"frn"`
		From string `json:"from,omitzero"`
	}
	handOverData struct {
		ToSource string `json:"toSource"`
	}
	detailsData struct {
		Changed []string `json:"changed,omitempty"`
	}
	actionData struct {
		Kind    string `json:"kind,omitzero"`
		DueDate string `json:"dueDate,omitzero"`
		Result  string `json:"result,omitzero"`
	}
	documentData struct {
		Kind        string    `json:"kind"`
		MediaType   string    `json:"mediaType"`
		Size        int64     `json:"size"`
		SHA256      string    `json:"sha256"`
		PublishedAt time.Time `json:"publishedAt"`
	}
	closedData struct {
		Outcome           string    `json:"outcome"`
		ClosedAt          time.Time `json:"closedAt"`
		DecisionReference string    `json:"decisionReference,omitzero"`
	}
	reopenedData struct {
		ReopenedAt time.Time `json:"reopenedAt"`
	}
	allocationData struct {
		To    string               `json:"to,omitzero"` // user ids
		From  string               `json:"from,omitzero"`
		By    string               `json:"by,omitzero"`
		Cause casefile.ReturnCause `json:"cause,omitzero"`
	}
	uploadData struct {
		Person  string `json:"person,omitzero"` // user id
		Bytes   int64  `json:"bytes,omitzero"`
		Attempt int64  `json:"attempt,omitzero"`
		Of      string `json:"of,omitzero"` // the upload that this is a duplicate of
		Code    string `json:"code,omitzero"`
	}
	notificationData struct {
		Person string              `json:"person,omitzero"` // user id
		Type   notification.TypeID `json:"type,omitzero"`
		Bulk   string              `json:"bulk,omitzero"`
		Code   string              `json:"code,omitzero"`
	}
	erasureData struct {
		Day   string `json:"day,omitzero"`
		Party string `json:"party,omitzero"`
	}
)

// tell numbers the fact and writes its entry.
func (f *caseFold) tell(origin feed.Origin, shown entry) error {
	f.row.TimelineLen++
	if shown.kind == "" {
		return nil
	}
	data := []byte("{}")
	if shown.data != nil {
		var err error
		if data, err = json.Marshal(shown.data); err != nil {
			return err
		}
	}
	timeline.Put(f.rows, timelineRow{
		Ref: f.row.Ref, N: f.row.TimelineLen, FRN: shown.frn, Kind: shown.kind, At: micros(origin.Time), About: shown.about,
		Data: string(data), Contradicts: strings.Join(origin.Contradicts, " "), Internal: shown.internal,
		Sealed: shown.sealed, RecordedAt: micros(f.e.RecordedAt),
	})
	return nil
}
