package httpapi

import (
	"context"
	"time"

	"casesync/domain/account"
	"casesync/projections"
	"casesync/projections/engine"
)

// ConnectionSummary is an identity provider in the list of operators.
type ConnectionSummary struct {
	ID          string         `json:"id" example:"example-bank"`
	Method      account.Method `json:"method" enum:"oidc,saml"`
	Issuer      string         `json:"issuer,omitempty"`
	ClientID    string         `json:"clientId,omitempty"`
	MetadataURL string         `json:"metadataUrl,omitempty"`
	Retired     bool           `json:"retired" doc:"Nobody signs in by it any more"`
	SetAt       *time.Time     `json:"setAt" doc:"When the settings in force were set"`
}

// ConnectionPage is a page of identity providers.
type ConnectionPage struct {
	AsOf  AsOf                `json:"asOf"`
	Items []ConnectionSummary `json:"items" nullable:"false" doc:"By id"`
	Next  *string             `json:"next" nullable:"true" doc:"The cursor of the next page; null on the last"`
}

func (s *Server) listConnections(_ context.Context, in *request) (*output[ConnectionPage], error) {
	page, refusal := parsePage(in)
	if refusal != nil {
		return nil, refusal
	}
	var after string
	list := listOf(in.http.URL.Path, in.http.URL.RawQuery, pageParameters...)
	if refusal := s.resume(page, list, &after); refusal != nil {
		return nil, refusal
	}
	return answer(s, in, question[ConnectionPage]{
		projection: projections.PeopleName,
		load: func(ctx context.Context, view engine.View) (func(context.Context) (ConnectionPage, error), error) {
			rows, err := projections.ListConnections(ctx, view, scopeOf(ctx), after, page.limit+1)
			if err != nil {
				return nil, err
			}
			body := ConnectionPage{AsOf: asOf(view), Items: []ConnectionSummary{}}
			rows, body.Next, err = cut(s, rows, page, list, func(last projections.ConnectionRow) any { return last.ID })
			for _, row := range rows {
				body.Items = append(body.Items, ConnectionSummary{
					ID: row.ID, Method: row.Method, Issuer: row.Issuer, ClientID: row.ClientID, MetadataURL: row.MetadataURL,
					Retired: row.Retired, SetAt: instant(row.SetAt),
				})
			}
			return func(context.Context) (ConnectionPage, error) { return body, err }, nil
		},
	})
}
