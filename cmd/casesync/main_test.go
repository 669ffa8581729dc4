package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"casesync/eventstore"
)

// TestMain makes the test binary the program itself where a test starts it as a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		p := &program{
			settings: &manual{}, getenv: os.Getenv, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, now: time.Now, userTokens: true,
		}
		if hidden := os.Getenv(withoutEvent); hidden != "" {
			p.older = func(events eventstore.Catalog) eventstore.Catalog { return olderCatalog{events, hidden} }
		}
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := p.main(ctx, os.Args[1:])
		stop()
		os.Exit(code)
	}
	testscript.Main(m, map[string]func(){"casesync": main})
}
