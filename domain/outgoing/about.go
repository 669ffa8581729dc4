package outgoing

// About says which case an event is about. It stands in each event of an upload and of a notification, so
// that whoever reads one alone knows it: a read model by case, and a search for all that is known of a case.
type About struct {
	Case string `json:"case"`
}

func (a *About) about() *About { return a }

// Concern is an event that holds About.
type Concern interface{ about() *About }

// CaseOf returns the reference of the case that event is about.
func CaseOf(event Concern) string { return event.about().Case }

// Stamp notes in event that it is about the case ref.
func Stamp(event Concern, ref string) { event.about().Case = ref }
