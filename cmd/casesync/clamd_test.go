package main

import (
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// eicar is the test string that every scanner knows, and no virus. It is put together here, so that none takes
// this file for it.
var eicar = []byte(`X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR` + `-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`)

// scannerDaemon is a ClamAV daemon of a test's own, which it may kill.
type scannerDaemon struct {
	t       *testing.T
	dir     string
	running *exec.Cmd
}

// clamav starts a ClamAV daemon that looks at files of up to so many MiB, and knows the test string. scripts/test-clamd.sh
// installs the program.
func clamav(t *testing.T, mib int) *scannerDaemon {
	t.Helper()
	d := &scannerDaemon{t: t, dir: t.TempDir()}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("eicar.ndb", "Eicar-Test-Signature:0:*:"+hex.EncodeToString(eicar)+"\n")
	write("clamd.conf", fmt.Sprintf("LocalSocket %s\nDatabaseDirectory %s\nTemporaryDirectory %s\nForeground yes\nAlertExceedsMax yes\nSelfCheck 3600\n"+
		"StreamMaxLength %dM\nMaxFileSize %dM\nMaxScanSize %dM\n", d.socket(), d.dir, d.dir, mib, mib, 2*mib))
	d.start()
	t.Cleanup(d.kill)
	return d
}

func (d *scannerDaemon) socket() string { return filepath.Join(d.dir, "clamd.sock") }

// flags are those of a server that asks this daemon.
func (d *scannerDaemon) flags() []string {
	return []string{"--scanner", "unix:" + d.socket(), "--scanner-config", filepath.Join(d.dir, "clamd.conf")}
}

// start starts the daemon, and waits until it answers.
func (d *scannerDaemon) start() {
	d.t.Helper()
	program, err := exec.LookPath("clamd")
	if err != nil {
		program = "/usr/sbin/clamd"
	}
	_ = os.Remove(d.socket()) // of one that was killed
	d.running = exec.Command(program, "--config-file="+filepath.Join(d.dir, "clamd.conf"))
	if err := d.running.Start(); err != nil {
		d.t.Fatalf("start ClamAV: %v: run the tests under scripts/test-clamd.sh, which installs it", err)
	}
	for range 300 {
		if connection, err := net.Dial("unix", d.socket()); err == nil {
			_ = connection.Close()
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	d.t.Fatal("ClamAV does not answer within 30 seconds")
}

// kill ends the daemon at once.
func (d *scannerDaemon) kill() {
	if d.running == nil {
		return
	}
	_ = d.running.Process.Kill()
	_ = d.running.Wait() // it was killed
	d.running = nil
}
