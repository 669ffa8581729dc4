package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"casesync/adapters/cms"
	"casesync/adapters/commands"
	"casesync/adapters/identity"
	"casesync/adapters/keyring"
	"casesync/adapters/readmodel"
	"casesync/adapters/state"
	"casesync/eventstore"
	"casesync/eventstore/sqldb"

	"casesync/domain/catalog"
)

// system is the parts of the program, each opened when it is first asked for, so that a command
// needs no more than it uses. It is not safe for concurrent use: parts are taken before work starts.
type system struct {
	*program
	allowUserTokens bool
	mustExist       bool                  // refuses to begin a new installation
	answered        func(commands.Status) // of events that were taken; nil where nobody counts them

	closers []func() error

	openedLog      openedLog
	openedKeys     *keyring.Ring
	openedCodec    *eventstore.Codec
	openedState    *sqldb.DB
	openedTokens   *identity.Tokens
	openedLetters  *state.DeadLetters
	openedCommands *commands.Commands
	openedIngester *cms.Ingester
	openedStore    *readmodel.Store
	peopleParts
	caseworkParts
}

func (p *program) system() *system { return &system{program: p} }

// installed is for commands that look after what is there: a mistyped --data must not begin
// another installation and find it empty.
func (p *program) installed() *system { return &system{program: p, mustExist: true} }

// close closes what was opened, the last first.
func (s *system) close() {
	for _, closer := range slices.Backward(s.closers) {
		if err := closer(); err != nil {
			s.logger.Error("could not close storage cleanly; it is recovered at the next start", "error", err)
		}
	}
	s.closers = nil
}

// once returns what slot holds, opened by open the first time.
func once[T comparable](s *system, slot *T, open func() (T, func() error, error)) (T, error) {
	var none T
	if *slot != none {
		return *slot, nil
	}
	value, closer, err := open()
	if err != nil {
		return none, err
	}
	if closer != nil {
		s.closers = append(s.closers, closer)
	}
	*slot = value
	return value, nil
}

func (s *system) log(ctx context.Context) (openedLog, error) {
	return once(s, &s.openedLog, func() (openedLog, func() error, error) {
		if s.mustExist {
			if err := s.findLog(); err != nil {
				return nil, nil, err
			}
		}
		log, err := openLog(ctx, s.settings.LogAt, s.now)
		if err != nil {
			return nil, nil, fmt.Errorf("--log: %w", err)
		}
		return log, log.Close, nil
	})
}

// findLog returns an error where the log would be a new file. Other addresses are connected to,
// and say themselves what is wrong.
func (s *system) findLog() error {
	file, isFile := strings.CutPrefix(s.settings.LogAt, string(sqldb.SQLite)+":")
	if !isFile {
		return nil
	}
	if _, err := os.Stat(strings.TrimPrefix(file, "//")); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--log: there is no log at %s: name the directory of an installation with --data, or its log with --log (serve and import begin a new one)", file)
	}
	return nil
}

// keys opens the key ring. Where the log holds events the ring must be there: a new one could not
// open them, and would let that go unnoticed.
func (s *system) keys(ctx context.Context) (*keyring.Ring, error) {
	return once(s, &s.openedKeys, func() (*keyring.Ring, func() error, error) {
		log, err := s.log(ctx)
		if err != nil {
			return nil, nil, err
		}
		head, err := log.Head(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("--log: %w", err)
		}
		db, err := sqldb.Open(ctx, s.settings.Keyring)
		if err != nil {
			return nil, nil, fmt.Errorf("--keyring: %w", err)
		}
		config := keyring.Config{MustExist: !head.Position.IsZero(), Now: s.now}
		ring, err := keyring.Open(ctx, db, keyring.NewFileKEK(s.settings.KEKFile), config)
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("--keyring %s, --kek-file %s: %w", sqldb.Redact(s.settings.Keyring), s.settings.KEKFile, err), db.Close())
		}
		return ring, func() error { ring.Close(); return db.Close() }, nil
	})
}

