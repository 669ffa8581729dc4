package storetest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"casesync/eventstore"
)

const (
	// addressVariable makes a test binary append to the log at that address until it is killed.
	addressVariable = "CASESYNC_STORETEST_APPEND_TO"
	// KillsVariable sets how often Kill kills; 3 times if it is not set.
	KillsVariable = "CASESYNC_TEST_KILLS"
)

// Open opens the log at address, in whatever process.
type Open func(address string) (Handle, error)

// acknowledgement is acknowledged as a line between processes.
type acknowledgement struct {
	Stream   eventstore.StreamName `json:"stream"`
	IDs      []uuid.UUID           `json:"ids"`
	Revision eventstore.Revision   `json:"revision"`
	Position string                `json:"position"`
}

// Main runs the tests of a log's package, which must leave no goroutine behind; a process that Kill
// started appends instead. It is all that TestMain has to do. The options excuse goroutines that
// the log cannot end, each for a reason.
func Main(m *testing.M, open Open, options ...goleak.Option) {
	if address := os.Getenv(addressVariable); address != "" {
		fmt.Fprintln(os.Stderr, appendForEver(open, address))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, options...)
}

// Kill has two processes append to the log at address and kills them at random moments, again and
// again: every append that was acknowledged is there, where it was said to be, nothing is torn, and
// the next process goes on. A kill does not show a missing flush to disk: for that the power must fail.
func Kill(t *testing.T, open Open, address string) {
	kills := 3
	if text := os.Getenv(KillsVariable); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", KillsVariable, err)
		}
	}
	if err := closeNew(open, address); err != nil {
		t.Fatal(err)
	}
	var kept []acknowledged
	for range kills {
		var processes [2][]acknowledged
		var group sync.WaitGroup
		for i := range processes {
			group.Go(func() {
				var err error
				if processes[i], err = appendUntilKilled(t.Context(), address, 20+rand.N(200)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		kept = slices.Concat(kept, processes[0], processes[1])
		checkAfterKill(t, open, address, kept)
	}
	t.Logf("%d kills of two processes, %d acknowledged appends", kills, len(kept))
}

// closeNew makes the log, so that the processes need no time for it.
func closeNew(open Open, address string) error {
	log, err := open(address)
	if err != nil {
		return err
	}
	return log.Close()
}

// appendUntilKilled starts a process that appends, kills it when it has acknowledged the given
// number of appends, and returns those and the ones that it acknowledged before it was dead.
func appendUntilKilled(ctx context.Context, address string, appends int) (kept []acknowledged, err error) {
	child := exec.CommandContext(ctx, os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), addressVariable+"="+address)
	child.Stderr = os.Stderr
	// The child ends with its standard input, should this process end first.
	if _, err := child.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := child.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		var line acknowledgement
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return kept, fmt.Errorf("read acknowledgement %q: %w", lines.Text(), err)
		}
		position, err := eventstore.ParsePosition(line.Position)
		if err != nil {
			return kept, err
		}
		kept = append(kept, acknowledged{line.Stream, line.IDs, eventstore.Appended{Revision: line.Revision, Position: position}})
		if len(kept) == appends {
			if err := child.Process.Kill(); err != nil {
				return kept, fmt.Errorf("kill appending process: %w", err)
			}
		}
	}
	_ = child.Wait() // it was killed
	if len(kept) < appends {
		return kept, fmt.Errorf("appending process ended after %d appends, before it was killed", len(kept))
	}
	return kept, nil
}

func checkAfterKill(t *testing.T, open Open, address string, kept []acknowledged) {
	t.Helper()
	log, err := open(address)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if _, err := log.Append(t.Context(), streamName(0), eventstore.Any, event()); err != nil {
		t.Errorf("first append after a kill: %v", err)
	}
	all, err := collect(log.ReadAll(t.Context(), eventstore.Position{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := checkFeed(all, kept); err != nil {
		t.Error(err)
	}
}

// appendForEver appends from many goroutines and writes a line for each append once it is
// acknowledged. A line is one write, so that a kill leaves no half of it.
func appendForEver(open Open, address string) error {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(2)
	}()
	log, err := open(address)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for range 8 {
		go func() {
			for {
				if err := appendOne(log); err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	return <-failed
}

func appendOne(log eventstore.Log) error {
	batch := events(1 + rand.N(3))
	stream := streamName(rand.N(5))
	appended, err := log.Append(context.Background(), stream, eventstore.Any, batch...)
	if err != nil {
		return err
	}
	line, err := json.Marshal(acknowledgement{stream, ids(batch), appended.Revision, appended.Position.String()})
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(append(line, '\n'))
	return err
}
