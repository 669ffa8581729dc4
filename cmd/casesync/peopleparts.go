package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"casesync/adapters/activity"
	"casesync/adapters/commands"
	"casesync/adapters/identity/local"
	"casesync/adapters/identity/sessions"
	"casesync/adapters/identity/signin"
	"casesync/adapters/mail"
	"casesync/adapters/state"
	"casesync/domain/address"
	"casesync/eventstore/sharedread"
	"casesync/eventstore/sqldb"
	"casesync/projections"
	"casesync/projections/engine"
)

// peopleParts are the parts that concern people, opened when they are first asked for.
type peopleParts struct {
	openedPeople      *commands.People
	openedActivity    *activity.Log
	openedLocal       *local.Credentials
	openedSessions    *sessions.Sessions
	openedAttempts    *signin.Attempts
	openedFolder      *mail.Folder
	openedMails       *mail.Mails
	openedCheckpoints *state.Checkpoints
	openedMemberships *sharedread.Reader[string, []string]
}

// The subjects of keys that are no person's.
const (
	addressKey = "addresses" // of hashes of e-mail addresses
	linkKey    = "links"     // of tokens of mailed links
)

func (s *system) people(ctx context.Context) (*commands.People, error) {
	return once(s, &s.openedPeople, func() (*commands.People, func() error, error) {
		codec, err := s.codec(ctx)
		if err != nil {
			return nil, nil, err
		}
		addresses, err := s.secret(ctx, addressKey)
		if err != nil {
			return nil, nil, err
		}
		links, err := s.links(ctx)
		if err != nil {
			return nil, nil, err
		}
		if _, err := s.memberships(ctx); err != nil {
			return nil, nil, err
		}
		settings := s.settings.Serve
		people, err := commands.NewPeople(commands.PeopleConfig{
			Log: s.openedLog, Codec: codec, AddressKey: addresses, Links: links, Now: s.now,
			Memberships: s.membershipsOf, BusinessesUnder: s.businessesUnder, BusinessesWith: s.businessesWith,
			InvitationAge: settings.InvitationAge, ResetAge: settings.ResetAge,
		})
		return people, nil, err
	})
}

func (s *system) links(ctx context.Context) (commands.Links, error) {
	key, err := s.secret(ctx, linkKey)
	return commands.NewLinks(key), err
}

// businessesUnder returns the businesses that may have an e-mail domain. Not knowing is an error: a
// domain that somebody has must not be given away.
func (s *system) businessesUnder(ctx context.Context, domain address.Domain) (frns []string, err error) {
	err = engine.Read(ctx, s.openedStore, projections.PeopleName, func(view engine.View) error {
		frns, err = projections.BusinessesUnder(ctx, view, projections.SystemScope("people"), domain)
		return err
	})
	return frns, err
}

// businessesWith returns the businesses that may use a connection. Not knowing is an error: nobody
// could come in there any more.
func (s *system) businessesWith(ctx context.Context, connection string) (frns []string, err error) {
	err = engine.Read(ctx, s.openedStore, projections.PeopleName, func(view engine.View) error {
		frns, err = projections.BusinessesWith(ctx, view, projections.SystemScope("people"), connection)
		return err
	})
	return frns, err
}

// addressDigest returns what stands for a typed e-mail address where nobody may read it.
func (s *system) addressDigest(ctx context.Context) (func(address string) string, error) {
	key, err := s.secret(ctx, addressKey)
	if err != nil {
		return nil, err
	}
	return func(typed string) string {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte("activity\x00" + typed)) // no hash of the names of streams
		return hex.EncodeToString(mac.Sum(nil)[:12])
	}, nil
}

