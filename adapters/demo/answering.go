package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// message is what the portal tells case management systems, as far as this one hears it; schemas/portal has all of it.
type message struct {
	ID      string    `json:"id"`
	Type    string    `json:"type"`
	Subject string    `json:"subject"`
	Time    time.Time `json:"time"`
	Data    struct {
		CaseReference    string            `json:"caseReference"`
		NotificationType string            `json:"notificationType"`
		Fields           map[string]string `json:"fields"`
		FileName         string            `json:"fileName"`
		Size             int64             `json:"size"`
		SHA256           string            `json:"sha256"`
		ContentPath      string            `json:"contentPath"`
	} `json:"data"`
}

// answering is the part of the simulated case management system that hears the portal.
type answering struct {
	portal *portal
	books  *books
	tail   *tail
	// after is how long after it was sent a message is answered, so that people see it on its way.
	after time.Duration
	// again is the pause before a file is asked for once more that is not given out.
	again time.Duration
	now   func() time.Time
}

// run answers messages until ctx ends. After a crash it goes on where it was: what it answered, what that leads to, and its
// place in the file are written at once, and what is written is delivered before anything else.
func (a *answering) run(ctx context.Context) error {
	for {
		line, after, err := a.tail.next(ctx)
		if err != nil {
			return err
		}
		var m message
		if json.Unmarshal(line, &m) != nil || m.ID == "" {
			continue // a part of a line, whose message comes again
		}
		if err := a.hear(ctx, m, after); err != nil {
			return err
		}
	}
}

// hear answers a message, and delivers that.
func (a *answering) hear(ctx context.Context, m message, after place) error {
	heard, err := a.books.heard(ctx, m.ID)
	if err != nil || heard {
		return err // published twice; the place is noted with the next one
	}
	reply, err := a.consider(ctx, m)
	if err != nil {
		return err
	}
	events, err := a.books.write(ctx, func(p *page) error {
		if err := p.move(after); err != nil {
			return err
		}
		if err := p.hear(m.ID); err != nil {
			return err
		}
		return reply(p)
	})
	if err != nil {
		return err
	}
	return a.deliver(ctx, events)
}

func (a *answering) deliver(ctx context.Context, events []said) error {
	for _, e := range events {
		if err := a.portal.deliver(ctx, e); err != nil {
			return err
		}
		if err := a.books.delivered(ctx, e.ID); err != nil {
			return err
		}
	}
	return nil
}

// consider returns what is written down about a message, once it is time to answer.
func (a *answering) consider(ctx context.Context, m message) (func(*page) error, error) {
	switch m.Type {
	case "portal.upload.received.v1":
		if err := a.pause(ctx, m); err != nil {
			return nil, err
		}
		return a.upload(ctx, m)
	case "portal.notification.sent.v1":
		if err := a.pause(ctx, m); err != nil {
			return nil, err
		}
		return func(p *page) error { return a.notification(p, m) }, nil
	case "portal.case.suppressed.v1", "portal.case.unsuppressed.v1":
		return func(p *page) error { return p.remember(m.Data.CaseReference, m.Type == "portal.case.suppressed.v1") }, nil
	}
	// Who has a case, that somebody asks for its suppression, and tickets: people see to that.
	return func(*page) error { return nil }, nil
}

// pause waits until a message is to be answered.
func (a *answering) pause(ctx context.Context, m message) error {
	if left := min(m.Time.Add(a.after).Sub(a.now()), a.after); left > 0 {
		return wait(ctx, left)
	}
	return ctx.Err()
}

// rejectedName makes the simulated system reject a file, so that there is something to see.
const rejectedName = "reject"

// upload fetches a file, and says whether it is the one that was announced. A file that is withheld is not answered: its
// case was suppressed or has moved, or the upload is over.
func (a *answering) upload(ctx context.Context, m message) (func(*page) error, error) {
	refused, err := a.examine(ctx, m)
	if errors.Is(err, errWithheld) {
		a.portal.logger.InfoContext(ctx, "the simulated case management system was not given an upload", "upload", m.Subject)
		return func(*page) error { return nil }, nil
	}
	if err != nil {
		return nil, err
	}
	return func(p *page) error {
		if err := p.begin(m.Subject); err != nil {
			return err
		}
		kind := "cms.upload.accepted.v1"
		if refused != (refusal{}) {
			kind = "cms.upload.rejected.v1"
		}
		return p.say(m.ID+"-1", kind, m.Subject, a.time(), answerData{m.Data.CaseReference, refused.Code, refused.Reason})
	}, nil
}

// withheldTries is how often a file is asked for that is not given out: it may have been announced a moment too early.
const withheldTries = 3

// examine fetches a file, and returns why it is not taken; zero where it is.
func (a *answering) examine(ctx context.Context, m message) (refusal, error) {
	size, sum, err := a.fetch(ctx, m)
	switch {
	case err != nil:
		return refusal{}, err
	case size != m.Data.Size:
		return refusal{"size-differs", fmt.Sprintf("The file does not have the %d bytes that were announced.", m.Data.Size)}, nil
	case sum != m.Data.SHA256:
		return refusal{"checksum-differs", "The file is not the one that was announced: its SHA-256 differs."}, nil
	case strings.Contains(strings.ToLower(m.Data.FileName), rejectedName):
		return refusal{"demonstration", "The demonstration rejects files that have this word in their name."}, nil
	}
	return refusal{}, nil
}

// fetch gets a file, in the end: it is tried again until the portal gives it out, or has withheld it often enough.
func (a *answering) fetch(ctx context.Context, m message) (size int64, sum string, err error) {
	var withheld error
	tries := 0
	err = a.portal.persist(ctx, "fetch an upload", m.Subject, func() (err error) {
		for {
			size, sum, err = a.portal.content(ctx, m.Data.ContentPath, m.Data.Size)
			if !errors.Is(err, errWithheld) {
				return err
			}
			if tries++; tries == withheldTries {
				withheld = err
				return nil
			}
			if err := wait(ctx, a.again); err != nil {
				return err
			}
		}
	})
	return size, sum, errors.Join(err, withheld)
}

// notification acknowledges or rejects a notification, and does what follows from it.
func (a *answering) notification(p *page, m message) error {
	if err := p.begin(m.Subject); err != nil {
		return err
	}
	r, err := p.load(m.Data.CaseReference)
	if err != nil {
		return err
	}
	given, kind := answerTo(r.standing, m.Data.NotificationType, m.Data.Fields), "cms.notification.acknowledged.v1"
	if !r.known {
		given = answer{} // the system has lost its books: it takes what it is told
	}
	if given.Refused != (refusal{}) {
		kind = "cms.notification.rejected.v1"
	}
	if err := p.say(m.ID+"-1", kind, m.Subject, a.time(), answerData{m.Data.CaseReference, given.Refused.Code, given.Refused.Reason}); err != nil {
		return err
	}
	for i, then := range given.Then {
		if err := p.say(fmt.Sprintf("%s-%d", m.ID, i+2), then.kind, m.Data.CaseReference, a.time(), then.data); err != nil {
			return err
		}
	}
	return nil
}

func (a *answering) time() time.Time { return a.now().UTC().Truncate(time.Millisecond) }
