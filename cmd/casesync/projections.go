package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"casesync/eventstore"
	"casesync/projections"
	"casesync/projections/engine"
)

type projectionsCommand struct {
	List     projectionsListCommand     `cmd:"" help:"List the read models of this version."`
	Status   projectionsStatusCommand   `cmd:"" help:"Show how far each read model is, in events and seconds."`
	Rebuild  projectionsRebuildCommand  `cmd:"" help:"Compute read models anew beside the live ones, compare, and switch; reads go on."`
	Rollback projectionsRollbackCommand `cmd:"" help:"Go back to the tables that a read model had before its last rebuild; reads go on."`
	Parked   parkedCommand              `cmd:"" help:"Look after keys whose events a read model could not take."`
}

type projectionsListCommand struct{}

// Run lists the read models.
func (projectionsListCommand) Run(p *program) error {
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tVERSION\tTABLES")
	for _, projection := range projections.All() {
		var names []string
		for _, t := range projection.Tables {
			names = append(names, t.Describe().Name)
		}
		fmt.Fprintf(table, "%s\t%d\t%s\n", projection.Name, projection.Version, strings.Join(names, " "))
	}
	return table.Flush()
}

// chosen returns the projections with the given names, all if there are none.
func chosen(names []string) ([]engine.Projection, error) {
	all := projections.All()
	if len(names) == 0 {
		return all, nil
	}
	var list []engine.Projection
	for _, name := range names {
		found := false
		for _, projection := range all {
			if projection.Name == name {
				list, found = append(list, projection), true
			}
		}
		if !found {
			return nil, usage("there is no read model %q: casesync projections list shows those there are", name)
		}
	}
	return list, nil
}

// engineConfig is what the engine needs for a projection.
func (s *system) engineConfig(ctx context.Context, projection engine.Projection) (engine.Config, error) {
	store, err := s.store(ctx)
	if err != nil {
		return engine.Config{}, err
	}
	prepare, err := s.prepare(ctx)
	if err != nil {
		return engine.Config{}, err
	}
	return engine.Config{Store: store, Log: s.openedLog, Prepare: prepare, Projection: projection, Now: s.now, Logger: s.logger}, nil
}

type projectionsRebuildCommand struct {
	Names     []string `arg:"" optional:"" help:"Which read models; all if none is named." placeholder:"NAME"`
	MemoryMiB int      `name:"rebuild-memory-mib-max" help:"Memory that the rebuild may use, in MiB." default:"256"`
}

// Run rebuilds read models, one after the other.
func (c projectionsRebuildCommand) Run(ctx context.Context, p *program) error {
	list, err := chosen(c.Names)
	if err != nil {
		return err
	}
	s := p.installed()
	defer s.close()
	for _, projection := range list {
		config, err := s.engineConfig(ctx, projection)
		if err != nil {
			return err
		}
		show := p.fractions("rebuilding " + projection.Name)
		report, err := engine.Rebuild(ctx, config, engine.Options{MemoryMiB: c.MemoryMiB, Progress: show.at})
		show.end()
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "%s: rebuilt from %d events in %s, up to position %s; %s\n", projection.Name, report.Events,
			report.Took.Round(time.Millisecond), report.Position, compared(report))
		printDifferences(p.stdout, report)
	}
	return nil
}

func compared(report engine.Report) string {
	switch {
	case !report.Compared:
		return "there was nothing to compare it with"
	case report.Differences == 0:
		return "equal to what was there"
	default:
		return fmt.Sprintf("%d rows differ from what was there, and are mended", report.Differences)
	}
}

func printDifferences(w io.Writer, report engine.Report) {
	for _, d := range report.List {
		fmt.Fprintf(w, "  %s\n", d)
	}
	if more := report.Differences - int64(len(report.List)); more > 0 {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
}

type projectionsRollbackCommand struct {
	Name string `arg:"" help:"The read model."`
}

// Help is shown below the command's flags.
func (projectionsRollbackCommand) Help() string {
	return `A rebuild keeps the tables that it replaced. This brings them up to the log's end and makes them the live ones again; what was live
is kept in their place, so that a second roll-back undoes the first. It needs the version of casesync that made the older tables.

Example:
  casesync projections rollback cases`
}

// Run makes the generation before the live one live again.
func (c projectionsRollbackCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	config, err := s.engineOf(ctx, c.Name)
	if err != nil {
		return err
	}
	show := p.fractions("rolling back " + c.Name)
	report, err := engine.Rollback(ctx, config, engine.Options{Progress: show.at})
	show.end()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%s: rolled back to generation %d in %s, up to position %s\n",
		c.Name, report.Generation, report.Took.Round(time.Millisecond), report.Position)
	return err
}

