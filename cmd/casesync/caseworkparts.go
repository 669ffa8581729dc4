package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"casesync/adapters/commands"
	"casesync/adapters/documents"
	"casesync/adapters/documents/clamd"
	"casesync/adapters/documents/demoscan"
	"casesync/adapters/documents/fetch"
	"casesync/adapters/documents/uploads"
	"casesync/adapters/outbox"
	"casesync/adapters/servicebus"
	"casesync/adapters/state"
	"casesync/domain/calendar"
	"casesync/projections"
	"casesync/projections/engine"
)

// caseworkParts are the parts that concern what is sent about cases, opened when they are first asked for.
type caseworkParts struct {
	openedDocuments    *documents.Store
	openedCasework     *commands.Casework
	openedUploads      *uploads.Uploads
	openedKeyDocuments *fetch.Library
	openedOutbox       *outbox.Outbox
	openedScanner      uploads.Scanner
	openedLooks        *state.Looks
	demoHosts          []fetch.Host // of a demonstration's documents
	// uploadFault answers a request of the upload protocol with an error; nil where nothing is served.
	uploadFault func(w http.ResponseWriter, r *http.Request, err error)
}

// documentDigestKey is the subject of the key of the digests by which a file is known again in its case.
const documentDigestKey = "document-digests"

func (s *system) documents(ctx context.Context) (*documents.Store, error) {
	return once(s, &s.openedDocuments, func() (*documents.Store, func() error, error) {
		keys, err := s.keys(ctx)
		if err != nil {
			return nil, nil, err
		}
		store, err := documents.Open(ctx, s.settings.Documents, keys)
		if err != nil {
			return nil, nil, fmt.Errorf("--documents: %w", err)
		}
		if err := store.Ready(ctx); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("--documents %s: %w", s.settings.Documents, err), store.Close())
		}
		return store, store.Close, nil
	})
}

func (s *system) casework(ctx context.Context) (*commands.Casework, error) {
	return once(s, &s.openedCasework, func() (*commands.Casework, func() error, error) {
		people, err := s.people(ctx)
		if err != nil {
			return nil, nil, err
		}
		links, err := s.links(ctx)
		if err != nil {
			return nil, nil, err
		}
		digestKey, err := s.secret(ctx, documentDigestKey)
		if err != nil {
			return nil, nil, err
		}
		casework, err := commands.NewCasework(commands.CaseworkConfig{
			Log: s.openedLog, Codec: s.openedCodec, People: people, Limits: s.settings.Serve.limits(), DigestKey: digestKey,
			SentOn: s.sentOn, Links: links, Now: s.now, Logger: s.logger,
		})
		return casework, nil, err
	})
}

// sentOn returns how much a business has sent on a day. A read model that is not built yet knows of nothing.
func (s *system) sentOn(ctx context.Context, frn string, day calendar.Day) (bytes int64, err error) {
	err = engine.Read(ctx, s.openedStore, projections.CasesName, func(view engine.View) error {
		bytes, err = projections.SentOn(ctx, view, projections.SystemScope("casework"), frn, day.At(0, 0), (day+1).At(0, 0))
		return err
	})
	if errors.Is(err, engine.ErrNotBuilt) {
		return 0, nil
	}
	return bytes, err
}

// scanner returns what looks at each file before it goes on.
func (s *system) scanner() (uploads.Scanner, error) {
	return once(s, &s.openedScanner, func() (uploads.Scanner, func() error, error) {
		settings := s.settings.Serve
		if settings.Scanner == demoScanner || settings.Demo && settings.Scanner == "" {
			return demoscan.Scanner{}, nil, nil
		}
		scanner, err := clamd.New(settings.clamd(func(path string) bool {
			file, err := os.Open(path)
			if err == nil {
				_ = file.Close()
			}
			return err == nil
		}))
		if err != nil {
			return nil, nil, fmt.Errorf("--scanner: %w", err)
		}
		return scanner, nil, nil
	})
}

// keyDocuments returns what fetches the key documents that case management systems publish.
func (s *system) keyDocuments(ctx context.Context) (*fetch.Library, error) {
	return once(s, &s.openedKeyDocuments, func() (*fetch.Library, func() error, error) {
		store, err := s.documents(ctx)
		if err != nil {
			return nil, nil, err
		}
		db, err := s.stateDB(ctx)
		if err != nil {
			return nil, nil, err
		}
		settings := s.settings.Serve
		hosts, err := settings.hosts()
		if err != nil {
			return nil, nil, err
		}
		fetcher, err := fetch.New(fetch.Config{
			Hosts: append(hosts, s.demoHosts...), Secrets: s.settings.Secrets, BytesMax: settings.DocumentMiBMax * mebibyte,
		})
		if err != nil {
			return nil, nil, fmt.Errorf("--document-host: %w", err)
		}
		library, err := fetch.NewLibrary(ctx, fetch.LibraryConfig{Fetcher: fetcher, Store: store, DB: db, KeepFor: settings.DocumentKeep, Now: s.now})
		return library, func() error { fetcher.Close(); return nil }, err
	})
}

// outbox returns what tells case management systems of what happened here.
func (s *system) outbox(ctx context.Context) (*outbox.Outbox, error) {
	return once(s, &s.openedOutbox, func() (*outbox.Outbox, func() error, error) {
		config, err := s.outboxConfig(ctx)
		if err != nil {
			return nil, nil, err
		}
		opened, err := outbox.Open(ctx, config)
		return opened, config.Publisher.Close, err
	})
}

