package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// destination is where an export goes.
type destination struct {
	To string `help:"File to write, which must not exist; - for standard output." default:"-" placeholder:"FILE"`
}

// toFile reports whether it goes to a file.
func (d destination) toFile() bool { return d.To != "-" }

// write has an export written. A file that was not written to its end is removed, so that the same
// command can be given again.
func (d destination) write(p *program, export func(io.Writer) error) error {
	if !d.toFile() {
		return export(p.stdout)
	}
	file, err := os.OpenFile(d.To, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("--to: %w: name a file that does not exist", err)
	}
	if err := errors.Join(export(file), file.Close()); err != nil {
		return errors.Join(err, os.Remove(d.To))
	}
	return nil
}
