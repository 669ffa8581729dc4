package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"text/tabwriter"
	"time"
)

// benchCommand measures what the product promises of its speed. It compares figures of one run on
// one machine with each other; absolute figures are for orientation.
type benchCommand struct {
	Events     int    `help:"Events of the import that is measured." default:"1000000"`
	Cases      int    `help:"Cases of the large case list." default:"1000000"`
	CasesSmall int    `help:"Cases of the small case list that it is compared with." default:"10000"`
	Runs       int    `help:"How often each read is measured; its median counts." default:"101"`
	Dir        string `help:"Directory for the measured data, of some GB; removed afterwards. Default: the system's temporary directory." placeholder:"DIR" type:"path"`
	JSON       bool   `name:"json" help:"Print the figures as JSON instead of as a table."`
}

// Help is shown below the command's flags.
func (benchCommand) Help() string {
	return `Measures the embedded storage, in a directory of its own. Exit code 1 if a figure falls short:

  memory of the import             under 512 MB
  last tenth of the import         at least 0.8 times the rate of the first
  page 1,000 of the case list      at most 1.5 times as long as page 1
  dashboard, uphold rates          at most 1.5 times as long at --cases as at --cases-small

The small case list is every so many cases of the large one: the same businesses, products and months. Reads are measured in
turn, so that both see the same machine.`
}

// The figures to meet.
const (
	importMemoryMBMax = 512
	tenthsRatioMin    = 0.8
	pagesRatioMax     = 1.5
	statisticsMax     = 1.5
)

// measured is something measured. AtLeast and AtMost are 0 where nothing was promised.
type measured struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	AtLeast float64 `json:"atLeast,omitzero"`
	AtMost  float64 `json:"atMost,omitzero"`
	Met     bool    `json:"met"`
}

// verdict says whether what was promised holds.
func (f measured) verdict() string {
	switch {
	case f.AtLeast == 0 && f.AtMost == 0:
		return "-"
	case f.Met:
		return "pass"
	}
	return "FALLS SHORT"
}

// promise is the figure's, in words.
func (f measured) promise() string {
	switch {
	case f.AtLeast != 0:
		return fmt.Sprintf("at least %g", f.AtLeast)
	case f.AtMost != 0:
		return fmt.Sprintf("at most %g", f.AtMost)
	}
	return ""
}

// bench collects what was measured.
type bench struct {
	*program
	command benchCommand
	dir     string
	figures []measured
}

// Run measures everything. What was measured is printed even where something went wrong after it.
func (c benchCommand) Run(ctx context.Context, p *program) error {
	if c.Events < 10 || c.Runs < 1 || c.CasesSmall < 1 || c.Cases < c.CasesSmall {
		return usage("--events %d --runs %d --cases %d --cases-small %d: want at least 10 events and 1 run, and no fewer cases than in the small list",
			c.Events, c.Runs, c.Cases, c.CasesSmall)
	}
	dir, err := os.MkdirTemp(c.Dir, "casesync-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{program: p, command: c, dir: dir}
	err = b.measure(ctx)
	return errors.Join(err, b.print())
}

func (b *bench) measure(ctx context.Context) error {
	if err := b.importing(ctx); err != nil {
		return fmt.Errorf("measure the import: %w", err)
	}
	if err := b.reading(ctx); err != nil {
		return fmt.Errorf("measure reads: %w", err)
	}
	return nil
}

// note keeps a figure for orientation.
func (b *bench) note(name string, value float64, unit string) {
	b.figures = append(b.figures, measured{Name: name, Value: value, Unit: unit, Met: true})
}

// atLeast and atMost keep a figure that was promised.
func (b *bench) atLeast(name string, value float64, unit string, least float64) {
	b.figures = append(b.figures, measured{Name: name, Value: value, Unit: unit, AtLeast: least, Met: value >= least})
}

func (b *bench) atMost(name string, value float64, unit string, most float64) {
	b.figures = append(b.figures, measured{Name: name, Value: value, Unit: unit, AtMost: most, Met: value <= most})
}

// print prints the figures; its error says how many fall short.
func (b *bench) print() error {
	short := 0
	for _, f := range b.figures {
		if !f.Met {
			short++
		}
	}
	if err := b.printFigures(); err != nil {
		return err
	}
	if short > 0 {
		return fmt.Errorf("%d figures fall short of what is promised", short)
	}
	return nil
}

func (b *bench) printFigures() error {
	if b.command.JSON {
		encoder := json.NewEncoder(b.stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(map[string]any{
			"version": version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH, "processors": runtime.NumCPU(), "at": b.now().UTC().Format(time.RFC3339),
			"events": b.command.Events, "cases": b.command.Cases, "casesSmall": b.command.CasesSmall, "runs": b.command.Runs,
			"figures": b.figures,
		})
	}
	table := tabwriter.NewWriter(b.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FIGURE\tMEASURED\tUNIT\tPROMISED\tVERDICT")
	for _, f := range b.figures {
		fmt.Fprintf(table, "%s\t%.5g\t%s\t%s\t%s\n", f.Name, f.Value, f.Unit, f.promise(), f.verdict())
	}
	return table.Flush()
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
