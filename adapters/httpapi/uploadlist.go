package httpapi

import (
	"context"
	"slices"
	"strings"

	"casesync/adapters/commands"
	"casesync/domain/access"
	"casesync/domain/upload"
	"casesync/projections"
	"casesync/projections/engine"
)

// UploadPage is a page of uploads.
type UploadPage struct {
	AsOf  AsOf     `json:"asOf"`
	Items []Upload `json:"items" nullable:"false" doc:"The newest first"`
	Next  *string  `json:"next" nullable:"true" doc:"The cursor of the next page; null on the last"`
}

// UploadDetails is one upload.
type UploadDetails struct {
	AsOf AsOf `json:"asOf"`
	Upload
}

// uploadQuery is what the parameters of the list say.
type uploadQuery struct {
	pageQuery
	filter       projections.UploadFilter
	mine, failed *bool
}

// uploadStatuses are those that an upload is shown in.
var uploadStatuses = []string{
	string(upload.StatusReceiving), string(upload.StatusReceived), string(upload.StatusScanning), string(upload.StatusClean),
	string(upload.StatusQueued), string(upload.StatusSent), string(upload.StatusAccepted), string(upload.StatusRejected),
	string(upload.StatusDuplicate), string(upload.StatusQuarantined), string(upload.StatusStopped), string(upload.StatusAbandoned),
}

var uploadParameters = []parameter[uploadQuery]{
	{name: "case", doc: "Reference", set: setText(func(q *uploadQuery) *string { return &q.filter.Ref })},
	{name: "status", doc: "Statuses", repeated: true, schema: oneOf(uploadStatuses...), set: setUploadStatuses},
	{name: "failed", doc: "true: only those that count as failed, which are rejected or in quarantine", schema: oneOf("true", "false"),
		set: setFlag(func(q *uploadQuery) **bool { return &q.failed })},
	{name: "mine", doc: "true: only those that you sent yourself", schema: oneOf("true", "false"),
		set: setFlag(func(q *uploadQuery) **bool { return &q.mine })},
	{name: "limit", doc: "Uploads per page", schema: simplePageParameters[0].schema,
		set: setNumber(func(q *uploadQuery) *int { return &q.limit }, 1, simplePageItemsMax)},
	{name: "cursor", doc: "The next of the page before", set: setText(func(q *uploadQuery) *string { return &q.cursor })},
}

func setUploadStatuses(q *uploadQuery, given []string) error {
	for _, status := range given {
		if !slices.Contains(uploadStatuses, status) {
			return faultf("%q is not one of %s", clip(status), strings.Join(uploadStatuses, ", "))
		}
		q.filter.Status = append(q.filter.Status, upload.Status(status))
	}
	return nil
}

func (s *Server) listUploads(ctx context.Context, in *request) (*output[UploadPage], error) {
	query := uploadQuery{pageQuery: pageQuery{limit: pageItemsMax}}
	if refusal := parseParameters(in.http.URL.RawQuery, uploadParameters, &query); refusal != nil {
		return nil, refusal
	}
	if query.mine != nil && *query.mine {
		query.filter.Person = lookerOf(ctx)
	}
	query.filter.FailedOnly = query.failed != nil && *query.failed
	var after projections.UploadCursor
	list := listOf(in.http.URL.Path, in.http.URL.RawQuery, pageParameters...)
	if refusal := s.resume(query.pageQuery, list, &after); refusal != nil {
		return nil, refusal
	}
	return answer(s, in, question[UploadPage]{
		projection: projections.CasesName,
		load: func(ctx context.Context, view engine.View) (func(context.Context) (UploadPage, error), error) {
			rows, err := projections.Uploads(ctx, view, scopeOf(ctx), query.filter, after, query.limit+1)
			if err != nil {
				return nil, err
			}
			body := UploadPage{AsOf: asOf(view)}
			rows, body.Next, err = cut(s, rows, query.pageQuery, list, func(last projections.Upload) any {
				return projections.UploadCursor{BeganAt: last.BeganAt, ID: last.ID}
			})
			return func(ctx context.Context) (UploadPage, error) {
				if err == nil {
					body.Items, err = s.openUploads(ctx, rows)
				}
				return body, err
			}, nil
		},
	})
}

func (s *Server) showUpload(_ context.Context, in *request) (*output[UploadDetails], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	find := func(ctx context.Context, view engine.View) (projections.Upload, error) {
		id := pathValue(in.http, "id")
		if !isPerson(id) {
			return projections.Upload{}, notFound()
		}
		row, found, err := projections.UploadByID(ctx, view, scopeOf(ctx), id)
		if err == nil && !found {
			err = notFound()
		}
		return row, err
	}
	return answer(s, in, question[UploadDetails]{
		projection: projections.CasesName,
		tag: func(ctx context.Context, view engine.View) ([]any, error) {
			row, err := find(ctx, view)
			return []any{row}, err
		},
		load: func(ctx context.Context, view engine.View) (func(context.Context) (UploadDetails, error), error) {
			row, err := find(ctx, view)
			if err != nil {
				return nil, err
			}
			visitOf(ctx).concerns(row.FRN)
			return func(ctx context.Context) (UploadDetails, error) {
				shown, err := s.openUploads(ctx, []projections.Upload{row})
				return UploadDetails{asOf(view), shown[0]}, err
			}, nil
		},
	})
}

// openUploads shows rows with what is sealed of them, and what the caller may do with each.
func (s *Server) openUploads(ctx context.Context, rows []projections.Upload) ([]Upload, error) {
	shown := make([]Upload, len(rows))
	var o opening
	for i, row := range rows {
		shown[i] = uploadOf(row)
		address := UploadsPath + "/" + row.ID
		if row.Downloadable && s.config.OpenUpload != nil {
			shown[i].Links.Content = address + "/content"
		}
		if row.Retryable && callerOf(ctx).principal.May(access.Upload, row.FRN) {
			shown[i].Links.Retry = address + "/retry"
		}
		addUpload(&o, &shown[i], row)
	}
	return shown, o.open(ctx, s)
}

// UploadRetry has a file sent again.
type UploadRetry struct {
	_ struct{} `additionalProperties:"false"`

	Why
}

// retryUpload has a file scanned and sent again. It is refused wherever the upload stands so that nothing
// could come of it, so that two who retry it retry it once.
func (s *Server) retryUpload(ctx context.Context, ask commands.Ask, in *command[UploadRetry]) (*acted[Outcome], error) {
	if err := noCondition(in.http); err != nil {
		return nil, err
	}
	done, err := s.config.Casework.RetryUpload(ctx, ask, pathValue(in.http, "id"))
	return told(done, outcomeOf(done)), err
}
