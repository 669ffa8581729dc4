package activity

import (
	"strings"

	"casesync/adapters/commands"
)

// The Open Cybersecurity Schema Framework, https://schema.ocsf.io, as far as it is used here.
const (
	ocsfVersion = "1.3.0"

	categoryIdentity    = 3
	categoryApplication = 6

	classAccountChange  = 3001
	classAuthentication = 3002
	classAPIActivity    = 6003

	severityInformational = 1
	severityMedium        = 3

	statusSuccess = 1
	statusFailure = 2

	userIDUser   = 1
	userIDSystem = 3
)

// class is where OCSF places a kind of activity.
type class struct{ category, class, activity int }

// classes says it for each kind. What is not in it is an API activity of the kind "other".
var classes = map[commands.ActivityKind]class{
	commands.SignedIn:       {categoryIdentity, classAuthentication, 1},  // logon
	commands.SignInRefused:  {categoryIdentity, classAuthentication, 1},  // logon
	commands.SignedOut:      {categoryIdentity, classAuthentication, 2},  // logoff
	commands.SessionsEnded:  {categoryIdentity, classAuthentication, 2},  // logoff
	commands.CredentialSet:  {categoryIdentity, classAccountChange, 99},  // other
	commands.PersonErased:   {categoryIdentity, classAccountChange, 6},   // delete
	commands.DataRead:       {categoryApplication, classAPIActivity, 2},  // read
	commands.DataExported:   {categoryApplication, classAPIActivity, 2},  // read
	commands.FileDownloaded: {categoryApplication, classAPIActivity, 2},  // read
	commands.ActivityRead:   {categoryApplication, classAPIActivity, 2},  // read
	commands.CommandGiven:   {categoryApplication, classAPIActivity, 3},  // update
	commands.MailSent:       {categoryApplication, classAPIActivity, 1},  // create
	commands.AccessRefused:  {categoryApplication, classAPIActivity, 99}, // other
}

// Event is an entry in the words of OCSF, one JSON object.
type Event struct {
	ActivityID  int               `json:"activity_id"`
	CategoryUID int               `json:"category_uid"`
	ClassUID    int               `json:"class_uid"`
	TypeUID     int               `json:"type_uid"`
	Time        int64             `json:"time"` // milliseconds UTC since 1970
	SeverityID  int               `json:"severity_id"`
	StatusID    int               `json:"status_id"`
	StatusCode  string            `json:"status_code,omitzero"`
	Metadata    Metadata          `json:"metadata"`
	Actor       *Actor            `json:"actor,omitempty"`
	User        *User             `json:"user,omitempty"`
	API         *API              `json:"api,omitempty"`
	Source      *Endpoint         `json:"src_endpoint,omitempty"`
	Resources   []Resource        `json:"resources,omitempty"`
	Unmapped    map[string]string `json:"unmapped,omitempty"`
}

// Metadata says where an event comes from.
type Metadata struct {
	Version string `json:"version"`
	// UID is the entry's chain: whoever has the forwarded lines can check the log against them.
	UID       string  `json:"uid"`
	EventCode string  `json:"event_code"` // the kind, in our words
	Sequence  int64   `json:"sequence"`
	Product   Product `json:"product"`
}

// Product is this software.
type Product struct {
	Name       string `json:"name"`
	VendorName string `json:"vendor_name"`
}

// Actor is who did it.
type Actor struct {
	User User `json:"user"`
}

// User is a person or program by a pseudonym.
type User struct {
	UID    string `json:"uid"`
	TypeID int    `json:"type_id"`
}

// API is what was asked for.
type API struct {
	Operation string `json:"operation"`
}

// Endpoint is where a request came from.
type Endpoint struct {
	IP string `json:"ip"`
}

// Resource is a thing or business concerned.
type Resource struct {
	UID  string `json:"uid"`
	Type string `json:"type"`
}

// OCSF returns an entry in the words of OCSF.
func (e Entry) OCSF() Event {
	place, known := classes[e.Kind]
	if !known {
		place = class{categoryApplication, classAPIActivity, 99}
	}
	event := Event{
		ActivityID: place.activity, CategoryUID: place.category, ClassUID: place.class, TypeUID: place.class*100 + place.activity,
		Time: e.At.UnixMilli(), SeverityID: severityInformational, StatusID: statusSuccess, StatusCode: e.Code,
		Metadata: Metadata{
			Version: ocsfVersion, UID: e.Chain, EventCode: string(e.Kind), Sequence: e.Seq,
			Product: Product{Name: "casesync", VendorName: "casesync"},
		},
		Unmapped: e.Detail,
	}
	if e.Failed {
		event.SeverityID, event.StatusID = severityMedium, statusFailure
	}
	if e.Operation != "" {
		event.API = &API{Operation: e.Operation}
	}
	if e.Address != "" {
		event.Source = &Endpoint{IP: e.Address}
	}
	event.people(e)
	event.concerned(e)
	return event
}

// people names who did it. Of an authentication that is the user; where nobody is known, what was
// typed stands for him, as its digest.
func (v *Event) people(e Entry) {
	user := User{UID: e.Actor, TypeID: userIDUser}
	if !strings.HasPrefix(e.Actor, "user:") {
		user.TypeID = userIDSystem
	}
	if e.Actor == "" {
		if e.Account == "" {
			return
		}
		user = User{UID: "address:" + e.Account, TypeID: userIDUser}
	}
	if v.ClassUID == classAPIActivity {
		v.Actor = &Actor{User: user}
		return
	}
	v.User = &user
}

func (v *Event) concerned(e Entry) {
	if e.Subject != "" {
		kind, _, _ := strings.Cut(e.Subject, "-")
		v.Resources = append(v.Resources, Resource{UID: e.Subject, Type: kind})
	}
	for _, frn := range e.FRNs {
		v.Resources = append(v.Resources, Resource{UID: frn, Type: "business"})
	}
}
