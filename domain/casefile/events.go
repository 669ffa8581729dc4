package casefile

import (
	"time"

	"casesync/domain/calendar"
	"casesync/domain/feed"
	"casesync/domain/private"
)

// Event is one of the events of a case file. Each is a pointer to one of the types below, and is
// never changed once it was made.
type Event interface {
	// origin returns the event's Origin, nil for an event that is no fact of a source.
	origin() *feed.Origin
}

// Product places a case in the product taxonomy; Product may be "Being categorised".
type Product struct {
	Sector  string `json:"sector"`
	Group   string `json:"group"`
	Product string `json:"product"`
}

// Party is a person or organisation on the complainant's side.
type Party struct {
	Name  string `json:"name"`
	Email string `json:"email,omitzero"`
	Phone string `json:"phone,omitzero"`
}

// Details are what is known of a case beyond the decision and basic data. In a DetailsChanged
// event a nil field is unchanged.
type Details struct {
	BusinessReference *string `json:"businessReference,omitempty"`
	Issue             *string `json:"issue,omitempty"`
	SmallBusiness     *bool   `json:"smallBusiness,omitempty"`
	Handler           *string `json:"handler,omitempty"`
}

// Priority says whether a case is to be handled first, and why: financial-hardship, medical or
// vulnerability, never free text (requirement 2).
type Priority struct {
	Priority bool   `json:"priority"`
	Reason   string `json:"reason,omitzero"`
}

// Action is what FOS waits for from the business.
type Action struct {
	Kind        string `json:"kind"`
	Description string `json:"description"`
}

// Document describes a key document; its bytes stay with the source at URL.
type Document struct {
	Kind      string `json:"kind"`
	Title     string `json:"title"`
	MediaType string `json:"mediaType"`
	Size      int64  `json:"size"` // bytes
	SHA256    string `json:"sha256"`
	URL       string `json:"url"`
	// Confidential documents were given in confidence and are never shown (requirement 71).
	Confidential bool `json:"confidential,omitzero"`
}

// Converted opens the case: the respondent was notified.
type Converted struct {
	Origin         feed.Origin            `json:"origin"`
	FRN            string                 `json:"frn"`
	Product        Product                `json:"product"`
	ConvertedAt    time.Time              `json:"convertedAt"`
	Details        private.Value[Details] `json:"details,omitzero" seal:"case"`
	Consumer       private.Value[Party]   `json:"consumer,omitzero" seal:"case,consumer"`
	Representative private.Value[Party]   `json:"representative,omitzero" seal:"case,representative"`
}

// StageChanged moves the case to Stage, forwards or backwards; unknown stages are kept.
type StageChanged struct {
	Origin feed.Origin `json:"origin"`
	Stage  string      `json:"stage"`
}

// PriorityChanged sets or clears the priority flag.
type PriorityChanged struct {
	Origin   feed.Origin             `json:"origin"`
	Priority private.Value[Priority] `json:"priority,omitzero" seal:"case"`
}

// ActionRequested asks something of the business by DueDate (a full-date, YYYY-MM-DD).
type ActionRequested struct {
	Origin   feed.Origin           `json:"origin"`
	ActionID string                `json:"actionId"`
	DueDate  string                `json:"dueDate"`
	Action   private.Value[Action] `json:"action,omitzero" seal:"case"`
}

// ActionExtended moves an action's due date.
type ActionExtended struct {
	Origin   feed.Origin `json:"origin"`
	ActionID string      `json:"actionId"`
	DueDate  string      `json:"dueDate"`
}

// ActionClosed ends an action: Result is completed or withdrawn.
type ActionClosed struct {
	Origin   feed.Origin `json:"origin"`
	ActionID string      `json:"actionId"`
	Result   string      `json:"result"`
}

// DetailsChanged corrects what is known of the case and the people in it. An absent value is
// unchanged.
type DetailsChanged struct {
	Origin         feed.Origin            `json:"origin"`
	Details        private.Value[Details] `json:"details,omitzero" seal:"case"`
	Consumer       private.Value[Party]   `json:"consumer,omitzero" seal:"case,consumer"`
	Representative private.Value[Party]   `json:"representative,omitzero" seal:"case,representative"`
}

// Recategorised moves the case in the product taxonomy (requirement 61).
type Recategorised struct {
	Origin  feed.Origin `json:"origin"`
	Product Product     `json:"product"`
}

