package gate

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/adapters/identity/local"
	"casesync/adapters/identity/sessions"
	"casesync/adapters/identity/signin"
)

// FuzzLocalPath: wherever a browser is sent, it is this very host, by Go's reading and by that of
// browsers, which take a backslash for a slash and leave tabs and ends of lines out.
func FuzzLocalPath(f *testing.F) {
	for _, seed := range []string{"/", "/cases?q=a#b", "//evil.example", `/\evil.example`, "/\t/evil.example", "/..//evil.example", "https://evil.example", "javascript:alert(1)", "/%2f%2fevil.example", "/a:b@evil.example"} {
		f.Add(seed)
	}
	home, _ := url.Parse("https://casesync.test/sign-in/oidc")
	f.Fuzz(func(t *testing.T, to string) {
		got := localPath(to)
		if got != to && got != "/" {
			t.Fatalf("%q: got %q, want it or /", to, got)
		}
		asBrowsers := strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(got)
		w := httptest.NewRecorder()
		http.Redirect(w, httptest.NewRequest(http.MethodGet, "/sign-in/oidc", nil), got, http.StatusSeeOther)
		for _, text := range []string{got, asBrowsers, w.Header().Get("Location")} {
			at, err := url.Parse(text)
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if there := home.ResolveReference(at); there.Host != home.Host || there.Scheme != home.Scheme {
				t.Fatalf("%q leads to %s", to, there)
			}
		}
	})
}

// FuzzAccountOf: writing an address otherwise leads to the same count of attempts, and a mask shows
// one character of the name.
func FuzzAccountOf(f *testing.F) {
	for _, seed := range []string{"ada@northbank.example", " Ada+x@NORTHBANK.example ", "not an address", "@", "é@x.example", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		account := accountOf(typed)
		if again := accountOf(account); again != account {
			t.Fatalf("%q: got %q, and of that %q", typed, account, again)
		}
		if padded := accountOf(" " + typed + " "); padded != account {
			t.Fatalf("%q: got %q, with spaces %q", typed, account, padded)
		}
		if name, _, _ := strings.Cut(masked(typed), "@"); len(name) > 1+len("•••") && !strings.Contains(name, "•••") {
			t.Fatalf("%q: masked as %q", typed, name)
		}
	})
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	whole := func() Config {
		return Config{
			People: &commands.People{}, Local: &local.Credentials{}, Attempts: &signin.Attempts{}, Sessions: &sessions.Sessions{},
			Activity: &silent{}, AddressDigest: strings.ToUpper, PublicURL: "https://casesync.test",
			Refused: answers{}.refused, Fault: answers{}.fault,
		}
	}
	if _, err := New(whole()); err != nil {
		t.Errorf("whole: got %v, want no error", err)
	}
	for name, change := range map[string]func(*Config){
		"People": func(c *Config) { c.People = nil }, "Local": func(c *Config) { c.Local = nil }, "Attempts": func(c *Config) { c.Attempts = nil },
		"Sessions": func(c *Config) { c.Sessions = nil }, "Activity": func(c *Config) { c.Activity = nil }, "AddressDigest": func(c *Config) { c.AddressDigest = nil },
		"Refused": func(c *Config) { c.Refused = nil }, "Fault": func(c *Config) { c.Fault = nil },
		"PublicURL": func(c *Config) { c.PublicURL = "https://casesync.test/path" }, "scheme": func(c *Config) { c.PublicURL = "casesync.test" },
		"https": func(c *Config) { c.PublicURL = "http://casesync.test" },
	} {
		config := whole()
		change(&config)
		if _, err := New(config); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: got %v, want an error that names it", name, err)
		}
	}
}

type silent struct{}

func (*silent) Record(context.Context, commands.Activity) error { return nil }

type answers struct{}

func (answers) refused(code, _ string, _ time.Duration) error { return errors.New(code) }

func (answers) fault(_ context.Context, err error) error { return err }
