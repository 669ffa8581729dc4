package kurrenttest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// pathVariable makes a test binary a peer with that file, and addressVariable has it listen there.
const (
	pathVariable    = "CASESYNC_KURRENTTEST_PATH"
	addressVariable = "CASESYNC_KURRENTTEST_ADDRESS"
)

// ServeIfAsked makes this process a peer until its standard input ends, if StartProcess started it.
// A TestMain calls it first.
func ServeIfAsked() {
	path := os.Getenv(pathVariable)
	if path == "" {
		return
	}
	p, err := serve(Config{Path: path, Address: os.Getenv(addressVariable), AppendBytesMax: 4 << 20})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(p.Address())
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent
	os.Exit(0)
}

// Process is a peer in a process of its own, to be killed.
type Process struct {
	Address string
	path    string
	cmd     *exec.Cmd
}

// StartProcess starts this test binary as a peer with the events in the file at path.
func StartProcess(tb testing.TB, path string) *Process {
	tb.Helper()
	p := &Process{path: path, Address: "127.0.0.1:0"}
	if err := p.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Kill)
	return p
}

// URL returns the address for kurrentlog.Open.
func (p *Process) URL() string {
	return "kurrentdb://" + p.Address + "?tls=false&maxAppendSize=4194304"
}

// Kill kills the process, as kill -9 does, and waits until it is dead.
func (p *Process) Kill() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

// Start starts the process again, at the same address.
func (p *Process) Start() error {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), pathVariable+"="+p.path, addressVariable+"="+p.Address)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		return err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return fmt.Errorf("start peer: %w", err)
	}
	p.cmd, p.Address = cmd, strings.TrimSpace(line)
	return nil
}
