package main

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// heapMiB is where the garbage collector begins to work harder during an import. The caches of the
// databases, which it does not see, come on top; the whole process stays under 512 MB.
const heapMiB = 320

// limitHeap keeps the heap near heapMiB, and returns what takes the limit away again. Who sets
// GOMEMLIMIT knows better.
func limitHeap(getenv func(string) string) (restore func()) {
	if getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	before := debug.SetMemoryLimit(heapMiB << 20)
	return func() { debug.SetMemoryLimit(before) }
}

// forgetPeak makes the kernel forget how much memory the process had at its peak. Where it cannot,
// the peak is of the whole life of the process, which is more.
func forgetPeak() {
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200)
}

// peakMB is the most memory that the process had, in MB; 0 where the system does not say.
func peakMB() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			if err != nil {
				return 0
			}
			return kib * 1024 / 1e6
		}
	}
	return 0
}
