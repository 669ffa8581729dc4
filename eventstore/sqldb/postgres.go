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

const (
	idleTransaction = "idle_in_transaction_session_timeout"
	// idleTransactionMax is after how many milliseconds the server ends the transaction of a process that was
	// stopped, or cut off, in the middle of it, and with it the locks that all others wait for.
	idleTransactionMax = "10000"
)

func openPostgres(ctx context.Context, address string) (*DB, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, err // pgx leaves the password out
	}
	ConfigurePostgres(config)
	config.RuntimeParams[idleTransaction] = cmp.Or(config.RuntimeParams[idleTransaction], idleTransactionMax)
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
