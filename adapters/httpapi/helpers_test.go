package httpapi_test

import (
	"strconv"
	"testing"

	"casesync/eventstore/sqldb/sqldbtest"
)

func text(n int) string { return strconv.Itoa(n) }

func sqliteAddress(t *testing.T) string { return sqldbtest.SQLite(t) }
