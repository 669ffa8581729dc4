package lru_test

import (
	"sync"
	"testing"

	"casesync/eventstore/lru"
)

func TestForgetsTheLeastRecentlyUsed(t *testing.T) {
	t.Parallel()
	cache := lru.New[string, int](2)
	cache.Put("a", 1)
	cache.Put("b", 2)
	cache.Get("a")
	cache.Put("c", 3)
	if _, ok := cache.Get("b"); ok {
		t.Error("b is still there, want it forgotten: it was used least recently")
	}
	for key, want := range map[string]int{"a": 1, "c": 3} {
		if got, ok := cache.Get(key); !ok || got != want {
			t.Errorf("Get(%q) = %v, %v, want %v, true", key, got, ok, want)
		}
	}
}

func TestPutReplacesAndDeleteForgets(t *testing.T) {
	t.Parallel()
	cache := lru.New[string, int](2)
	cache.Put("a", 1)
	cache.Put("a", 2)
	if got, _ := cache.Get("a"); got != 2 || cache.Len() != 1 {
		t.Errorf("after two puts Get = %v, Len = %v, want 2, 1", got, cache.Len())
	}
	cache.Delete("a")
	cache.Delete("a")
	if _, ok := cache.Get("a"); ok || cache.Len() != 0 {
		t.Errorf("after Delete Get is %v, Len = %v, want false, 0", ok, cache.Len())
	}
}

func TestWithoutRoomHoldsNothing(t *testing.T) {
	t.Parallel()
	cache := lru.New[int, int](0)
	cache.Put(1, 1)
	if cache.Len() != 0 {
		t.Errorf("Len = %v, want 0", cache.Len())
	}
}

func TestStaysBoundedUnderConcurrentUse(t *testing.T) {
	t.Parallel()
	cache := lru.New[int, int](10)
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 1000 {
				cache.Put(i*8+worker, i)
				cache.Get(i)
				cache.Delete(i - 5)
			}
		})
	}
	group.Wait()
	if cache.Len() > 10 {
		t.Errorf("Len = %v, want at most 10", cache.Len())
	}
}
