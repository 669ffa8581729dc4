package local

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"casesync/adapters/identity/signin"
	"casesync/domain/account"
	"casesync/eventstore/sqldb/sqldbtest"
)

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		password, "three random words", "Tr0ub4dor&3 horse", "наша кошка спит", "correct-horse-battery-staple",
		"8492 7301 6652", "Adalovelace likes engines", "ombudsman teapot window",
	} {
		if err := CheckPassword(good, "Ada Lovelace", "ada.lovelace@northbank.example", "North Bank plc"); err != nil {
			t.Errorf("%q: got %v, want no error", good, err)
		}
	}
	for bad, want := range map[string]PasswordCode{
		"":                          TooShort,
		"elevenchars":               TooShort,
		"пароль12345":               TooShort, // characters, not bytes
		"a\xffbcdefghijklmnop":      TooShort,
		strings.Repeat("ab1x ", 26): TooLong,
		strings.Repeat("x", 1<<20):  TooLong,
		"password1234":              TooCommon,
		"P@ssw0rd!!!!!!":            TooCommon,
		"!!!Liverpool1892":          TooCommon,
		"1qaz2wsx3edc4rfv":          TooCommon,
		"qwertyuiop12":              TooCommon,
		"aaaaaaaaaaaa":              TooRegular,
		"abcdefghijklmn":            TooRegular,
		"210987654321":              TooRegular,
		"abcxyabcxyabcxy":           TooRegular,
		"AdaLovelace1!":             TooPersonal,
		"northbank-2026":            TooPersonal,
		"ombudsman1234!":            TooPersonal,
		"CasesyncNorth1":            TooPersonal,
	} {
		var got *PasswordError
		err := CheckPassword(bad, "Ada Lovelace", "ada.lovelace@northbank.example", "North Bank plc")
		if !errors.As(err, &got) || got.Code != want || got.Error() == "" {
			t.Errorf("%.30q: got %v, want %s", bad, err, want)
		}
	}
}

func FuzzCheckPassword(f *testing.F) {
	f.Add("velvet otter lantern", "Ada")
	f.Add("ﬁﬁﬁﬁﬁﬁﬁﬁﬁﬁﬁﬁ", "")
	f.Fuzz(func(t *testing.T, password, context string) {
		length := utf8.RuneCountInString(norm.NFKC.String(password))
		if CheckPassword(password, context) == nil && (length < passwordRunesMin || length > passwordRunesMax) {
			t.Errorf("%q of %d characters passes", password, length)
		}
	})
}

// Rising parameters reach each password when it is next right, and that one alone.
func TestRehash(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, func(t *testing.T, address string) {
		kek := filepath.Join(t.TempDir(), "kek")
		before := open(t, address, kek, nil)
		before.enrol(ada)
		before.enrol("user-bob")
		f := open(t, address, kek, func(c *Config) { c.Hashing.MemoryKiB, c.Hashing.Passes = 64, 2 })
		stored := func(user string) (phc string) {
			f.must(f.db.QueryRow(`SELECT phc FROM local_passwords WHERE user_id = $1`, user).Scan(&phc))
			return phc
		}
		const weak, strong = "$argon2id$v=19$m=32,t=1,p=1$", "$argon2id$v=19$m=64,t=2,p=1$"
		_, err := f.try("ada@northbank.example", ada, "wrong")
		f.wantCode("wrong", err, signin.Wrong)
		if got := stored(ada); !strings.HasPrefix(got, weak) {
			t.Errorf("after a wrong one: got %q, want %s", got, weak)
		}
		f.challenge()
		if got := stored(ada); !strings.HasPrefix(got, strong) {
			t.Errorf("after the right one: got %q, want %s", got, strong)
		}
		f.challenge()
		if got := stored("user-bob"); !strings.HasPrefix(got, weak) {
			t.Errorf("another's: got %q, want %s", got, weak)
		}
	})
}

