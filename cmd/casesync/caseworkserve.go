package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/adapters/documents"
	"casesync/adapters/documents/fetch"
	"casesync/adapters/documents/uploads"
	"casesync/adapters/httpapi"
	"casesync/adapters/outbox"
	"casesync/adapters/state"
	"casesync/domain/access"
	"casesync/domain/upload"
	"casesync/eventstore/sqldb"
)

// addCasework gives the HTTP interface what it needs for casework, after what it needs for people.
func (s *serving) addCasework(ctx context.Context, config *httpapi.Config, server func() *httpapi.Server) error {
	s.uploadFault = func(w http.ResponseWriter, r *http.Request, err error) {
		server().FaultOfUpload(w, r, err)
	}
	taken, err := s.uploads(ctx)
	if err != nil {
		return err
	}
	s.checkScanner(ctx)
	keyDocuments, err := s.keyDocuments(ctx)
	if err != nil {
		return err
	}
	looks, err := s.looks(ctx)
	if err != nil {
		return err
	}
	parked, err := s.outbox(ctx)
	if err != nil {
		return err
	}
	config.Casework, config.Looks, config.Outbox, config.Uploads = s.openedCasework, looks, parkedMessages{parked}, taken
	config.OpenUpload = func(ctx context.Context, id string) (httpapi.Content, error) {
		document, err := s.openedDocuments.Document(ctx, id)
		return content(document, err)
	}
	config.OpenDocument = func(ctx context.Context, ref, id string, published httpapi.PublishedDocument) (httpapi.Content, error) {
		document, err := keyDocuments.Open(ctx, ref, id, fetch.Wanted(published))
		return content(document, err)
	}
	return nil
}

// content is a document that was opened, in the words of the HTTP interface.
func content(document *documents.Document, err error) (httpapi.Content, error) {
	if err == nil {
		return document, nil
	}
	for cause, code := range contentFaults {
		if errors.Is(err, cause) {
			return nil, httpapi.ContentFault(code, err)
		}
	}
	return nil, err
}

// contentFaults are the codes of what keeps bytes from being given.
var contentFaults = map[error]httpapi.Code{
	documents.ErrNotFound: httpapi.CodeNotFound, documents.ErrErased: httpapi.CodeNotFound, documents.ErrAltered: httpapi.CodeContentAltered,
	fetch.ErrNotAllowed: httpapi.CodeDocumentRefused, fetch.ErrUnavailable: httpapi.CodeDocumentUnavailable, fetch.ErrMissing: httpapi.CodeDocumentMissing,
	fetch.ErrSize: httpapi.CodeDocumentMismatch, fetch.ErrChecksum: httpapi.CodeDocumentMismatch, fetch.ErrType: httpapi.CodeDocumentMismatch,
}

func (s *system) looks(ctx context.Context) (*state.Looks, error) {
	return inState(ctx, s, &s.openedLooks, func(db *sqldb.DB) (*state.Looks, error) { return state.OpenLooks(ctx, db) })
}

// uploads returns what takes files and sees each through to the scanner's answer.
func (s *system) uploads(ctx context.Context) (*uploads.Uploads, error) {
	return once(s, &s.openedUploads, func() (*uploads.Uploads, func() error, error) {
		casework, err := s.casework(ctx)
		if err != nil {
			return nil, nil, err
		}
		store, err := s.documents(ctx)
		if err != nil {
			return nil, nil, err
		}
		db, err := s.stateDB(ctx)
		if err != nil {
			return nil, nil, err
		}
		scanner, err := s.scanner()
		if err != nil {
			return nil, nil, err
		}
		settings := s.settings.Serve
		taken, err := uploads.New(ctx, uploads.Config{
			Store: store, DB: db, Scanner: scanner, Steps: uploadSteps(casework), BasePath: httpapi.UploadsPath,
			FileBytesMax: casework.Limits().FileBytesMax, IdleAfter: casework.Limits().IdleAfter,
			UnreachableAfter: settings.ScanHold, Workers: settings.UploadScansMax, Fault: s.uploadFault, Now: s.now, Logger: s.logger,
		})
		return taken, nil, err
	})
}

// uploadSteps has the commands of casework decide about uploads: for whom the request is, where there is one.
func uploadSteps(casework *commands.Casework) uploads.Steps {
	asks := func(ctx context.Context) commands.Ask { return commands.Ask{By: httpapi.PrincipalOf(ctx)} }
	return uploads.Steps{
		Allow: func(ctx context.Context, id, ref string) error {
			return casework.MayUpload(ctx, httpapi.PrincipalOf(ctx), id, ref)
		},
		Begin: func(ctx context.Context, begun uploads.Begun) error {
			_, err := casework.BeginUpload(ctx, asks(ctx), begun.ID, begun.Case, begun.Name, begun.Bytes)
			return err
		},
		Cancel: func(ctx context.Context, id, _ string) error {
			_, err := casework.CancelUpload(ctx, asks(ctx), id)
			return err
		},
		Complete: func(ctx context.Context, id, _ string, content uploads.Content) (bool, error) {
			return casework.CompleteUpload(ctx, id, upload.Content{SHA256: content.SHA256, MediaType: content.MediaType}, content.Bytes)
		},
		BeginScan: casework.BeginScan,
		NoteScan: func(ctx context.Context, id string, attempt int, finding uploads.Finding) error {
			return casework.NoteScan(ctx, id, attempt, findingOf(finding), finding.Scanner)
		},
		Abandon: casework.AbandonUpload,
	}
}

// findingOf is what came of a scan, in the words of the domain.
func findingOf(finding uploads.Finding) upload.Finding {
	switch {
	case finding.Clean:
		return upload.Finding{Verdict: upload.FoundNothing}
	case finding.Harmful != "":
		return upload.Finding{Verdict: upload.FoundHarmful, Name: finding.Harmful}
	}
	return upload.Finding{Verdict: upload.FoundUnclear, Code: upload.QuarantineCode(finding.Code)}
}

// parkedMessages is the outbox in the words of the HTTP interface.
type parkedMessages struct{ outbox *outbox.Outbox }

// List implements httpapi.Outbox.
func (p parkedMessages) List(ctx context.Context, by access.Principal, filter httpapi.ParkedFilter, after uuid.UUID, limit int) ([]httpapi.ParkedMessage, error) {
	found, err := p.outbox.List(ctx, by, outbox.Filter{Status: outbox.ParkedStatus(filter.Status), Key: filter.Key, After: after, Limit: limit})
	list := make([]httpapi.ParkedMessage, len(found))
	for i, m := range found {
		list[i] = httpapi.ParkedMessage{
			EventID: m.EventID, Key: m.Key, Type: m.Type, Stream: m.Stream, Position: m.Position, Status: string(m.Status), Fault: m.Fault,
			Attempts: m.Attempts, DueAt: m.DueAt, ParkedAt: m.ParkedAt, ResolvedBy: m.ResolvedBy, Reason: m.Reason, ResolvedAt: m.ResolvedAt,
		}
	}
	return list, err
}

// Retry implements httpapi.Outbox.
func (p parkedMessages) Retry(ctx context.Context, by access.Principal, id uuid.UUID, reason string) error {
	return parked(p.outbox.Retry(ctx, by, id, reason))
}

// Skip implements httpapi.Outbox.
func (p parkedMessages) Skip(ctx context.Context, by access.Principal, id uuid.UUID, reason string) error {
	return parked(p.outbox.Skip(ctx, by, id, reason))
}

func parked(err error) error {
	if errors.Is(err, outbox.ErrNotParked) {
		return fmt.Errorf("%w: %w", httpapi.ErrNotParked, err)
	}
	return err
}