type parkedCommand struct {
	List  parkedListCommand  `cmd:"" help:"List parked keys, and why they are."`
	Retry parkedRetryCommand `cmd:"" help:"Fold a key again, as after an upgrade."`
	Skip  parkedSkipCommand  `cmd:"" help:"Leave out the event that a key is parked for, for good."`
}

type parkedRetryCommand struct {
	Name string `arg:"" help:"The read model."`
	Key  string `arg:"" help:"The key, as parked list shows it."`
}

// Run retries a parked key.
func (c parkedRetryCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	config, err := s.engineOf(ctx, c.Name)
	if err != nil {
		return err
	}
	still, err := engine.Retry(ctx, config, c.Key)
	return p.afterParked(c.Key, still, err)
}

type parkedSkipCommand struct {
	Name     string `arg:"" help:"The read model."`
	Key      string `arg:"" help:"The key, as parked list shows it."`
	Position string `arg:"" help:"The position of the event to leave out, as parked list shows it."`
	decision
}

// Run leaves an event out.
func (c parkedSkipCommand) Run(ctx context.Context, p *program) error {
	list, err := chosen([]string{c.Name})
	if err != nil {
		return err
	}
	position, err := eventstore.ParsePosition(c.Position)
	if err != nil {
		return usage("%w", err)
	}
	s := p.installed()
	defer s.close()
	config, err := s.engineConfig(ctx, list[0])
	if err != nil {
		return err
	}
	still, err := engine.Skip(ctx, config, c.Key, position, c.Actor, c.Reason)
	return p.afterParked(c.Key, still, err)
}

func (p *program) afterParked(key string, still *engine.Parked, err error) error {
	if err != nil {
		return err
	}
	if still != nil {
		return fmt.Errorf("%s is parked still, for the event at position %s: %s", key, still.Position, still.Reason)
	}
	_, err = fmt.Fprintf(p.stdout, "%s is parked no more\n", key)
	return err
}

type projectionsStatusCommand struct{}

// Run shows how read models stand.
func (projectionsStatusCommand) Run(ctx context.Context, p *program) error {
	s := p.installed()
	defer s.close()
	statuses, err := s.statuses(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tVERSION\tGENERATION\tPOSITION\tHEAD\tLAG EVENTS\tLAG AGE\tRUNNER\tHEARTBEAT\tPARKED\tREBUILD")
	for _, status := range statuses {
		runner, heartbeat, rebuild := "none", "-", "-"
		if status.Holder != "" {
			runner, heartbeat = status.Holder, status.Heartbeat.Round(time.Millisecond).String()
		}
		if r := status.Rebuild; r != nil {
			rebuild = fmt.Sprintf("generation %d at position %s", r.Generation, r.Position)
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%s\t%s\t%d\t%s\t%s\t%s\t%d\t%s\n", status.Projection, status.Version, status.Generation, status.Position,
			status.Head, status.LagEvents, status.LagAge.Round(time.Millisecond), runner, heartbeat, status.Parked, rebuild)
	}
	return table.Flush()
}

// statuses tells how all read models stand.
func (s *system) statuses(ctx context.Context) ([]engine.Status, error) {
	store, err := s.store(ctx)
	if err != nil {
		return nil, err
	}
	log, err := s.log(ctx)
	if err != nil {
		return nil, err
	}
	return engine.Statuses(ctx, store, log, s.now(), projectionNames()...)
}

func projectionNames() []string {
	var names []string
	for _, projection := range projections.All() {
		names = append(names, projection.Name)
	}
	return names
}

type parkedListCommand struct {
	Names []string `arg:"" optional:"" help:"Which read models; all if none is named." placeholder:"NAME"`
}

// Run lists parked keys.
func (c parkedListCommand) Run(ctx context.Context, p *program) error {
	list, err := chosen(c.Names)
	if err != nil {
		return err
	}
	s := p.installed()
	defer s.close()
	store, err := s.store(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tKEY\tPOSITION\tTYPE\tWAITING\tATTEMPTS\tSINCE\tREASON")
	for _, projection := range list {
		for after := ""; ; {
			parked, err := engine.ListParked(ctx, store, projection.Name, after, parkedPageMax)
			if err != nil {
				return err
			}
			for _, k := range parked {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\n", k.Projection, k.Key, k.Position, k.Type, k.Waiting, k.Attempts, moment(k.Since), k.Reason)
				after = k.Key
			}
			if len(parked) < parkedPageMax {
				break
			}
		}
	}
	return table.Flush()
}

// parkedPageMax is how many parked keys are read at a time.
const parkedPageMax = 500

// engineOf returns the engine's configuration for the read model with a name.
func (s *system) engineOf(ctx context.Context, name string) (engine.Config, error) {
	list, err := chosen([]string{name})
	if err != nil {
		return engine.Config{}, err
	}
	return s.engineConfig(ctx, list[0])
}