// The defaults are those that OWASP names; nobody weakens them by mistake.
func TestDefaultsOfHashing(t *testing.T) {
	t.Parallel()
	h, err := newHasher(Hashing{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := h.hash(t.Context(), password)
	if err != nil || !strings.HasPrefix(text, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("got %q, %v, want 19 MiB, 2 passes, 1 lane", text, err)
	}
	for secret, want := range map[string]bool{password: true, password + " ": false, "": false} {
		if right, weak, err := h.verify(t.Context(), secret, text); right != want || weak || err != nil {
			t.Errorf("%q: got %v, %v, %v, want %v", secret, right, weak, err, want)
		}
	}
	for _, config := range []Hashing{{MemoryKiB: 1}, {MemoryKiB: 1 << 30}, {Passes: 99}, {Lanes: 99}, {AtOnceMax: -1}, {WaitingMax: -1}} {
		if _, err := newHasher(config); err == nil {
			t.Errorf("%+v: got no error", config)
		}
	}
	composed, decomposed := "caf\u00e9 au lait noir", "cafe\u0301 au lait noir"
	if text, err = h.hash(t.Context(), composed); err != nil {
		t.Fatal(err)
	}
	if right, _, err := h.verify(t.Context(), decomposed, text); !right || err != nil {
		t.Errorf("the same text typed otherwise: got %v, %v, want it to be right", right, err)
	}
}

func FuzzParsePHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2i$v=19$m=1,t=1,p=1$$")
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePHC(text)
		if err != nil {
			return
		}
		if p.String() != text || p.memoryKiB > memoryKiBMax || p.passes > passesMax || p.lanes > lanesMax {
			t.Errorf("%q is read as %s", text, p)
		}
	})
}

func answers() []Answer {
	c := Catalogue()
	return []Answer{{c[0], "Rosebud"}, {c[3], "Elm Street 13"}, {c[6], "Ms O'Hara"}}
}

func TestQuestions(t *testing.T) {
	each(t, nil, func(f *fixture) {
		f.must(f.SetQuestions(f.ctx(), ada, 0, answers()))
		status, err := f.Status(f.ctx(), ada)
		f.must(err)
		if len(status.Questions) != questionsEach || status.Questions[1] != Catalogue()[3] {
			f.t.Errorf("got questions %q, want those chosen", status.Questions)
		}
		right := []string{" ROSEBUD.", "elm street, 13", "Ms Ohara"}
		f.wantCode("right", f.CheckQuestions(f.ctx(), ada, right, office), "")
		for name, given := range map[string][]string{
			"none": nil, "two": right[:2], "four": append(right[:3:3], "x"), "one wrong": {right[0], "oak street 13", right[2]}, "other order": {right[1], right[0], right[2]},
		} {
			f.wantCode(name, f.CheckQuestions(f.ctx(), ada, given, office), signin.Wrong)
		}
		f.wantCode("the sixth wrong", f.CheckQuestions(f.ctx(), ada, nil, office), signin.Wrong)
		f.wantCode("right in a lock", f.CheckQuestions(f.ctx(), ada, right, office), signin.Limited)
		f.must(f.Void(f.ctx(), ada, account.Generations{Questions: 1}))
		f.add(f.config.Account.Base)
		f.wantCode("after a reset", f.CheckQuestions(f.ctx(), ada, right, office), signin.Wrong)

		c := Catalogue()
		for name, given := range map[string][]Answer{
			"none": nil, "two": answers()[:2], "one question twice": {{c[0], "abc"}, {c[0], "def"}, {c[1], "ghi"}}, "one answer twice": {{c[0], "abc"}, {c[1], "A-B-C"}, {c[2], "ghi"}},
			"own question": {{"Who am I?", "abc"}, {c[1], "def"}, {c[2], "ghi"}}, "short": {{c[0], "a-b"}, {c[1], "def"}, {c[2], "ghi"}},
		} {
			if err := f.SetQuestions(f.ctx(), ada, 0, given); !errors.Is(err, ErrAnswers) {
				f.t.Errorf("%s: got %v, want %v", name, err, ErrAnswers)
			}
		}
	})
}
