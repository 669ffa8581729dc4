package main

import (
	"context"
	"errors"
	"fmt"

	"casesync/adapters/reactions"
	"casesync/adapters/scheduler"
	"casesync/adapters/subject"
	"casesync/projections"
	"casesync/projections/engine"
)

// reactToCasework gives reactions what follows of what people send about cases.
func (s *system) reactToCasework(ctx context.Context, config *reactions.Config) error {
	casework, err := s.casework(ctx)
	if err != nil {
		return err
	}
	files, err := s.uploads(ctx)
	if err != nil {
		return err
	}
	keyDocuments, err := s.keyDocuments(ctx)
	if err != nil {
		return err
	}
	looks, err := s.looks(ctx)
	if err != nil {
		return err
	}
	config.StopUploads, config.StopNotification = casework.StopUploads, casework.StopNotification
	config.EraseUploads = casework.EraseUploads
	config.RemoveUpload, config.RescanUpload, config.ForgetDocuments = files.Remove, files.Rescan, keyDocuments.Forget
	config.NotificationsInLine = func(ctx context.Context, ref string) (ids []string, err error) {
		err = s.lookAtAll(ctx, projections.CasesName, func(view engine.View, scope projections.Scope) error {
			ids, err = projections.NotificationsInLine(ctx, view, scope, ref)
			return err
		})
		return ids, err
	}
	config.PurgeSaved = func(ctx context.Context, person string) error {
		_, err := casework.ClearViews(ctx, person)
		return errors.Join(err, looks.Purge(ctx, person))
	}
	return nil
}

// caseworkSweeps are the sweeps of what the clock makes due of what people send.
func (s *system) caseworkSweeps() []scheduler.Sweep {
	return []scheduler.Sweep{
		scheduler.Retention("tickets", s.due(projections.TicketsName, projections.DueTickets), s.openedCasework.TickTicket),
		scheduler.Daily(scheduler.Purge("key documents", s.openedKeyDocuments.Sweep)),
	}
}

// subjectsOfCasework gives exports what a person sent, asked and saved.
func (s *system) subjectsOfCasework(ctx context.Context, config *subject.Config) error {
	casework, err := s.casework(ctx)
	if err != nil {
		return err
	}
	config.Views = casework.Views
	config.Tickets = func(ctx context.Context, person string) (ids []string, err error) {
		scope, filter := projections.BusinessScope(person), projections.TicketFilter{Mine: true}
		err = engine.Read(ctx, s.openedStore, projections.TicketsName, func(view engine.View) error {
			for after := (projections.TicketCursor{}); ; {
				page, err := projections.ListTickets(ctx, view, scope, filter, after, projections.PageRowsMax)
				if err != nil || len(page) == 0 {
					return err
				}
				for _, ticket := range page {
					ids = append(ids, ticket.ID)
				}
				after = page[len(page)-1].Place(scope, filter)
			}
		})
		return ids, err
	}
	config.Uploads = func(ctx context.Context, of subject.Sent, each func(subject.Upload) error) error {
		return s.eachUpload(ctx, projections.UploadFilter{Ref: of.Case, Person: of.Person}, func(u projections.Upload) error {
			return each(subject.Upload{
				ID: u.ID, Case: u.Ref, Business: u.FRN, Status: string(u.Status), Bytes: u.Bytes, BeganAt: u.BeganAt, Name: u.Name,
			})
		})
	}
	config.Notifications = func(ctx context.Context, of subject.Sent, each func(subject.Notification) error) error {
		return s.eachNotification(ctx, projections.NotificationFilter{Ref: of.Case, Person: of.Person}, func(n projections.Notification) error {
			return each(subject.Notification{
				ID: n.ID, Case: n.Ref, Business: n.FRN, Type: string(n.Type), Status: string(n.Status), SentAt: n.SentAt,
			})
		})
	}
	return nil
}

func (s *system) eachUpload(ctx context.Context, filter projections.UploadFilter, each func(projections.Upload) error) error {
	return s.lookAtAll(ctx, projections.CasesName, func(view engine.View, scope projections.Scope) error {
		for after := (projections.UploadCursor{}); ; {
			page, err := projections.Uploads(ctx, view, scope, filter, after, projections.PageRowsMax)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, upload := range page {
				if err := each(upload); err != nil {
					return err
				}
			}
			last := page[len(page)-1]
			after = projections.UploadCursor{BeganAt: last.BeganAt, ID: last.ID}
		}
	})
}

func (s *system) eachNotification(ctx context.Context, filter projections.NotificationFilter, each func(projections.Notification) error) error {
	return s.lookAtAll(ctx, projections.CasesName, func(view engine.View, scope projections.Scope) error {
		for after := (projections.NotificationCursor{}); ; {
			page, err := projections.Notifications(ctx, view, scope, filter, after, projections.PageRowsMax)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, notification := range page {
				if err := each(notification); err != nil {
					return err
				}
			}
			last := page[len(page)-1]
			after = projections.NotificationCursor{SentAt: last.SentAt, ID: last.ID}
		}
	})
}

// lookAtAll reads a read model for a part of the system that has to know all there is, suppressed cases
// included. Not knowing is an error: what is to be erased or exported must not be missed.
func (s *system) lookAtAll(ctx context.Context, name string, look func(engine.View, projections.Scope) error) error {
	err := engine.Read(ctx, s.openedStore, name, func(view engine.View) error {
		return look(view, projections.AuditorScope("system:casework"))
	})
	if err != nil {
		return fmt.Errorf("look at all of read model %s: %w", name, err)
	}
	return nil
}
