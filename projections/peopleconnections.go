package projections

import (
	"context"
	"strings"
	"time"

	"casesync/domain/account"
	"casesync/domain/connection"
	"casesync/projections/engine"
)

// connectionRow is the settings of an identity provider, as far as a list shows them.
type connectionRow struct {
	Stream, Method, Issuer, ClientID, MetadataURL string
	Retired                                       bool
	SetAt                                         int64
}

var connections = &engine.Table[connectionRow]{
	Spec: engine.Spec{
		Name: "connections", Key: 1,
		Columns: join(texts("stream", "method", "issuer", "client_id", "metadata_url"), flags("retired"), numbers("set_at")),
		Aside:   []string{"set_at"},
	},
	Fields: func(r *connectionRow) []any {
		return []any{&r.Stream, &r.Method, &r.Issuer, &r.ClientID, &r.MetadataURL, &r.Retired, &r.SetAt}
	},
}

func foldConnection(rows *engine.Rows, e engine.Event) {
	switch event := e.Event.(type) {
	case *connection.SettingsSet:
		connections.Put(rows, connectionRow{
			Stream: string(e.Stream), Method: string(event.Settings.Method), Issuer: event.Settings.OIDC.Issuer,
			ClientID: event.Settings.OIDC.ClientID, MetadataURL: event.Settings.SAML.MetadataURL, SetAt: micros(e.Meta.OccurredAt),
		})
	case *connection.Retired:
		if row := connections.Get(rows, string(e.Stream)); row != nil {
			row.Retired = true
		}
	}
}

// ConnectionRow is the settings of an identity provider, but for SAML metadata and the place of its
// secret.
type ConnectionRow struct {
	ID     string
	Method account.Method
	// Issuer and ClientID are for OIDC, MetadataURL is for SAML and may be "".
	Issuer, ClientID, MetadataURL string
	// Retired is whether nobody signs in by it any more.
	Retired bool
	// SetAt is when the settings in force were set.
	SetAt time.Time
}

// ListConnections returns at most limit (up to PageRowsMax) connections after id after, by id. A scope
// that is no operator's or auditor's sees none. View is of PeopleName.
func ListConnections(ctx context.Context, view engine.View, scope Scope, after string, limit int) ([]ConnectionRow, error) {
	s := &statement{}
	rows, err := rowsOf(ctx, view, connections, "SELECT "+list(connections.Columns, "")+" FROM {connections} WHERE "+
		watched(scope)+" AND stream > "+s.arg(connectionStreams+after)+" ORDER BY stream"+s.limit(limit), s)
	shown := make([]ConnectionRow, len(rows))
	for i, r := range rows {
		shown[i] = ConnectionRow{
			ID: strings.TrimPrefix(r.Stream, connectionStreams), Method: account.Method(r.Method),
			Issuer: r.Issuer, ClientID: r.ClientID, MetadataURL: r.MetadataURL, Retired: r.Retired, SetAt: instant(r.SetAt),
		}
	}
	return shown, err
}
