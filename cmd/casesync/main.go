// Command casesync is the whole product in one binary: it serves the portal's API, takes the
// events of case management systems, keeps the read models, and is the tool of those who operate
// it. `casesync --help` lists the commands, `casesync COMMAND --help` explains one.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set when the binary is built.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
