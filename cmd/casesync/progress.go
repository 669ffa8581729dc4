package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"casesync/projections/engine"
)

// progress shows how far a long work is: a bar on a terminal, a line every few seconds elsewhere.
type progress struct {
	bar     *progressbar.ProgressBar
	out     io.Writer
	label   string
	size    int64
	started time.Time
	told    time.Time
	now     func() time.Time
}

// progressInterval is the pause between two lines of progress where there is no terminal.
const progressInterval = 5 * time.Second

func (p *program) progress(label string, size int64) *progress {
	now := p.now()
	show := &progress{out: p.stderr, label: label, size: size, started: now, told: now, now: p.now}
	if terminal, ok := p.stderr.(*os.File); ok && term.IsTerminal(int(terminal.Fd())) {
		if size == 0 {
			size = -1 // a spinner
		}
		show.bar = progressbar.NewOptions64(size, progressbar.OptionSetWriter(p.stderr), progressbar.OptionSetDescription(label),
			progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	return show
}

// at says that so many lines of so many bytes are done.
func (s *progress) at(lines, bytes int64) {
	if s.bar != nil {
		_ = s.bar.Set64(bytes) // a bar that cannot be drawn is no reason to stop
		return
	}
	now := s.now()
	if now.Sub(s.told) < progressInterval {
		return
	}
	s.told = now
	done := ""
	if s.size > 0 {
		done = fmt.Sprintf(", %d %%", 100*bytes/s.size)
	}
	fmt.Fprintf(s.out, "%s: %d lines%s, %.0f a second\n", s.label, lines, done, float64(lines)/max(now.Sub(s.started).Seconds(), 0.001))
}

func (s *progress) end() {
	if s.bar != nil {
		_ = s.bar.Finish()
	}
}

// fractions shows the progress of a rebuild or a verification.
type fractions struct {
	bar   *progressbar.ProgressBar
	out   io.Writer
	label string
	told  time.Time
	now   func() time.Time
}

// fractionSteps is how fine a bar of fractions is.
const fractionSteps = 1000

func (p *program) fractions(label string) *fractions {
	show := &fractions{out: p.stderr, label: label, told: p.now(), now: p.now}
	if terminal, ok := p.stderr.(*os.File); ok && term.IsTerminal(int(terminal.Fd())) {
		show.bar = progressbar.NewOptions(fractionSteps, progressbar.OptionSetWriter(p.stderr), progressbar.OptionSetDescription(label),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	return show
}

func (s *fractions) at(progress engine.Progress) {
	if s.bar != nil {
		_ = s.bar.Set(int(fractionSteps * progress.Fraction())) // a bar that cannot be drawn is no reason to stop
		return
	}
	now := s.now()
	if now.Sub(s.told) < progressInterval {
		return
	}
	s.told = now
	fmt.Fprintf(s.out, "%s: %.0f %%, %d events, %.0f a second, %s left\n", s.label, 100*progress.Fraction(), progress.Events, progress.EventsPerSecond, progress.Remaining)
}

func (s *fractions) end() {
	if s.bar != nil {
		_ = s.bar.Finish()
	}
}