func (s *system) outboxConfig(ctx context.Context) (outbox.Config, error) {
	casework, err := s.casework(ctx)
	if err != nil {
		return outbox.Config{}, err
	}
	checkpoints, err := s.checkpoints(ctx)
	if err != nil {
		return outbox.Config{}, err
	}
	config := outbox.Config{
		Name: outboxFollower, Log: s.openedLog, Codec: s.openedCodec, Checkpoints: checkpoints, DB: s.openedState, Source: s.settings.Serve.outboxSource(),
		Uploads:       outbox.Line{Check: casework.CheckUpload, Note: casework.NoteUploadSent},
		Notifications: outbox.Line{Check: casework.CheckNotification, Note: casework.NoteNotificationDelivered},
		Now:           s.now, Logger: s.logger,
	}
	if err := s.publisher(&config); err != nil {
		return outbox.Config{}, fmt.Errorf("--outbox: %w", err)
	}
	return config, nil
}

// How much goes to a file or a broker at a time, and over how many connections messages are posted. A file
// has one end.
const (
	fileBatchMax      = 1000
	webhookLanesMax   = 16
	serviceBusBatch   = 1000
	serviceBusSenders = 8
)

// publisher sets where messages are put, and what suits that.
func (s *system) publisher(config *outbox.Config) (err error) {
	settings := s.settings.Serve
	kind, err := settings.outboxKind()
	if err != nil {
		return err
	}
	switch kind {
	case outboxWebhook:
		config.LanesMax = webhookLanesMax
		config.Publisher, err = asPublisher(outbox.NewWebhook(outbox.WebhookConfig{
			URL: settings.Outbox, SecretFile: filepath.Join(s.settings.Secrets, webhookSecret), Now: s.now,
		}))
	case outboxServiceBus:
		config.BatchMessagesMax, config.LanesMax, config.SessionMetadata = serviceBusBatch, serviceBusSenders, servicebus.SessionID
		config.Topic = strings.TrimPrefix(settings.Outbox, outboxServiceBus+":")
		config.Refuses = servicebus.TooLarge
		config.Publisher, err = asPublisher(servicebus.NewPublisher(servicebus.PublisherConfig{
			Connection: settings.outboxConnection(), BatchMessagesMax: serviceBusBatch, SendersMax: serviceBusSenders,
		}))
	default:
		config.BatchMessagesMax, config.LanesMax = fileBatchMax, 1
		config.Publisher, err = asPublisher(outbox.NewFile(s.outboxFile()))
	}
	return err
}

// asPublisher keeps a nil pointer from becoming a publisher.
func asPublisher[P message.Publisher](publisher P, err error) (message.Publisher, error) {
	if err != nil {
		return nil, err
	}
	return publisher, nil
}

// outboxFile is the file of messages, where no other place was named.
func (s *system) outboxFile() string {
	if path, is := strings.CutPrefix(s.settings.Serve.Outbox, outboxFile+":"); is {
		return path
	}
	return filepath.Join(s.settings.Data, "outbox.jsonl")
}

// outboxSource is what this installation is called in messages.
func (s *serveCommand) outboxSource() string {
	if s.OutboxSource != "" {
		return s.OutboxSource
	}
	return s.publicURL()
}

func (s *serveCommand) outboxConnection() servicebus.Connection {
	if s.OutboxServiceBus != "" {
		return s.OutboxServiceBus.connection()
	}
	return s.ServiceBus.connection()
}

// publishesToServiceBus reports whether messages go to --servicebus.
func (s *serveCommand) publishesToServiceBus() bool {
	kind, _ := s.outboxKind() // which checks its error itself
	return kind == outboxServiceBus && s.OutboxServiceBus == ""
}

// checkOutbox finds what no message could be published with.
func (s *serveCommand) checkOutbox() error {
	kind, err := s.outboxKind()
	if err != nil {
		return nil //nolint:nilerr // the settings of casework say it
	}
	switch {
	case kind != outboxServiceBus && s.OutboxServiceBus != "":
		return errors.New("--outbox-servicebus is for --outbox servicebus:NAME: give that too")
	case kind != outboxServiceBus:
		return nil
	case s.OutboxServiceBus == "" && s.ServiceBus == "":
		return fmt.Errorf("--outbox %s: no namespace is named: give --outbox-servicebus or --servicebus", s.Outbox)
	}
	if err := servicebus.CheckEntity(strings.TrimPrefix(s.Outbox, outboxServiceBus+":"), ""); err != nil {
		return fmt.Errorf("--outbox %s: %w", s.Outbox, err)
	}
	if s.OutboxServiceBus != "" {
		if err := s.OutboxServiceBus.connection().Check(); err != nil {
			return fmt.Errorf("--outbox-servicebus: %w", err)
		}
	}
	return nil
}

// scannerCheckMax bounds checking the scanner at the start.
const scannerCheckMax = 10 * time.Second

// checkScanner says at the start what will not get through, and why: files wait for a scanner, and go on once
// it is there, so the start goes on.
func (s *serving) checkScanner(ctx context.Context) {
	scanner, isDaemon := s.openedScanner.(*clamd.Scanner)
	if !isDaemon {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, scannerCheckMax)
	defer cancel()
	if err := scanner.Check(ctx); err != nil {
		s.logger.WarnContext(ctx, "uploads wait until the scanner answers: see --scanner", "error", err)
	}
	if looks, takes := scanner.BytesMax(), s.settings.limits().FileBytesMax; looks < takes {
		s.logger.WarnContext(ctx, "larger files than the scanner looks at are taken, and will be held in quarantine: raise clamd's StreamMaxLength, MaxFileSize and MaxScanSize, or lower --upload-file-mib-max",
			"scanned_bytes_max", looks, "taken_bytes_max", takes)
	}
}
