package onboarding

import (
	"casesync/domain/calendar"
	"casesync/domain/private"
)

// Event is one of the events of a request.
type Event interface {
	// on returns the day of the event.
	on() calendar.Day
}

// RequestSubmitted records a request.
type RequestSubmitted struct {
	Request Request      `json:"request"`
	Day     calendar.Day `json:"day"`
}

// RequestAmended records the request as it is from now on, all of it.
type RequestAmended struct {
	Request Request      `json:"request"`
	Day     calendar.Day `json:"day"`
}

// DataAsked records that the contact is to be asked for what is missing.
type DataAsked struct {
	Missing []Item `json:"missing,omitempty"`
	// Question is what an operator asks besides.
	Question private.Value[string] `json:"question,omitzero" seal:"case"`
	Day      calendar.Day          `json:"day"`
}

// RequestCompleted records that nothing is missing, and that an operator checked it.
type RequestCompleted struct {
	Day calendar.Day `json:"day"`
}

// BusinessesConfigured records that the businesses and their identity provider are set up.
type BusinessesConfigured struct {
	Connection      string       `json:"connection,omitzero"`
	SecretReference string       `json:"secretReference,omitzero"`
	Day             calendar.Day `json:"day"`
}

// AdministratorsInvited records that the administrators of a business were invited.
type AdministratorsInvited struct {
	FRN string       `json:"frn"`
	Day calendar.Day `json:"day"`
}

// BusinessActivated records that a business has an administrator who accepted.
type BusinessActivated struct {
	FRN string       `json:"frn"`
	Day calendar.Day `json:"day"`
}

// RequestWithdrawn records that the business withdrew the request.
type RequestWithdrawn struct {
	Day calendar.Day `json:"day"`
}

// RequestDeclined records that an operator declined the request.
type RequestDeclined struct {
	Day calendar.Day `json:"day"`
}

// RequestLapsed records that the request was left alone for too long.
type RequestLapsed struct {
	Day calendar.Day `json:"day"`
}

// PeopleErased records that the stream's key is to be destroyed. A crash before that is done leaves
// this event, from which it is done again.
type PeopleErased struct {
	Day calendar.Day `json:"day"`
}

func (e *RequestSubmitted) on() calendar.Day      { return e.Day }
func (e *RequestAmended) on() calendar.Day        { return e.Day }
func (e *DataAsked) on() calendar.Day             { return e.Day }
func (e *RequestCompleted) on() calendar.Day      { return e.Day }
func (e *BusinessesConfigured) on() calendar.Day  { return e.Day }
func (e *AdministratorsInvited) on() calendar.Day { return e.Day }
func (e *BusinessActivated) on() calendar.Day     { return e.Day }
func (e *RequestWithdrawn) on() calendar.Day      { return e.Day }
func (e *RequestDeclined) on() calendar.Day       { return e.Day }
func (e *RequestLapsed) on() calendar.Day         { return e.Day }
func (e *PeopleErased) on() calendar.Day          { return e.Day }