// Transferred moves the case to another business, whose users alone may see it from then on.
type Transferred struct {
	Origin feed.Origin `json:"origin"`
	FRN    string      `json:"frn"`
}

// HandedOver makes another case management system the one that speaks for the case.
type HandedOver struct {
	Origin   feed.Origin `json:"origin"`
	ToSource string      `json:"toSource"`
}

// DocumentPublished publishes a key document to the business, or a new version of one.
type DocumentPublished struct {
	Origin      feed.Origin             `json:"origin"`
	DocumentID  string                  `json:"documentId"`
	PublishedAt time.Time               `json:"publishedAt"`
	Document    private.Value[Document] `json:"document,omitzero" seal:"case"`
}

// Closed closes the case with an outcome; DecisionReference is DRN- and 7 digits where a final
// decision was published.
type Closed struct {
	Origin            feed.Origin `json:"origin"`
	Outcome           string      `json:"outcome"`
	ClosedAt          time.Time   `json:"closedAt"`
	DecisionReference string      `json:"decisionReference,omitzero"`
}

// Reopened opens a closed case again; it counts as resolved no more.
type Reopened struct {
	Origin     feed.Origin `json:"origin"`
	ReopenedAt time.Time   `json:"reopenedAt"`
}

// Suppressed hides the case from all business users, to view and to act on (requirement 46).
type Suppressed struct {
	Origin feed.Origin           `json:"origin"`
	Reason private.Value[string] `json:"reason,omitzero" seal:"case"`
}

// Unsuppressed shows the case again.
type Unsuppressed struct {
	Origin feed.Origin           `json:"origin"`
	Reason private.Value[string] `json:"reason,omitzero" seal:"case"`
}

// SnapshotTaken is the whole state of the case as the source holds it. It stands for everything
// up to its sequence.
type SnapshotTaken struct {
	Origin            feed.Origin                    `json:"origin"`
	FRN               string                         `json:"frn"`
	Product           Product                        `json:"product"`
	Stage             string                         `json:"stage"`
	ConvertedAt       time.Time                      `json:"convertedAt"`
	Outcome           string                         `json:"outcome,omitzero"`
	ClosedAt          time.Time                      `json:"closedAt,omitzero"`
	ReopenedAt        time.Time                      `json:"reopenedAt,omitzero"`
	DecisionReference string                         `json:"decisionReference,omitzero"`
	Suppressed        bool                           `json:"suppressed,omitzero"`
	Actions           []SnapshotAction               `json:"actions,omitempty"`
	Documents         []SnapshotDocument             `json:"documents,omitempty"`
	Content           private.Value[SnapshotContent] `json:"content,omitzero" seal:"case"`
	Consumer          private.Value[Party]           `json:"consumer,omitzero" seal:"case,consumer"`
	Representative    private.Value[Party]           `json:"representative,omitzero" seal:"case,representative"`
}

// Closed reports whether the case is closed in the snapshot: it has an outcome, and was not
// reopened since.
func (e *SnapshotTaken) Closed() bool {
	return e.Outcome != "" && !e.ReopenedAt.After(e.ClosedAt)
}

// SnapshotAction is an action of a snapshot, open where Result is "".
type SnapshotAction struct {
	ActionID string `json:"actionId"`
	DueDate  string `json:"dueDate"`
	Result   string `json:"result,omitzero"`
}

// SnapshotDocument is a key document of a snapshot.
type SnapshotDocument struct {
	DocumentID  string    `json:"documentId"`
	PublishedAt time.Time `json:"publishedAt"`
}

// SnapshotContent is what a snapshot says beyond the decision and basic data. Actions and
// Documents are keyed by their ids.
type SnapshotContent struct {
	Details   Details             `json:"details"`
	Priority  Priority            `json:"priority"`
	Actions   map[string]Action   `json:"actions,omitempty"`
	Documents map[string]Document `json:"documents,omitempty"`
}

// FactHeld keeps a fact that came before its turn, whole, until the gap before it closes. It has
// no other effect on the case.
type FactHeld struct {
	Origin feed.Origin `json:"origin"`
	// Type is the stored name of Fact.
	Type string `json:"type"`
	// Fact is the event that is recorded once its turn has come.
	Fact Event `json:"fact"`
}

// FactUnrecognised records that a message of a type this version does not know took its place in
// the sequence. The message itself is kept as a dead letter, to be applied on retry.
type FactUnrecognised struct {
	Origin feed.Origin `json:"origin"`
	Type   string      `json:"type"`
}

