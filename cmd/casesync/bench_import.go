package main

import (
	"context"
	"fmt"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"casesync/adapters/cms"
	"casesync/adapters/demo"
	"casesync/eventstore"
)

// importing measures an import: its rate tenth by tenth, and the memory at its peak.
func (b *bench) importing(ctx context.Context) error {
	file := filepath.Join(b.dir, "feed.jsonl")
	register, err := demo.Open()
	if err != nil {
		return err
	}
	if err := writeEvents(file, register.Scale(demo.Options{Seed: demoSeed, Now: b.now()}, b.command.Events)); err != nil {
		return err
	}
	s := b.at("import")
	defer s.close()
	defer limitHeap(b.getenv)()
	forgetPeak()
	tenths, took, err := b.timedImport(ctx, s, file)
	if err != nil {
		return err
	}
	b.note(fmt.Sprintf("import of %d events", b.command.Events), float64(b.command.Events)/took.Seconds(), "events/s")
	for i, rate := range tenths {
		b.note(fmt.Sprintf("  tenth %d", i+1), rate, "events/s")
	}
	b.atMost("memory of the import at its peak", peakMB(), "MB", importMemoryMBMax)
	b.atLeast("last tenth of the import to the first", tenths[len(tenths)-1]/tenths[0], "times", tenthsRatioMin)
	return os.Remove(file)
}

// briefCases yields the conversion, and the closing if there is one, of so many cases: every so many of
// those of the feed.
func briefCases(feed iter.Seq[demo.Event], cases, every int) iter.Seq[demo.Event] {
	return func(yield func(demo.Event) bool) {
		taken := map[string]bool{}
		seen := 0
		for e := range feed {
			if e.Type == demo.CaseConverted {
				if seen++; seen > cases*every {
					return
				}
				if seen%every == 0 && every > 1 {
					taken[e.Subject] = true
				}
			}
			if (every == 1 || taken[e.Subject] || e.Type == businessUpdated) && !yield(e) {
				return
			}
		}
	}
}

// businessUpdated names a business; every list has them all.
const businessUpdated = "cms.business.updated.v1"

// writeCases writes a feed of so many cases, every so many of a long feed.
func (b *bench) writeCases(path string, cases, every int) error {
	register, err := demo.Open()
	if err != nil {
		return err
	}
	feed := register.Scale(demo.Options{Seed: demoSeed, Now: b.now(), Brief: true}, math.MaxInt)
	return writeEvents(path, briefCases(feed, cases, every))
}

func writeEvents(path string, feed iter.Seq[demo.Event]) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := demo.Write(file, feed); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

// timedImport imports a file, and returns the rate of each tenth of it in events a second.
func (b *bench) timedImport(ctx context.Context, s *system, path string) (tenths []float64, took time.Duration, err error) {
	ingester, err := s.ingester(ctx)
	if err != nil {
		return nil, 0, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	show := b.progress("importing", info.Size())
	watch := watchHead(ctx, s.openedLog)
	started := time.Now()
	summary, err := cms.Import(ctx, ingester, file, cms.ImportOptions{Sender: cms.Sender{By: importer, Via: "file"}, Progress: show.at})
	took = time.Since(started)
	show.end()
	samples := watch()
	if err == nil && summary.Accepted != summary.Lines {
		err = fmt.Errorf("%d of %d events were accepted: the storage was not empty", summary.Accepted, summary.Lines)
	}
	return tenthRates(append(samples, sample{took, uint64(summary.Lines)}), uint64(summary.Lines)), took, err
}

// sample says how many events the log held so long after the start.
type sample struct {
	at     time.Duration
	events uint64
}

// watchHead looks at the end of the log every now and then, until the returned function is called.
func watchHead(ctx context.Context, log eventstore.Header) (stop func() []sample) {
	ctx, cancel := context.WithCancel(ctx)
	started := time.Now()
	ended := make(chan []sample)
	go func() {
		samples := []sample{{}}
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				ended <- samples
				return
			case <-ticker.C:
				if head, err := log.Head(ctx); err == nil {
					samples = append(samples, sample{time.Since(started), head.Position.Major})
				}
			}
		}
	}()
	return func() []sample { cancel(); return <-ended }
}

// tenthRates returns the rate of each tenth of so many events, from the samples around its ends.
func tenthRates(samples []sample, events uint64) []float64 {
	rates := make([]float64, 0, 10)
	var from sample
	for tenth := uint64(1); tenth <= 10; tenth++ {
		i := slices.IndexFunc(samples, func(s sample) bool { return s.events >= events*tenth/10 })
		if i < 0 {
			i = len(samples) - 1
		}
		to := samples[i]
		if to.at > from.at {
			rates = append(rates, float64(to.events-from.events)/(to.at-from.at).Seconds())
		}
		from = to
	}
	return rates
}
