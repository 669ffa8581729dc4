package main

import (
	"net/http"
	"strings"
	"testing"
)

// TestFollowersBeginAnew has every follower go over the whole log again: nobody is mailed twice, and
// nothing that people have is taken away.
func TestFollowersBeginAnew(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.storyFeed()
		o := w.open(&clock{})
		o.publishTerms("2026-01")
		administrator := o.localStory()
		leaver := o.hire(administrator, "Quentin Vanisher", "quentin.vanisher@local.example")
		administrator.must(http.MethodPost, "/api/v1/users/"+leaver.person+"/disable", map[string]any{"business": frnLocal, "reason": "on leave"})
		administrator.must(http.MethodPost, "/api/v1/users/"+leaver.person+"/enable", map[string]any{"business": frnLocal})
		o.reacted()
		mails := len(o.mails())
		if text, code := w.run("followers", "restart", "reactions", "--reason", "a test"); code == exitDone {
			t.Errorf("restarted while a process is at work: %s", text)
		}
		o.stop()

		if text, code := w.run("followers", "restart", "castles", "--reason", "a test"); code != exitUsage || !strings.Contains(text, "reactions") {
			t.Errorf("an unknown follower: got %d %s", code, text)
		}
		for _, name := range followerNames {
			w.must("followers", "restart", name, "--reason", "a test")
		}
		if text := w.must("followers", "list"); strings.Count(text, " 0 ") != len(followerNames) {
			t.Errorf("got %s, want all at the beginning", text)
		}
		o = w.open(&clock{})
		o.caughtUp()
		o.reacted()
		if got := len(o.mails()); got != mails {
			t.Errorf("got %d mails, want %d", got, mails)
		}
		leaver.browser.office, leaver.browser.client.Transport = o, o.client(nil).Transport
		leaver.browser.seesCasesOf(frnLocal)
	})
}
