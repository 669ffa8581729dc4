package kurrentlog_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"casesync/eventstore"
	"casesync/eventstore/kurrentlog"
	"casesync/eventstore/kurrentlog/kurrenttest"
	"casesync/eventstore/storetest"
)

// urlVariable names a real server on which the contract is run too, each case in streams of its
// own. The events stay there.
const urlVariable = "KURRENTDB_TEST_URL"

func TestMain(m *testing.M) {
	kurrenttest.ServeIfAsked()
	// Defect: each time that the client connects anew it forgets a connection, which it alone knows.
	// With its server gone that is left with idle goroutines, and one that tries to reach the server
	// again. Nobody else can end them; gRPC gives up a connection that was idle for half an hour.
	storetest.Main(m, open,
		goleak.IgnoreAnyFunction("google.golang.org/grpc/internal/grpcsync.(*CallbackSerializer).run"),
		goleak.IgnoreAnyFunction("google.golang.org/grpc.(*addrConn).resetTransportAndUnlock"))
}

func open(url string) (storetest.Handle, error) {
	return kurrentlog.Open(context.Background(), url, kurrentlog.Config{})
}

// The contract, as far as the package promises it.
func TestLog(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, storetest.Config{IDsPerStream: true, ServersClock: true}, func(t *testing.T) storetest.Factory {
		url := kurrenttest.Start(t, kurrenttest.Config{AppendBytesMax: 4 << 20}).URL()
		return func(func() time.Time) (storetest.Handle, error) { return open(url) }
	})
}

// The contract on a server as installed, whose appends are at most 1 MiB.
func TestLogOnRealServer(t *testing.T) {
	t.Parallel()
	url := os.Getenv(urlVariable)
	if url == "" {
		t.Skipf("%s names no server", urlVariable)
	}
	separator := "?"
	if strings.Contains(url, "?") {
		separator = "&"
	}
	onServer(t, func(*testing.T) string { return url + separator })
}

// The same on the peer, beside another log in the same server.
func TestLogBesideAnother(t *testing.T) {
	t.Parallel()
	onServer(t, func(t *testing.T) string {
		url := kurrenttest.Start(t, kurrenttest.Config{}).URL()
		appendTo(t, openLog(t, url, kurrentlog.Config{}), "storetest-1", eventstore.NoStream, 50)
		return url + "&"
	})
}

// onServer runs the contract in streams with a prefix. The address ends where a setting can follow.
func onServer(t *testing.T, address func(t *testing.T) string) {
	config := kurrentlog.Config{Limits: eventstore.Limits{EventBytesMax: 1 << 19}, Timeout: 30 * time.Second}
	promised := storetest.Config{IDsPerStream: true, ServersClock: true, EventBytesMax: config.Limits.EventBytesMax}
	storetest.RunWith(t, promised, func(t *testing.T) storetest.Factory {
		own := address(t) + "streamPrefix=storetest-" + uuid.NewString() + "-"
		return func(func() time.Time) (storetest.Handle, error) {
			return kurrentlog.Open(context.Background(), own, config)
		}
	})
}

// Processes that append to the log are killed.
func TestKill(t *testing.T) {
	t.Parallel()
	storetest.Kill(t, open, kurrenttest.Start(t, kurrenttest.Config{}).URL())
}

func BenchmarkAppend(b *testing.B)  { storetest.BenchmarkAppend(b, fresh) }
func BenchmarkReadAll(b *testing.B) { storetest.BenchmarkReadAll(b, fresh) }

func fresh(b *testing.B) storetest.Handle {
	log, err := open(kurrenttest.Start(b, kurrenttest.Config{}).URL())
	if err != nil {
		b.Fatal(err)
	}
	return log
}
