package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"casesync/projections"
	"casesync/projections/engine"
)

// benchPage is how many rows a page has, and benchPages how far down the list goes.
const (
	benchPage  = 100
	benchPages = 1000
)

// benchScope sees everything, which is the most that a read can cost.
var benchScope = projections.AuditorScope("system:bench")

// reading measures reads of a small and a large case list.
func (b *bench) reading(ctx context.Context) error {
	small, err := b.filled(ctx, "small", b.command.CasesSmall, b.command.Cases/b.command.CasesSmall)
	if err != nil {
		return err
	}
	defer small.close()
	large, err := b.filled(ctx, "large", b.command.Cases, 1)
	if err != nil {
		return err
	}
	defer large.close()
	if err := b.pages(ctx, large); err != nil {
		return err
	}
	return b.statistics(ctx, small, large)
}

// filled returns a system with a case list of so many cases, every so many of a feed.
func (b *bench) filled(ctx context.Context, name string, cases, every int) (*system, error) {
	file := filepath.Join(b.dir, name+".jsonl")
	if err := b.writeCases(file, cases, every); err != nil {
		return nil, err
	}
	s := b.at(name)
	_, _, err := b.timedImport(ctx, s, file)
	if err == nil {
		err = b.project(ctx, s, name)
	}
	if err == nil {
		err = os.Remove(file)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// project builds the read model of cases as a rebuild does, which is the fast way from the beginning of
// a log.
func (b *bench) project(ctx context.Context, s *system, name string) error {
	config, err := s.engineConfig(ctx, projections.Cases())
	if err != nil {
		return err
	}
	show := b.fractions("building " + config.Projection.Name)
	report, err := engine.Rebuild(ctx, config, engine.Options{MemoryMiB: b.settings.Serve.RebuildMemoryMiB, Progress: show.at})
	show.end()
	if err != nil {
		return err
	}
	b.note(fmt.Sprintf("rebuild of the %s case list", name), float64(report.Events)/max(report.Took.Seconds(), 0.001), "events/s")
	return nil
}

// pages measures the first and the thousandth page of the closed cases of the large list, the latest first.
func (b *bench) pages(ctx context.Context, s *system) error {
	query := projections.CaseQuery{Limit: benchPage}
	query.Status, query.Today = projections.StatusClosed, projections.DayOf(b.now())
	return engine.Read(ctx, s.openedStore, projections.CasesName, func(view engine.View) error {
		deep := query
		pages := 1
		for ; pages < benchPages; pages++ {
			page, err := projections.ListCases(ctx, view, benchScope, deep)
			if err != nil {
				return err
			}
			if page.Next == nil {
				break
			}
			deep.After = page.Next
		}
		list := func(q projections.CaseQuery) func() error {
			return func() error { _, err := projections.ListCases(ctx, view, benchScope, q); return err }
		}
		first, last, err := b.medians(list(query), list(deep))
		if err != nil {
			return err
		}
		b.note(fmt.Sprintf("page 1 of a list of %d cases", b.command.Cases), milliseconds(first), "ms")
		b.note(fmt.Sprintf("page %d", pages), milliseconds(last), "ms")
		b.atMost(fmt.Sprintf("page %d to page 1", pages), ratio(last, first), "times", pagesRatioMax)
		return nil
	})
}

// statistics measures the dashboard, and the uphold rates of the last twelve whole months.
func (b *bench) statistics(ctx context.Context, small, large *system) error {
	today := projections.DayOf(b.now())
	month := time.Date(b.now().Year(), b.now().Month(), 1, 12, 0, 0, 0, time.UTC)
	rates := projections.UpholdQuery{
		GroupBy: []string{projections.GroupProduct, projections.GroupMonth},
		From:    projections.DayOf(month.AddDate(-1, 0, 0)), To: projections.DayOf(month) - 1,
	}
	for _, read := range []struct {
		name string
		run  func(context.Context, engine.View) error
	}{
		{"dashboard", func(ctx context.Context, view engine.View) error {
			_, err := projections.ReadDashboard(ctx, view, benchScope, today)
			return err
		}},
		{"uphold rates by product and month", func(ctx context.Context, view engine.View) error {
			_, err := projections.ReadUpholdRates(ctx, view, benchScope, rates)
			return err
		}},
	} {
		if err := b.statistic(ctx, small, large, read.name, read.run); err != nil {
			return err
		}
	}
	return nil
}

// statistic measures one read on both lists.
func (b *bench) statistic(ctx context.Context, small, large *system, name string, run func(context.Context, engine.View) error) error {
	on := func(s *system) func() error {
		return func() error {
			return engine.Read(ctx, s.openedStore, projections.CasesName, func(view engine.View) error { return run(ctx, view) })
		}
	}
	few, many, err := b.medians(on(small), on(large))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	b.note(fmt.Sprintf("%s at %d cases", name, b.command.CasesSmall), milliseconds(few), "ms")
	b.note(fmt.Sprintf("%s at %d cases", name, b.command.Cases), milliseconds(many), "ms")
	b.atMost(name+", many cases to few", ratio(many, few), "times", statisticsMax)
	return nil
}

// medians runs two things in turn, and returns the median time of each.
func (b *bench) medians(one, other func() error) (oneMedian, otherMedian time.Duration, err error) {
	var times [2][]time.Duration
	for range b.command.Runs {
		for i, run := range []func() error{one, other} {
			started := time.Now()
			if err := run(); err != nil {
				return 0, 0, err
			}
			times[i] = append(times[i], time.Since(started))
		}
	}
	for i := range times {
		slices.Sort(times[i])
	}
	return times[0][b.command.Runs/2], times[1][b.command.Runs/2], nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func ratio(a, b time.Duration) float64 { return float64(a) / float64(max(b, 1)) }
