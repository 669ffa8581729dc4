package eventstore

import (
	"bytes"
	"testing"
)

func benchmarkedSealer(b *testing.B) (sealer *sealer, origin string, plain []byte) {
	b.Helper()
	sealer, err := newSealer("box-1+box-1/person", bytes.Repeat([]byte{7}, 64))
	if err != nil {
		b.Fatal(err)
	}
	return sealer, "box-1|6f3f7c1e-58a0-4b55-9d5d-3f6e0f4d8a11|person", bytes.Repeat([]byte("x"), 400)
}

func BenchmarkSeal400Bytes(b *testing.B) {
	sealer, origin, plain := benchmarkedSealer(b)
	b.ReportAllocs()
	for b.Loop() {
		sealer.seal(origin, plain)
	}
}

func BenchmarkOpen400Bytes(b *testing.B) {
	sealer, origin, plain := benchmarkedSealer(b)
	sealed, err := parseSealed(sealer.seal(origin, plain))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sealer.open(origin, sealed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewSealer(b *testing.B) {
	secret := bytes.Repeat([]byte{7}, 64)
	for b.Loop() {
		if _, err := newSealer("box-1", secret); err != nil {
			b.Fatal(err)
		}
	}
}
