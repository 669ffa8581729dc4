package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// resolver gives flags their values from the environment, else from the configuration file, and
// remembers where each came from. The command line goes before both.
type resolver struct {
	getenv func(string) string
	file   string // path of the configuration file, "" if there is none
	values map[string]string
	from   map[string]string // flag → where its value came from
}

func newResolver(getenv func(string) string) *resolver {
	return &resolver{getenv: getenv, from: map[string]string{}}
}

// configFile is the flag that names a configuration file.
type configFile string

// BeforeResolve loads the file before any flag looks for its value there.
func (configFile) BeforeResolve(r *resolver, parsed *kong.Context, trace *kong.Path) error {
	path, _ := parsed.FlagValue(trace.Flag).(configFile)
	return r.load(string(path))
}

// loadFromEnvironment loads the file that CASESYNC_CONFIG names, if it does.
func (r *resolver) loadFromEnvironment() error {
	if path := r.getenv(environmentName("config")); path != "" {
		return r.load(path)
	}
	return nil
}

// load reads a file of lines `flag: value`; a list stands for a value with commas.
func (r *resolver) load(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open configuration file: %w", err)
	}
	defer file.Close()
	var raw map[string]any
	if err := yaml.NewDecoder(file).Decode(&raw); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read configuration file %s: %w", path, err)
	}
	r.file, r.values = path, map[string]string{}
	for key, value := range raw {
		if r.values[key], err = flat(value); err != nil {
			return fmt.Errorf("read configuration file %s: %s: %w", path, key, err)
		}
	}
	return nil
}

func flat(value any) (string, error) {
	switch value := value.(type) {
	case string, int, float64, bool:
		return fmt.Sprint(value), nil
	case []any:
		parts := make([]string, len(value))
		for i, part := range value {
			text, err := flat(part)
			if err != nil {
				return "", err
			}
			parts[i] = text
		}
		return strings.Join(parts, ","), nil
	default:
		return "", errors.New("want a value or a list of values")
	}
}

// environmentName is the variable that stands for a flag: CASESYNC_READ_MODEL for --read-model.
func environmentName(flag string) string {
	return "CASESYNC_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Validate refuses keys of the file that no flag of any command has.
func (r *resolver) Validate(app *kong.Application) error {
	known := flagNames(app.Node)
	for key := range r.values {
		if !slices.Contains(known, key) {
			return fmt.Errorf("configuration file %s: there is no setting %q; casesync config lists those there are", r.file, key)
		}
	}
	return nil
}

func flagNames(node *kong.Node) []string {
	var names []string
	for _, flag := range node.Flags {
		names = append(names, flag.Name)
	}
	for _, child := range node.Children {
		names = append(names, flagNames(child)...)
	}
	return names
}

// Resolve finds the value of a flag that the command line does not give.
func (r *resolver) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if flag.Name == "help" {
		return nil, nil
	}
	if value := r.getenv(environmentName(flag.Name)); value != "" {
		r.from[flag.Name] = environmentName(flag.Name)
		return value, nil
	}
	if value, ok := r.values[flag.Name]; ok {
		r.from[flag.Name] = r.file
		return value, nil
	}
	return nil, nil
}
