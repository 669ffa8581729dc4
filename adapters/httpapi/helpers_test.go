package httpapi_test

import (
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"casesync/eventstore/sqldb/sqldbtest"
)

// TestMain finds what goes on after it should have ended: streams, followers, runners.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func text(n int) string { return strconv.Itoa(n) }

func sqliteAddress(t *testing.T) string { return sqldbtest.SQLite(t) }
