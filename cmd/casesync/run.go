package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"casesync/adapters/telemetry"
	"casesync/eventstore"
)

// The exit codes, which scripts rely on.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // wrong usage or configuration: nothing was done
)

// program is what every command works with.
type program struct {
	settings *manual
	resolver *resolver
	parsed   *kong.Context
	getenv   func(string) string
	stdin    io.Reader
	stdout   io.Writer
	stderr   io.Writer
	logger   *slog.Logger
	now      func() time.Time
	// userTokens lets tokens stand for business users; for tests alone.
	userTokens bool
	// older makes of the catalog of events that of an older version; for tests alone, nil elsewhere.
	older func(eventstore.Catalog) eventstore.Catalog
}

// run is the program: main gives it the world, tests give it another one. It returns the exit code.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{settings: &manual{}, getenv: getenv, stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now}
	return p.main(ctx, args)
}

// main runs a command line, and returns the exit code.
func (p *program) main(ctx context.Context, args []string) int {
	if done, err := p.parse(args); done || err != nil {
		return p.exit(err)
	}
	if err := p.prepare(); err != nil {
		return p.exit(err)
	}
	p.parsed.BindTo(ctx, (*context.Context)(nil))
	return p.exit(p.parsed.Run(p))
}

// errUsage marks what is wrong with how the program was called or configured.
var errUsage = errors.New("wrong usage")

func usage(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errUsage, fmt.Errorf(format, args...))
}

// errSilent ends a command with exit code 1 after it has said all there is to say.
var errSilent = errors.New("failed")

// exit tells what went wrong, if anything did, and returns the exit code.
func (p *program) exit(err error) int {
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errSilent):
		return exitFailed
	case errors.Is(err, errUsage):
		text := strings.TrimPrefix(err.Error(), errUsage.Error()+": ")
		fmt.Fprintf(p.stderr, "casesync: %s\nTry casesync --help.\n", text)
		return exitUsage
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(p.stderr, "casesync: stopped before it was done; what was done is kept, and the same command can be given again")
		return exitFailed
	default:
		fmt.Fprintf(p.stderr, "casesync: %s\n", explain(err))
		return exitFailed
	}
}

// asked ends parsing where the answer was help.
type asked struct{}

// parse reads the command line, the environment and the configuration file. It is done where all
// that was asked for was help.
func (p *program) parse(args []string) (done bool, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			if _, help := caught.(asked); !help {
				panic(caught)
			}
			done, err = true, nil
		}
	}()
	p.resolver = newResolver(p.getenv)
	parser, err := kong.New(p.settings, kong.Name("casesync"), kong.Description(description), kong.Writers(p.stdout, p.stderr),
		kong.Resolvers(p.resolver), kong.Bind(p.resolver), kong.Exit(func(int) { panic(asked{}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: 110}))
	if err != nil {
		return false, fmt.Errorf("build the command line: %w", err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	if err := p.resolver.loadFromEnvironment(); err != nil {
		return false, usage("%w", err)
	}
	if p.parsed, err = parser.Parse(args); err != nil {
		return false, usage("%w", err)
	}
	return false, nil
}

// prepare makes the logger, and fills in what follows from other settings.
func (p *program) prepare() (err error) {
	if p.logger, err = telemetry.NewLogger(p.stderr, p.settings.LoggerFormat, p.settings.LoggerLevel); err != nil {
		return usage("%w", err)
	}
	if err := p.settings.complete(); err != nil {
		return usage("%w", err)
	}
	return nil
}
