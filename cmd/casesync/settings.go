package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/alecthomas/kong"

	"casesync/eventstore/sqldb"
)

// settingsCommand is `casesync config`. It takes the flags of serve, so that a call of serve can be
// tried out by writing config in its place.
type settingsCommand struct {
	serveCommand
}

// Help is shown below the command's flags.
func (*settingsCommand) Help() string {
	return `Prints each setting with its value and where that comes from: the command line, a variable, the configuration file, or the
default. Passwords are masked. The flags of serve may be given: they are shown as serve would take them.`
}

// Run prints the settings in force.
func (c *settingsCommand) Run(p *program) error {
	if err := c.check(); err != nil {
		return usage("%w", err)
	}
	given := map[*kong.Flag]bool{}
	for _, path := range p.parsed.Path {
		if path.Flag != nil && !path.Resolved {
			given[path.Flag] = true
		}
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SETTING\tVALUE\tFROM")
	for _, node := range []*kong.Node{p.parsed.Model.Node, p.parsed.Selected()} {
		for _, flag := range node.Flags {
			if flag.Name == "help" {
				continue
			}
			from := p.resolver.from[flag.Name]
			switch {
			case given[flag]:
				from = "command line"
			case from == "":
				from = "default"
			}
			fmt.Fprintf(table, "%s\t%s\t%s\n", flag.Name, p.shown(flag), from)
		}
	}
	return table.Flush()
}

// shown is a setting's value as people may see it.
func (p *program) shown(flag *kong.Flag) string {
	s := p.settings.storage
	completed := map[string]string{
		"log": shownLog(s.LogAt), "read-model": sqldb.Redact(s.ReadModel), "keyring": sqldb.Redact(s.Keyring),
		"state": sqldb.Redact(s.State), "kek-file": s.KEKFile, "documents": s.Documents, "secrets": s.Secrets, "mail-folder": s.MailTo,
	}
	if value, ok := completed[flag.Name]; ok {
		return value
	}
	return fmt.Sprint(flag.Target.Interface())
}
