package sqldb

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// connectTimeout bounds one attempt to reach a PostgreSQL whose address sets none.
const connectTimeout = 10 * time.Second

func openPostgres(ctx context.Context, address string) (*DB, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, err // pgx leaves the password out
	}
	ConfigurePostgres(config)
	db := stdlib.OpenDB(*config)
	if err := db.PingContext(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("%w; check that PostgreSQL runs there, that host, port and database are right, "+
			"and that user and password may connect", err)
	}
	return &DB{DB: db, Dialect: Postgres}, nil
}

// ConfigurePostgres sets what every connection needs: it gives up after a while, goes to the
// primary only (a replica may show transactions late and in another order), and flushes what it
// commits even where the server's default is not to. What address says of the first two is kept.
func ConfigurePostgres(config *pgx.ConnConfig) {
	config.ConnectTimeout = cmp.Or(config.ConnectTimeout, connectTimeout)
	config.RuntimeParams["application_name"] = cmp.Or(config.RuntimeParams["application_name"], "casesync")
	config.RuntimeParams["timezone"] = "UTC"
	if config.ValidateConnect == nil {
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	config.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		// Stronger settings, such as remote_apply, are kept.
		return conn.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false)
			WHERE current_setting('synchronous_commit') = 'off'`).Close()
	}
}
