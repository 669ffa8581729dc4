package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"casesync/adapters/cms"
	"casesync/adapters/demo"
	"casesync/eventstore"
	"casesync/eventstore/sqldb/sqldbtest"
	"casesync/projections"
	"casesync/projections/engine"
)

// foldBefore is how many events read models hold when the live run begins.
const foldBefore = 5_000

// BenchmarkFold measures how fast the read model of cases is computed from a feed as a case management
// system sends it: kept up live, and rebuilt. CASESYNC_BENCH_EVENTS says from how many events.
func BenchmarkFold(b *testing.B) {
	events := 60_000
	if n, err := strconv.Atoi(os.Getenv("CASESYNC_BENCH_EVENTS")); err == nil {
		events = n
	}
	for _, database := range []string{"sqlite", "postgres"} {
		b.Run(database, func(b *testing.B) {
			s := foldSystem(b, database)
			config, err := s.engineConfig(b.Context(), projections.Cases())
			if err != nil {
				b.Fatal(err)
			}
			foldFeed(b, s, 0, foldBefore)
			keepUp(b, s, config)
			foldFeed(b, s, foldBefore, events)
			b.Run("live", func(b *testing.B) {
				cpu := cpuTime(b)
				keepUp(b, s, config)
				reportFold(b, events-foldBefore, cpu)
			})
			b.Run("rebuild", func(b *testing.B) {
				cpu := cpuTime(b)
				for b.Loop() {
					report, err := engine.Rebuild(b.Context(), config, engine.Options{MemoryMiB: 256})
					if err != nil || report.Differences > 0 {
						b.Fatalf("got %d differences, %v", report.Differences, err)
					}
				}
				reportFold(b, events*b.N, cpu)
			})
		})
	}
}

// reportFold reports the rate, and what of the processors' time it took beside the database server's:
// that is the figure to go by on a machine that others use.
func reportFold(b *testing.B, events int, cpuBefore time.Duration) {
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64((cpuTime(b)-cpuBefore).Microseconds())/float64(events), "cpu-µs/event")
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func foldSystem(b *testing.B, database string) *system {
	b.Helper()
	settings := &manual{}
	settings.storage = storage{Data: b.TempDir()}
	if database == "postgres" {
		settings.ReadModel = sqldbtest.Postgres(b)
	}
	p := &program{settings: settings, getenv: os.Getenv, stdout: io.Discard, stderr: io.Discard,
		logger: slog.New(slog.DiscardHandler), now: time.Now}
	settings.place()
	s := p.system()
	b.Cleanup(s.close)
	return s
}

// foldFeed records the events from one to another of the feed.
func foldFeed(b *testing.B, s *system, from, to int) {
	b.Helper()
	register, err := demo.Open()
	if err != nil {
		b.Fatal(err)
	}
	ingester, err := s.ingester(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	var lines bytes.Buffer
	n := 0
	feed := func(yield func(demo.Event) bool) {
		for e := range register.Scale(demo.Options{Seed: demoSeed, Now: time.Now().Truncate(24 * time.Hour)}, to) {
			if n++; n > from && !yield(e) {
				return
			}
		}
	}
	if _, err := demo.Write(&lines, feed); err != nil {
		b.Fatal(err)
	}
	if _, err := cms.Import(b.Context(), ingester, &lines, cms.ImportOptions{Sender: cms.Sender{By: importer, Via: "file"}}); err != nil {
		b.Fatal(err)
	}
}

// keepUp runs the projection until it has all there is in the log.
func keepUp(b *testing.B, s *system, config engine.Config) {
	b.Helper()
	head, err := s.openedLog.(eventstore.Header).Head(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	runner, err := engine.NewRunner(config)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error)
	go func() { done <- runner.Run(ctx) }()
	if err := engine.WaitFor(ctx, config.Store, config.Projection.Name, head.Position); err != nil {
		b.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
