package httpapi

import (
	"context"
	"fmt"
	"strings"
	"time"

	"casesync/domain/calendar"
	"casesync/domain/ticket"
)

// Helpdesk says when the helpdesk answers.
type Helpdesk struct {
	Open     bool           `json:"open" doc:"Whether it answers now"`
	Until    *time.Time     `json:"until,omitempty" doc:"When it closes, while it is open"`
	Opens    *time.Time     `json:"opens,omitempty" doc:"When it opens next"`
	Text     string         `json:"text" doc:"The hours in words, to be shown"`
	TimeZone string         `json:"timeZone" doc:"Of the hours" example:"Europe/London"`
	Hours    []HelpdeskDay  `json:"hours" nullable:"false" doc:"By the day of the week, Monday first"`
	Closed   []calendar.Day `json:"closed" nullable:"false" doc:"The days of the next year on which it does not open at all. On bank holidays it does"`
}

// HelpdeskDay is when the helpdesk answers on a day of the week.
type HelpdeskDay struct {
	Day  string `json:"day" enum:"monday,tuesday,wednesday,thursday,friday,saturday,sunday"`
	From string `json:"from" example:"08:00"`
	To   string `json:"to" example:"22:00"`
}

// showHelpdesk tells anybody whether the helpdesk answers now (requirement 30).
func (s *Server) showHelpdesk(_ context.Context, in *request) (*present[Helpdesk], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	return &present[Helpdesk]{CacheControl: noStore, Body: helpdeskAt(s.config.Now())}, nil
}

func helpdeskAt(at time.Time) Helpdesk {
	hours := ticket.HelpdeskHours()
	shown := Helpdesk{
		Open: hours.Open(at), Text: ticket.HelpdeskHoursText + ".", TimeZone: "Europe/London",
		Hours: weekOf(hours), Closed: closedDays(hours, calendar.DayOf(at)),
	}
	next := hours.Change(at)
	if shown.Open {
		shown.Until = instant(next)
		next = hours.Change(next)
	}
	shown.Opens = instant(next)
	return shown
}

func weekOf(hours calendar.Hours) []HelpdeskDay {
	days := []HelpdeskDay{}
	for i := range 7 {
		weekday := time.Weekday((i + 1) % 7)
		if opening, opens := hours.Week[weekday]; opens {
			days = append(days, HelpdeskDay{Day: strings.ToLower(weekday.String()), From: clock(opening.From), To: clock(opening.To)})
		}
	}
	return days
}

func clock(hour int) string { return fmt.Sprintf("%02d:00", hour) }

// closedDays are the days from today, for a year, on which it does not open whatever the day of the week.
func closedDays(hours calendar.Hours, today calendar.Day) []calendar.Day {
	days := []calendar.Day{}
	for day := today; day < today+365; day++ {
		if hours.Closed != nil && hours.Closed(day) {
			days = append(days, day)
		}
	}
	return days
}