func (s *system) activity(ctx context.Context) (*activity.Log, error) {
	return once(s, &s.openedActivity, func() (*activity.Log, func() error, error) {
		db, err := s.stateDB(ctx)
		if err != nil {
			return nil, nil, err
		}
		log, err := activity.Open(ctx, activity.Config{DB: db, Keep: s.settings.Serve.ActivityKeep, Now: s.now, Logger: s.logger})
		if err != nil {
			return nil, nil, err
		}
		return log, func() error { log.Close(); return nil }, nil
	})
}

func (s *system) credentials(ctx context.Context) (*local.Credentials, error) {
	return inState(ctx, s, &s.openedLocal, func(db *sqldb.DB) (*local.Credentials, error) {
		codec, err := s.codec(ctx)
		if err != nil {
			return nil, err
		}
		account, address := s.settings.Serve.lockout()
		return local.Open(ctx, local.Config{
			DB: db, Sealer: codec, SubjectOf: accountSubject, Hashing: s.settings.Serve.hashing(), Account: account, Address: address, Now: s.now,
		})
	})
}

// accountSubject is the subject of the key of a person: that of the account's stream, so that
// erasing the person destroys what is sealed anywhere.
func accountSubject(person string) string { return "account-" + person }

func (s *system) sessions(ctx context.Context) (*sessions.Sessions, error) {
	return inState(ctx, s, &s.openedSessions, func(db *sqldb.DB) (*sessions.Sessions, error) {
		config := s.settings.Serve.sessions()
		config.DB, config.Now, config.Logger = db, s.now, s.logger
		return sessions.Open(ctx, config)
	})
}

func (s *system) attempts(ctx context.Context) (*signin.Attempts, error) {
	return inState(ctx, s, &s.openedAttempts, func(db *sqldb.DB) (*signin.Attempts, error) {
		return signin.Open(ctx, db, s.now)
	})
}

func (s *system) mails(ctx context.Context) (*mail.Mails, error) {
	return once(s, &s.openedMails, func() (*mail.Mails, func() error, error) {
		people, err := s.people(ctx)
		if err != nil {
			return nil, nil, err
		}
		links, err := s.links(ctx)
		if err != nil {
			return nil, nil, err
		}
		db, err := s.stateDB(ctx)
		if err != nil {
			return nil, nil, err
		}
		activities, err := s.activity(ctx)
		if err != nil {
			return nil, nil, err
		}
		transport, err := s.transport()
		if err != nil {
			return nil, nil, err
		}
		digest, err := s.addressDigest(ctx)
		if err != nil {
			return nil, nil, err
		}
		settings := s.settings.Serve
		mails, err := mail.Open(ctx, mail.Config{
			DB: db, Log: s.openedLog, Codec: s.openedCodec, People: people, Links: links, Transport: transport, Activity: activities,
			PublicURL: settings.publicURL(), HelpdeskURL: settings.helpdeskURL(), OperatorsAddress: settings.OperatorsMail,
			RecipientDigest: digest,
			Now:             s.now, Logger: s.logger,
		})
		return mails, nil, err
	})
}

// transport is what mail leaves by: the mail server, or the folder where none is named.
func (s *system) transport() (mail.Transport, error) {
	settings := s.settings.Serve
	if settings.SMTP == "" {
		return s.folder()
	}
	server, err := mail.NewSMTP(mail.SMTPConfig{
		Address: settings.SMTP, TLS: mail.TLSMode(settings.SMTPSecurity), User: settings.SMTPUser, PasswordFile: settings.SMTPPasswordFile,
		CAFile: settings.SMTPCAFile, From: settings.MailFrom,
	})
	if err != nil {
		return nil, usage("--smtp: %w", err)
	}
	return server, nil
}

func (s *system) folder() (*mail.Folder, error) {
	return once(s, &s.openedFolder, func() (*mail.Folder, func() error, error) {
		folder, err := mail.OpenFolder(s.settings.MailTo, s.settings.Serve.MailFrom)
		if err != nil {
			return nil, nil, fmt.Errorf("--mail-folder: %w", err)
		}
		return folder, folder.Close, nil
	})
}
