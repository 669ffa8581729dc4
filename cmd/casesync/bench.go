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
	"casesync/projections"
	"casesync/projections/engine"
)

// benchCommand measures what the product promises of its speed. It compares figures of one run on
// one machine with each other; absolute figures are for orientation.
type benchCommand struct {
	Events     int    `help:"Events of the import that is measured." default:"1000000"`
	Cases      int    `help:"Cases of the large case list." default:"1000000"`
	CasesSmall int    `help:"Cases of the small case list that it is compared with." default:"10000"`
	Dir        string `help:"Directory for the measured data, of some GB; removed afterwards. Default: the system's temporary directory." placeholder:"DIR" type:"path"`
}

// Help is shown below the command's flags.
func (benchCommand) Help() string {
	return `Measures the embedded storage, in a directory of its own. Exit code 1 if a figure is not met:

  memory of the import             under 512 MB
  last tenth of the import         at least 0.8 times the rate of the first
  page 1,000 of the case list      at most 1.5 times as long as page 1
  dashboard, uphold rates          at most 1.5 times as long at --cases as at --cases-small`
}

// The figures to meet.
const (
	importMemoryMBMax = 512
	tenthsRatioMin    = 0.8
	pagesRatioMax     = 1.5
	statisticsMax     = 1.5
)

// benchPage is how many rows a page has, and benchPages how far down the list goes.
const (
	benchPage  = 100
	benchPages = 1000
	// benchRuns is how often a read is measured; its median counts.
	benchRuns = 101
)

// bench collects what was measured.
type bench struct {
	*program
	command benchCommand
	dir     string
	missed  int
}

