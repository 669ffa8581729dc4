package keyring

import (
	"testing"
)

// What was read before something was destroyed is not kept after it: it may be what was destroyed.
func TestKeysReadInAFormerEpochAreNotKept(t *testing.T) {
	t.Parallel()
	c := newCache(10)
	read := map[string]dataKey{"case-1": {id: "case-1", ringVersion: 1, secret: []byte{1}}}
	epoch := c.now()
	c.forget([]string{"case-1"})
	c.put(epoch, read)
	if secret, known := c.get("case-1"); known {
		t.Errorf("the key is kept: %v", secret)
	}
	c.put(c.now(), read)
	if _, known := c.get("case-1"); !known {
		t.Error("a key read in this epoch is not kept")
	}
}

func TestLiveKeyIsTheFirstThatIsNotDestroyed(t *testing.T) {
	t.Parallel()
	c := newCache(10)
	if key, known := c.live("case-1"); known {
		t.Errorf("an unknown subject has the live key %v", key.ID)
	}
	c.put(c.now(), map[string]dataKey{"case-1": {}})
	if key, known := c.live("case-1"); known {
		t.Errorf("a subject of which the first key is destroyed has the live key %v", key.ID)
	}
	c.put(c.now(), map[string]dataKey{"case-1#2": {ringVersion: 1, secret: []byte{2}}})
	if key, known := c.live("case-1"); !known || key.ID != "case-1#2" {
		t.Errorf("the live key is %v, %v, want case-1#2", key.ID, known)
	}
}
