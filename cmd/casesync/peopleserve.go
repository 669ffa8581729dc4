package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"casesync/adapters/activity"
	"casesync/adapters/httpapi"
	"casesync/adapters/identity/gate"
	"casesync/adapters/identity/saml"
	"casesync/adapters/identity/signin"
	"casesync/adapters/ratelimit"
	"casesync/domain/account"
	"casesync/domain/connection"
)

// addPeople gives the HTTP interface what it needs for people. The server is there once the
// first request comes.
func (s *serving) addPeople(ctx context.Context, config *httpapi.Config, server func() *httpapi.Server) error {
	people, err := s.people(ctx)
	if err != nil {
		return err
	}
	activities, err := s.activity(ctx)
	if err != nil {
		return err
	}
	credentials, err := s.credentials(ctx)
	if err != nil {
		return err
	}
	ways, err := s.gate(ctx, server)
	if err != nil {
		return err
	}
	config.People, config.Gate, config.Activity, config.Activities = people, ways, s.recorded, activityReader{activities}
	config.HSTS = s.settings.TLSCert != "" || len(s.settings.TrustedProxy) > 0
	config.CheckConnection = checkConnection
	config.CheckAnswers = func(ctx context.Context, person string, answers []string, address string) error {
		return refused(credentials.CheckQuestions(ctx, person, answers, address))
	}
	config.Questions = func(ctx context.Context, person string) ([]string, error) {
		status, err := credentials.Status(ctx, person)
		return status.Questions, err
	}
	config.RecoveryCodesLeft = func(ctx context.Context, person string) (int, error) {
		status, err := credentials.Status(ctx, person)
		return status.RecoveryCodesLeft, err
	}
	if config.Allowances, err = s.allowances(); err != nil {
		return err
	}
	if config.Pages, err = s.pages(ctx, ways.Facts(), config.Allowances.Strangers); err != nil {
		return err
	}
	subjects, err := s.subjects(ctx)
	if err != nil {
		return err
	}
	config.ExportPerson = subjects.Export
	config.LimitAddresses, config.LimitPrincipals, err = s.limiters()
	return err
}

func (s *serving) gate(ctx context.Context, server func() *httpapi.Server) (*gate.Gate, error) {
	attempts, err := s.attempts(ctx)
	if err != nil {
		return nil, err
	}
	opened, err := s.sessions(ctx)
	if err != nil {
		return nil, err
	}
	digest, err := s.addressDigest(ctx)
	if err != nil {
		return nil, err
	}
	return gate.New(gate.Config{
		People: s.openedPeople, Local: s.openedLocal, Attempts: attempts, Sessions: opened, Activity: s.recorded,
		PublicURL: s.settings.publicURL(), SecretsDir: s.system.settings.Secrets, AddressDigest: digest, Now: s.now, Logger: s.logger,
		Refused: func(code, detail string, retryAfter time.Duration) error {
			return httpapi.Refused(code, detail, retryAfter)
		},
		Fault: func(ctx context.Context, err error) error { return server().Fault(ctx, err) },
	})
}

// refused makes a refusal of a sign-in's parts the problem that tells of it.
func refused(err error) error {
	if refusal, is := errors.AsType[*signin.Refusal](err); is {
		return httpapi.Refused(string(refusal.Code), refusal.Error(), refusal.RetryAfter)
	}
	return err
}

// limiters bound the requests that nobody known sends, by their network address, and those of each
// user. A machine's are not bounded: a case management system may have much to say.
func (s *serving) limiters() (addresses, users func(http.Handler) http.Handler, err error) {
	byAddress, byUser := s.settings.rates()
	address, err := ratelimit.New(ratelimit.Config{Limit: byAddress, Now: s.now, Refuse: httpapi.RefuseLimited})
	if err != nil {
		return nil, nil, err
	}
	user, err := ratelimit.New(ratelimit.Config{Limit: byUser, Now: s.now, Refuse: httpapi.RefuseLimited})
	if err != nil {
		return nil, nil, err
	}
	return address.ByAddress, user.By(func(r *http.Request) string { return httpapi.PrincipalOf(r.Context()).Person() }), nil
}

// checkConnection finds what is wrong with an identity provider's settings that their form does not show.
func checkConnection(_ context.Context, settings connection.Settings) error {
	if settings.Method != account.SAML {
		return nil
	}
	if _, err := saml.ParseMetadata([]byte(settings.SAML.Metadata), time.Now()); err != nil {
		return fmt.Errorf("read SAML metadata: %w", err)
	}
	return nil
}

// activityReader is the activity log in the words of the HTTP interface.
type activityReader struct{ log *activity.Log }

// ListActivities implements httpapi.ActivityReader.
func (a activityReader) ListActivities(ctx context.Context, filter httpapi.ActivityFilter, before int64, limit int) ([]httpapi.ActivityEntry, error) {
	entries, err := a.log.List(ctx, activity.Filter(filter), before, limit)
	list := make([]httpapi.ActivityEntry, len(entries))
	for i, entry := range entries {
		list[i] = httpapi.ActivityEntry{Number: entry.Seq, Activity: entry.Activity}
	}
	return list, err
}
