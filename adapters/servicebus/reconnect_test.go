//go:build !race

package servicebus

import (
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"

	"casesync/adapters/servicebus/sbtest"
)

// restartable restarts a server at SIGUSR1, and returns the command that sends it: what Watermill's
// suite restarts brokers with is a command.
func restartable(t *testing.T, s *sbtest.Server) []string {
	t.Helper()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range signals {
			s.Kill()
			if err := s.Start(); err != nil {
				t.Error(err)
			}
		}
	}()
	t.Cleanup(func() {
		signal.Stop(signals)
		close(signals)
		<-ended
	})
	return []string{"sh", "-c", "kill -USR1 " + strconv.Itoa(os.Getpid())}
}

// TestReconnect is the suite's test with a broker that is killed. It compares what it received with a
// list of what it published that it fills afterwards, so the last messages must not come at once:
// hence FetchGrace. For the same reason it is a data race; TestOutage is the one for the race detector.
func TestReconnect(t *testing.T) {
	s := sbtest.Start(t)
	s.Configure("*", sbtest.Options{DeliveriesMax: 2000, Lock: 10 * time.Second})
	features := tests.Features{Persistent: true, RestartServiceCommand: restartable(t, s)}
	tests.TestReconnect(t, tests.TestContext{TestID: tests.NewTestID(), Features: features}, func(t *testing.T) (message.Publisher, message.Subscriber) {
		config := quickSubscriber(s)
		config.InFlightMax, config.FetchGrace = 200, 100*time.Millisecond
		return pair(t, s, config)
	})
}