// secret returns the data key of a subject that is no person's and no case's.
func (s *system) secret(ctx context.Context, subject string) ([]byte, error) {
	keys, err := s.keys(ctx)
	if err != nil {
		return nil, err
	}
	made, err := keys.Ensure(ctx, subject)
	if err != nil {
		return nil, err
	}
	return made[0].Secret, nil
}

func (s *system) codec(ctx context.Context) (*eventstore.Codec, error) {
	return once(s, &s.openedCodec, func() (*eventstore.Codec, func() error, error) {
		keys, err := s.keys(ctx)
		if err != nil {
			return nil, nil, err
		}
		var events eventstore.Catalog = catalog.New()
		if s.older != nil {
			events = s.older(events)
		}
		return eventstore.NewCodec(events, keys), nil, nil
	})
}

func (s *system) stateDB(ctx context.Context) (*sqldb.DB, error) {
	return once(s, &s.openedState, func() (*sqldb.DB, func() error, error) {
		db, err := sqldb.Open(ctx, s.settings.State)
		if err != nil {
			return nil, nil, fmt.Errorf("--state: %w", err)
		}
		return db, db.Close, nil
	})
}

// inState returns what slot holds, opened by open in the state database the first time.
func inState[T comparable](ctx context.Context, s *system, slot *T, open func(db *sqldb.DB) (T, error)) (T, error) {
	return once(s, slot, func() (part T, closer func() error, err error) {
		db, err := s.stateDB(ctx)
		if err != nil {
			return part, nil, err
		}
		part, err = open(db)
		return part, nil, err
	})
}

func (s *system) tokens(ctx context.Context) (*identity.Tokens, error) {
	return inState(ctx, s, &s.openedTokens, func(db *sqldb.DB) (*identity.Tokens, error) {
		return identity.Open(ctx, identity.Config{DB: db, AllowUserTokens: s.allowUserTokens, Now: s.now})
	})
}

func (s *system) store(ctx context.Context) (*readmodel.Store, error) {
	return once(s, &s.openedStore, func() (*readmodel.Store, func() error, error) {
		store, err := readmodel.Open(ctx, s.settings.ReadModel)
		if err != nil {
			return nil, nil, fmt.Errorf("--read-model: %w", err)
		}
		return store, store.Close, nil
	})
}

func (s *system) letters(ctx context.Context) (*state.DeadLetters, error) {
	return inState(ctx, s, &s.openedLetters, func(db *sqldb.DB) (*state.DeadLetters, error) {
		codec, err := s.codec(ctx)
		if err != nil {
			return nil, err
		}
		return state.OpenDeadLetters(ctx, db, codec, s.now)
	})
}

func (s *system) commands(ctx context.Context) (*commands.Commands, error) {
	return once(s, &s.openedCommands, func() (*commands.Commands, func() error, error) {
		codec, err := s.codec(ctx)
		if err != nil {
			return nil, nil, err
		}
		return commands.New(commands.Config{Log: s.openedLog, Codec: codec}), nil, nil
	})
}

func (s *system) ingester(ctx context.Context) (*cms.Ingester, error) {
	return once(s, &s.openedIngester, func() (*cms.Ingester, func() error, error) {
		letters, err := s.letters(ctx)
		if err != nil {
			return nil, nil, err
		}
		decide, err := s.commands(ctx)
		if err != nil {
			return nil, nil, err
		}
		digestKey, err := s.secret(ctx, "digest")
		if err != nil {
			return nil, nil, err
		}
		ingester, err := cms.NewIngester(cms.Config{Commands: decide, DeadLetters: letters, DigestKey: digestKey, Limits: cms.Limits{
			EventBytesMax: s.settings.EventKiBMax << 10, BodyBytesMax: s.settings.Serve.BodyMiBMax << 20, BatchEventsMax: s.settings.Serve.BatchEventsMax,
		}, Answered: s.answered, Logger: s.logger})
		return ingester, nil, err
	})
}

func (s *system) desk(ctx context.Context) (*commands.Desk, error) {
	ingester, err := s.ingester(ctx)
	if err != nil {
		return nil, err
	}
	return &commands.Desk{Letters: s.openedLetters, Commands: s.openedCommands, Retake: ingester.Retake, Now: s.now}, nil
}
