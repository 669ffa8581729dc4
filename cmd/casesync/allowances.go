package main

import (
	"net/http"
	"time"

	"casesync/adapters/httpapi"
	"casesync/adapters/ratelimit"
)

// allowances bound what one sender has kept here, and mailed: so much at once, and as much again over a day. Each
// process counts for itself, and anew when it starts.
func (s *serving) allowances() (httpapi.Allowances, error) {
	daily := func(n int) (*ratelimit.Limiter, error) {
		return ratelimit.New(ratelimit.Config{Limit: ratelimit.Limit{PerSecond: float64(n) / (24 * time.Hour).Seconds(), Burst: n}, Now: s.now})
	}
	strangers, err := daily(s.settings.StrangerMessagesPerDay)
	if err != nil {
		return httpapi.Allowances{}, err
	}
	tickets, err := daily(s.settings.UserTicketsPerDay)
	if err != nil {
		return httpapi.Allowances{}, err
	}
	notifications, err := daily(s.settings.UserNotificationsPerDay)
	if err != nil {
		return httpapi.Allowances{}, err
	}
	return httpapi.Allowances{
		Strangers:     func(r *http.Request) (time.Duration, bool) { return strangers.Allow(ratelimit.AddressKey(r)) },
		Tickets:       tickets.Allow,
		Notifications: notifications.AllowN,
	}, nil
}
