package eventstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	es "casesync/eventstore"
)

// Bytes that are no JSON come back as they were, at their place, as long as their key is there.
func TestSealBytes(t *testing.T) {
	t.Parallel()
	ctx, keys := context.Background(), newKeys()
	codec := newCodec(keys)
	const data = "not JSON \xff Jane"
	envelope, err := codec.SealBytes(ctx, "casefile-1", "letter|1|original", []byte(data))
	if err != nil {
		t.Fatalf("seal: %v", err)
	}
	if !strings.HasPrefix(envelope, "letter|1|original|v1.casefile-1.") || strings.Contains(envelope, "Jane") {
		t.Errorf("got envelope %q", envelope)
	}
	if opened, err := codec.OpenEnvelopes(ctx, envelope); err != nil || string(opened[0]) != data {
		t.Errorf("got %q, %v, want %q", opened, err, data)
	}
	moved := strings.Replace(envelope, "|1|", "|2|", 1)
	if opened, err := codec.OpenEnvelopes(ctx, moved); !errors.Is(err, es.ErrAltered) {
		t.Errorf("moved: got %q, %v, want %v", opened, err, es.ErrAltered)
	}
	keys.destroy("casefile-1")
	if opened, err := codec.OpenEnvelopes(ctx, envelope); err != nil || opened[0] != nil {
		t.Errorf("erased: got %q, %v, want nothing", opened, err)
	}
}

func TestSealBytesFails(t *testing.T) {
	t.Parallel()
	keys := newKeys()
	if _, err := newCodec(keys).SealBytes(context.Background(), "a|b", "letter", nil); err == nil {
		t.Error("a bad subject: got no error")
	}
	keys.fault = errors.New("ring is down")
	if _, err := newCodec(keys).SealBytes(context.Background(), "a", "letter", nil); !errors.Is(err, keys.fault) {
		t.Errorf("got %v, want %v", err, keys.fault)
	}
}