// SequenceSkipped records that an operator gave up waiting for the sequences From to To (both
// included) of Source: what follows them is released. Actor and reason are in the metadata.
type SequenceSkipped struct {
	Source string `json:"source"`
	From   int64  `json:"from"`
	To     int64  `json:"to"`
}

// Allocated records who the case is allocated to, and to whom it was before; user ids, "" for nobody.
// The case's transfer to another business ends an allocation without an event of its own.
type Allocated struct {
	To   string `json:"to"`
	From string `json:"from"`
}

// ReturnCause says why a person can not work on a case any more.
type ReturnCause string

// The causes: the person's account or membership is disabled, the membership is removed, the person
// is erased.
const (
	HolderDisabled ReturnCause = "disabled"
	HolderRemoved  ReturnCause = "removed"
	HolderErased   ReturnCause = "erased"
)

func (c ReturnCause) known() bool {
	return c == HolderDisabled || c == HolderRemoved || c == HolderErased
}

// AllocationReturned records that the case is allocated to nobody, since its holder can not work on
// it any more.
type AllocationReturned struct {
	From  string      `json:"from"`
	Cause ReturnCause `json:"cause"`
}

// SuppressionExecuted records that an operator hid the case from all business users. Request is the id of
// the notification that asked for it, "" where it was asked for otherwise. Actor and reason are in the metadata.
type SuppressionExecuted struct {
	Request string `json:"request,omitzero"`
}

// SuppressionReversed records that an operator showed the case again, whoever had suppressed it. Actor and
// reason are in the metadata.
type SuppressionReversed struct{}

// LegalHoldPlaced records that the case's data is not to be erased. Actor and reason are in the
// metadata.
type LegalHoldPlaced struct{}

// LegalHoldLifted records that the case's data may be erased when its time has come.
type LegalHoldLifted struct{}

// DataErased records that the case's keys are to be destroyed, the parties' with it: only the decision
// and basic data stay (requirement 64). A crash before that is done leaves this event, from which it
// is done again. It also ends the allocation.
type DataErased struct {
	Day calendar.Day `json:"day"`
}

// PartyErased records that the key of a party, Consumer or Representative, is to be destroyed.
type PartyErased struct {
	Party string `json:"party"`
}

func (e *Converted) origin() *feed.Origin         { return &e.Origin }
func (e *StageChanged) origin() *feed.Origin      { return &e.Origin }
func (e *PriorityChanged) origin() *feed.Origin   { return &e.Origin }
func (e *ActionRequested) origin() *feed.Origin   { return &e.Origin }
func (e *ActionExtended) origin() *feed.Origin    { return &e.Origin }
func (e *ActionClosed) origin() *feed.Origin      { return &e.Origin }
func (e *DetailsChanged) origin() *feed.Origin    { return &e.Origin }
func (e *Recategorised) origin() *feed.Origin     { return &e.Origin }
func (e *Transferred) origin() *feed.Origin       { return &e.Origin }
func (e *HandedOver) origin() *feed.Origin        { return &e.Origin }
func (e *DocumentPublished) origin() *feed.Origin { return &e.Origin }
func (e *Closed) origin() *feed.Origin            { return &e.Origin }
func (e *Reopened) origin() *feed.Origin          { return &e.Origin }
func (e *Suppressed) origin() *feed.Origin        { return &e.Origin }
func (e *Unsuppressed) origin() *feed.Origin      { return &e.Origin }
func (e *SnapshotTaken) origin() *feed.Origin     { return &e.Origin }
func (e *FactHeld) origin() *feed.Origin          { return &e.Origin }
func (e *FactUnrecognised) origin() *feed.Origin  { return &e.Origin }
func (*SequenceSkipped) origin() *feed.Origin     { return nil }

func (*Allocated) origin() *feed.Origin           { return nil }
func (*AllocationReturned) origin() *feed.Origin  { return nil }
func (*SuppressionExecuted) origin() *feed.Origin { return nil }
func (*SuppressionReversed) origin() *feed.Origin { return nil }
func (*LegalHoldPlaced) origin() *feed.Origin     { return nil }
func (*LegalHoldLifted) origin() *feed.Origin     { return nil }
func (*DataErased) origin() *feed.Origin          { return nil }
func (*PartyErased) origin() *feed.Origin         { return nil }
