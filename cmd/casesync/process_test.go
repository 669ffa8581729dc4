package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// long skips a test that takes minutes where the machine is asked for little: make test-long runs it.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("CASESYNC_TEST_LONG") == "" {
		t.Skip("CASESYNC_TEST_LONG is not set: make test-long runs it")
	}
}

// service is a server in a process of its own, which can be killed at any time and started again at the same
// address.
type service struct {
	*api
	world   *world
	address string
	flags   []string
	env     []string // beside this process's

	mu      sync.Mutex
	running *exec.Cmd
	printed *bytes.Buffer
	peak    int64 // bytes of memory that any of its processes had at most
	last    int   // the id of the process that runs, or ran last
}

// start starts a server with flags in a process of its own, with the tokens of [world.tokens]. It ends with the
// test.
func (w *world) start(flags ...string) *service {
	w.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		w.t.Fatal(err)
	}
	p := &program{settings: &manual{}, getenv: func(string) string { return "" }, stdout: io.Discard, stderr: io.Discard, now: time.Now}
	if _, err := p.parse(append([]string{"token", "list"}, w.storage...)); err != nil {
		w.t.Fatal(err)
	}
	if err := p.prepare(); err != nil {
		w.t.Fatal(err)
	}
	sys := p.system()
	sys.allowUserTokens = true
	s := &service{
		api: &api{t: w.t, url: "http://" + address, token: w.tokens(sys)}, world: w, address: address,
		flags: slices.Concat([]string{"serve", "--listen", address}, unhurried, flags),
	}
	sys.close()
	s.restart()
	w.t.Cleanup(s.kill)
	return s
}

// restart starts the server, and waits until it answers.
func (s *service) restart() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.printed = &bytes.Buffer{}
	s.running = s.world.process(s.flags...)
	s.running.Env = append(s.running.Env, s.env...)
	s.running.Stdout, s.running.Stderr = s.printed, s.printed
	if err := s.running.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.last = s.running.Process.Pid
	deadline := time.Now().Add(time.Minute)
	for {
		response, err := http.Get(s.url + "/livez")
		if err == nil {
			_ = response.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the server does not answer: %v\n%s", err, s.printed)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// kill ends the server at once, as a crash does.
func (s *service) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		return
	}
	s.peak = max(s.peak, peakOf(s.running.Process.Pid))
	_ = s.running.Process.Kill()
	_ = s.running.Wait() // it was killed
	s.running = nil
	if s.t.Failed() {
		s.t.Logf("the server printed:\n%s", s.printed)
	}
}

// pid returns the id of the server's process, 0 while none runs.
func (s *service) pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		return 0
	}
	return s.last
}

// signal sends a signal to the server's process: SIGSTOP stops it wherever it is, SIGCONT has it go on there.
func (s *service) signal(signal os.Signal) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.running.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
}

// terminate asks the server to end, as an update does, and waits until it has.
func (s *service) terminate() {
	s.t.Helper()
	s.signal(syscall.SIGTERM)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.running.Wait(); err != nil {
		s.t.Errorf("the server ended with %v:\n%s", err, s.printed)
	}
	s.running = nil
}

// memory returns how many bytes of memory the server's processes had at most.
func (s *service) memory() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		s.peak = max(s.peak, peakOf(s.running.Process.Pid))
	}
	return s.peak
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peakOf returns the peak of a process's memory in bytes, 0 where the system does not tell.
func peakOf(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	found := highWater.FindSubmatch(status)
	if found == nil {
		return 0
	}
	kib, _ := strconv.ParseInt(string(found[1]), 10, 64) // digits
	return kib << 10
}

// cutter is a proxy in front of a server, which cuts all connections through it when it is told to.
type cutter struct {
	listener net.Listener
	mu       sync.Mutex
	open     map[net.Conn]bool
	passed   int64 // bytes towards the server
	ended    sync.WaitGroup
}

// cut puts a proxy in front of target until the test ends.
func cut(t *testing.T, target string) *cutter {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{listener: listener, open: map[net.Conn]bool{}}
	c.ended.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			c.ended.Go(func() { c.pass(client, target) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		c.cutAll()
		c.ended.Wait()
	})
	return c
}

func (c *cutter) url() string { return "http://" + c.listener.Addr().String() }

func (c *cutter) pass(client net.Conn, target string) {
	defer client.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return // as if nobody listened
	}
	defer server.Close()
	c.mu.Lock()
	c.open[client], c.open[server] = true, true
	c.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(counted{server, c}, client)
		_ = server.Close()
		_ = client.Close()
	})
	both.Go(func() {
		_, _ = io.Copy(client, server)
		_ = server.Close()
		_ = client.Close()
	})
	both.Wait()
	c.mu.Lock()
	delete(c.open, client)
	delete(c.open, server)
	c.mu.Unlock()
}

// cutAll cuts all connections.
func (c *cutter) cutAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for connection := range c.open {
		_ = connection.Close()
	}
}

// bytes returns how many bytes went towards the server.
func (c *cutter) bytes() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.passed
}

type counted struct {
	net.Conn
	cutter *cutter
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.cutter.mu.Lock()
	c.cutter.passed += int64(n)
	c.cutter.mu.Unlock()
	return n, err
}
