package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"casesync/adapters/cms"
	"casesync/domain/access"
)

type importCommand struct {
	File string `arg:"" help:"The file, JSON lines; - for standard input." placeholder:"FILE"`
}

// Help is shown below the command's flags.
func (importCommand) Help() string {
	return `Takes events as POST /cms/v1/events does: one CloudEvent in JSON a line. An import can be repeated, and one that was cut short
goes on where it was: what is there already counts as duplicate. Exit code 1 if a line was rejected; it is kept as a
dead letter (casesync dead-letters).

Examples:
  casesync import feed.jsonl
  zcat feed.jsonl.gz | casesync import -`
}

// importer is the principal that imports files. Whoever can run the command on the storage could do anything.
var importer = access.Principal{ID: "system:import", Name: "import", Kind: access.Machine, Roles: []access.Role{access.CMS}}

// Run imports a file.
func (c importCommand) Run(ctx context.Context, p *program) error {
	file, size, err := p.openLines(c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	s := p.system()
	defer s.close()
	ingester, err := s.ingester(ctx)
	if err != nil {
		return err
	}
	defer limitHeap(p.getenv)()
	show := p.progress("importing", size)
	started := p.now()
	summary, err := cms.Import(ctx, ingester, file, cms.ImportOptions{
		Sender: cms.Sender{By: importer, Via: "file"}, Progress: show.at,
	})
	show.end()
	p.summarise(summary, p.now().Sub(started))
	if err != nil {
		return fmt.Errorf("import %s: %w; nothing accepted is lost: mend this and give the same command again", c.File, err)
	}
	if summary.Rejected > 0 {
		return errSilent
	}
	return nil
}

// openLines returns a file of JSON lines and its size, 0 if that is not known; - is standard input.
func (p *program) openLines(name string) (io.ReadCloser, int64, error) {
	if name == "-" {
		return io.NopCloser(p.stdin), 0, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: name a file of JSON lines, or - for standard input", err)
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	if info.IsDir() {
		file.Close()
		return nil, 0, fmt.Errorf("%s is a directory: name a file of JSON lines", name)
	}
	return file, info.Size(), nil
}

func (p *program) summarise(summary cms.Summary, took time.Duration) {
	// Lines counts a chunk when all of it is decided, and an import that fails ends in the middle of some.
	decided := summary.Accepted + summary.Duplicate + summary.Held + summary.Rejected
	rate := float64(decided) / max(took.Seconds(), 0.001)
	fmt.Fprintf(p.stdout, "%d events in %s (%.0f a second): %d accepted, %d duplicate, %d held, %d rejected\n",
		decided, took.Round(time.Millisecond), rate, summary.Accepted, summary.Duplicate, summary.Held, summary.Rejected)
	for _, r := range summary.Rejections {
		fmt.Fprintf(p.stdout, "  line %d: %s: %s\n", r.Line, r.Code, r.Reason)
	}
	if more := summary.Rejected - int64(len(summary.Rejections)); more > 0 {
		fmt.Fprintf(p.stdout, "  and %d more: casesync dead-letters list\n", more)
	}
	if summary.Truncated {
		fmt.Fprintln(p.stdout, "the file ends in the middle of a line: fetch it whole and import it again")
	}
}