// Run measures everything.
func (c benchCommand) Run(ctx context.Context, p *program) error {
	if c.Events < 10 || c.CasesSmall < 1 || c.Cases < c.CasesSmall {
		return usage("--events %d --cases %d --cases-small %d: want at least 10 events, and no fewer cases than in the small list", c.Events, c.Cases, c.CasesSmall)
	}
	dir, err := os.MkdirTemp(c.Dir, "casesync-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{program: p, command: c, dir: dir}
	if err := b.importing(ctx); err != nil {
		return fmt.Errorf("measure the import: %w", err)
	}
	if err := b.reading(ctx); err != nil {
		return fmt.Errorf("measure reads: %w", err)
	}
	if b.missed > 0 {
		return fmt.Errorf("%d figures were not met", b.missed)
	}
	return nil
}

// reportf prints a figure, and remembers whether it was met.
func (b *bench) reportf(met bool, format string, args ...any) {
	verdict := "met"
	if !met {
		verdict = "NOT MET"
		b.missed++
	}
	fmt.Fprintf(b.stdout, "  %-8s %s\n", verdict, fmt.Sprintf(format, args...))
}

// at returns a system with data of its own.
func (b *bench) at(name string) *system {
	settings := *b.settings
	settings.storage = storage{Data: filepath.Join(b.dir, name)}
	p := *b.program
	p.settings = &settings
	settings.place()
	return p.system()
}

// importing measures an import: its rate tenth by tenth, and the memory at its peak.
func (b *bench) importing(ctx context.Context) error {
	file := filepath.Join(b.dir, "feed.jsonl")
	if err := b.writeFeed(file, b.command.Events); err != nil {
		return err
	}
	s := b.at("import")
	defer s.close()
	forgetPeak()
	tenths, took, err := b.timedImport(ctx, s, file)
	if err != nil {
		return err
	}
	peak := peakMB()
	fmt.Fprintf(b.stdout, "import of %d events: %s, %.0f a second\n  by tenths:", b.command.Events, took.Round(time.Millisecond), float64(b.command.Events)/took.Seconds())
	for _, rate := range tenths {
		fmt.Fprintf(b.stdout, " %.0f", rate)
	}
	fmt.Fprintln(b.stdout, " a second")
	b.reportf(peak < importMemoryMBMax, "memory at its peak %.0f MB, under %d", peak, importMemoryMBMax)
	ratio := tenths[len(tenths)-1] / tenths[0]
	b.reportf(ratio >= tenthsRatioMin, "last tenth %.2f times the rate of the first, at least %.1f", ratio, tenthsRatioMin)
	return os.Remove(file)
}

// writeFeed writes a feed of so many events of whole cases.
func (b *bench) writeFeed(path string, events int) error {
	register, err := demo.Open()
	if err != nil {
		return err
	}
	return writeEvents(path, register.Scale(demo.Options{Seed: demoSeed, Now: b.now()}, events))
}

// writeCases writes a feed of so many cases, of a conversion and perhaps a closing each.
func (b *bench) writeCases(path string, cases int) error {
	register, err := demo.Open()
	if err != nil {
		return err
	}
	feed := register.Scale(demo.Options{Seed: demoSeed, Now: b.now(), Brief: true}, math.MaxInt)
	return writeEvents(path, func(yield func(demo.Event) bool) {
		for e := range feed {
			if e.Type == demo.CaseConverted {
				if cases--; cases < 0 {
					return
				}
			}
			if !yield(e) {
				return
			}
		}
	})
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

// reading measures reads of a small and a large case list, turn by turn, so that both see the same machine.
func (b *bench) reading(ctx context.Context) error {
	small, err := b.filled(ctx, "small", b.command.CasesSmall)
	if err != nil {
		return err
	}
	defer small.close()
	large, err := b.filled(ctx, "large", b.command.Cases)
	if err != nil {
		return err
	}
	defer large.close()
	if err := b.pages(ctx, large); err != nil {
		return err
	}
	today := projections.DayOf(b.now())
	for _, read := range []struct {
		name string
		run  func(context.Context, engine.View) error
	}{
		{"dashboard", func(ctx context.Context, view engine.View) error {
			_, err := projections.ReadDashboard(ctx, view, benchScope, today)
			return err
		}},
		{"uphold rates by product and month", func(ctx context.Context, view engine.View) error {
			_, err := projections.ReadUpholdRates(ctx, view, benchScope, projections.UpholdQuery{
				GroupBy: []string{projections.GroupProduct, projections.GroupMonth}, From: today - 179, To: today,
			})
			return err
		}},
	} {
		if err := b.statistic(ctx, small, large, read.name, read.run); err != nil {
			return err
		}
	}
	return nil
}

// benchScope sees everything, which is the most that a read can cost.
var benchScope = projections.AuditorScope("system:bench")

// filled returns a system with a case list of so many cases.
func (b *bench) filled(ctx context.Context, name string, cases int) (*system, error) {
	file := filepath.Join(b.dir, name+".jsonl")
	if err := b.writeCases(file, cases); err != nil {
		return nil, err
	}
	s := b.at(name)
	var err error
	if _, _, err = b.timedImport(ctx, s, file); err == nil {
		err = b.project(ctx, s)
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

// project builds the read models as a rebuild does, which is the fast way from the beginning of a log.
func (b *bench) project(ctx context.Context, s *system) error {
	configs, err := s.engineConfigs(ctx)
	if err != nil {
		return err
	}
	for _, config := range configs {
		show := b.fractions("building " + config.Projection.Name)
		report, err := engine.Rebuild(ctx, config, engine.Options{MemoryMiB: b.settings.Serve.RebuildMemoryMiB, Progress: show.at})
		show.end()
		if err != nil {
			return err
		}
		fmt.Fprintf(b.stdout, "read model %s of %d events: %s, %.0f a second\n", config.Projection.Name, report.Events,
			report.Took.Round(time.Millisecond), float64(report.Events)/max(report.Took.Seconds(), 0.001))
	}
	return nil
}

// pages measures the first and the thousandth page of the large list.
func (b *bench) pages(ctx context.Context, s *system) error {
	query := projections.CaseQuery{Limit: benchPage, Sort: []projections.SortKey{{By: projections.SortConvertedAt, Descending: true}}}
	query.Today = projections.DayOf(b.now())
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
		first, last, err := medians(list(query), list(deep))
		if err != nil {
			return err
		}
		fmt.Fprintf(b.stdout, "case list of %d: page 1 in %s, page %d in %s\n", b.command.Cases, first, pages, last)
		b.reportf(ratio(last, first) <= pagesRatioMax, "page %d takes %.2f times as long as page 1, at most %.1f", pages, ratio(last, first), pagesRatioMax)
		return nil
	})
}

// statistic measures one read on both lists.
func (b *bench) statistic(ctx context.Context, small, large *system, name string, run func(context.Context, engine.View) error) error {
	on := func(s *system) func() error {
		return func() error {
			return engine.Read(ctx, s.openedStore, projections.CasesName, func(view engine.View) error { return run(ctx, view) })
		}
	}
	few, many, err := medians(on(small), on(large))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(b.stdout, "%s: %s at %d cases, %s at %d\n", name, few, b.command.CasesSmall, many, b.command.Cases)
	b.reportf(ratio(many, few) <= statisticsMax, "%s: %.2f times as long, at most %.1f", name, ratio(many, few), statisticsMax)
	return nil
}

// medians runs two things in turn, and returns the median time of each.
func medians(one, other func() error) (oneMedian, otherMedian time.Duration, err error) {
	var times [2][]time.Duration
	for range benchRuns {
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
	return times[0][benchRuns/2].Round(time.Microsecond), times[1][benchRuns/2].Round(time.Microsecond), nil
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(max(b, 1)) }
