package account_test

import (
	"testing"
	"time"

	"casesync/domain/account"
	"casesync/domain/domaintest"
)

var noon = time.Date(2025, time.January, 6, 12, 0, 0, 0, time.UTC)

func requested(id string) *account.ResetRequested {
	return &account.ResetRequested{
		ResetID: id, Purpose: account.ResetPassword, TokenDigest: "digest of " + id, ExpiresAt: noon.Add(time.Hour),
	}
}

func request(id string) account.RequestReset {
	return account.RequestReset{
		ID: id, Purpose: account.ResetPassword, TokenDigest: "digest of " + id, ExpiresAt: noon.Add(time.Hour), At: noon,
	}
}

func use(id string) account.UseReset {
	return account.UseReset{ID: id, TokenDigest: "digest of " + id, At: noon.Add(time.Hour - 1)}
}

func TestRequestReset(t *testing.T) {
	t.Parallel()
	request := func(change func(*account.RequestReset)) account.Command {
		command := request("r1")
		change(&command)
		return command
	}
	asItIs := func(*account.RequestReset) {}
	lifetime := func(d time.Duration) account.Command {
		return request(func(c *account.RequestReset) { c.ExpiresAt = noon.Add(d) })
	}
	longest := requested("r1")
	longest.ExpiresAt = noon.Add(24 * time.Hour)
	domaintest.Run(t, decider, []row{
		{Name: "a local account", Given: localActive, When: request(asItIs), Then: events(requested("r1"))},
		{Name: "a day", Given: localActive, When: lifetime(24 * time.Hour), Then: events(longest)},
		{Name: "more than a day", Given: localActive, When: lifetime(24*time.Hour + 1), Refused: "reset-lifetime"},
		{Name: "over at once", Given: localActive, When: lifetime(0), Refused: "reset-lifetime"},
		{Name: "a newer one", Given: after(localActive, requested("r0")), When: request(asItIs), Then: events(requested("r1"))},
		{
			Name: "for nothing", Given: localActive, Refused: "reset-purpose",
			When: request(func(c *account.RequestReset) { c.Purpose = "name" }),
		},
		{Name: "invited", Given: local, When: request(asItIs), Refused: "account-not-active"},
		{Name: "federated", Given: federatedActive, When: request(asItIs), Refused: "federated-account"},
		{Name: "disabled by an operator", Given: blocked, When: request(asItIs), Refused: "account-disabled"},
		{Name: "disabled for inactivity", Given: asleep, When: request(asItIs), Refused: "account-disabled"},
		{Name: "erased", Given: after(localActive, gone), When: request(asItIs), Refused: "account-erased"},
		{Name: "nobody's", When: request(asItIs), Refused: "account-unknown"},
	})
	for name, command := range map[string]account.RequestReset{
		"no id":        {Purpose: account.ResetPassword, TokenDigest: "d", ExpiresAt: noon.Add(1), At: noon},
		"no digest":    {ID: "r1", Purpose: account.ResetPassword, ExpiresAt: noon.Add(1), At: noon},
		"the id again": request(func(c *account.RequestReset) { c.ID = "r0" }).(account.RequestReset),
	} {
		if events, err := account.Decide(decider.State(after(localActive, requested("r0"))...), command); err == nil {
			t.Errorf("%s: got %s, want an error", name, domaintest.Describe(events))
		}
	}
}

// TestUseReset: whoever has the newest token uses it once, in time; everybody else gets one and the
// same answer.
func TestUseReset(t *testing.T) {
	t.Parallel()
	pending := after(localActive, requested("r1"))
	used := &account.ResetUsed{ResetID: "r1", Purpose: account.ResetPassword}
	factor, newer := requested("f1"), requested("f2")
	factor.Purpose, newer.Purpose = account.ResetSecondFactor, account.ResetSecondFactor
	factorUsed := &account.ResetUsed{ResetID: "f1", Purpose: account.ResetSecondFactor}
	late, guess := use("r1"), use("r1")
	late.At, guess.TokenDigest = noon.Add(time.Hour), "digest of r2"
	const refused = "reset-invalid"
	domaintest.Run(t, decider, []row{
		{Name: "in time", Given: pending, When: use("r1"), Then: events(used)},
		{Name: "too late", Given: pending, When: late, Refused: refused},
		{Name: "a guess", Given: pending, When: guess, Refused: refused},
		{Name: "nothing at all", Given: localActive, When: account.UseReset{At: noon}, Refused: refused},
		{Name: "twice", Given: after(pending, used), When: use("r1"), Refused: refused},
		{Name: "the one before", Given: after(pending, requested("r2")), When: use("r1"), Refused: refused},
		{
			Name: "the newer one", Given: after(pending, requested("r2")), When: use("r2"),
			Then: events(&account.ResetUsed{ResetID: "r2", Purpose: account.ResetPassword}),
		},
		{
			Name: "mailed to another address", When: use("r1"), Refused: refused,
			Given: after(pending, &account.DetailsChanged{Person: person("Ada Example", "ada@example.org"), Domain: "example.org"}),
		},
		{
			Name: "of another way of signing in", When: use("r1"), Refused: refused,
			Given: after(pending, &account.MethodChanged{Method: account.SAML, Connection: "idp"}),
		},
		{Name: "disabled", Given: after(pending, disabled(account.ByOperator, monday)), When: use("r1"), Refused: refused},
		{
			Name: "disabled meanwhile", When: use("r1"), Refused: refused,
			Given: after(pending, disabled(account.ByOperator, monday), &account.Enabled{Lifted: []account.Cause{account.ByOperator}, Day: monday}),
		},
		{Name: "erased", Given: after(pending, gone), When: use("r1"), Refused: refused},
		{Name: "beside one for a factor", Given: after(pending, factor), When: use("r1"), Then: events(used)},
		{Name: "for a factor, with a newer one for a password", Given: after(localActive, factor, requested("r1")), When: use("f1"), Then: events(factorUsed)},
		{Name: "for a factor, with a used one for a password", Given: after(pending, factor, used), When: use("f1"), Then: events(factorUsed)},
		{Name: "for a factor, twice", Given: after(pending, factor, factorUsed), When: use("f1"), Refused: refused},
		{Name: "for a factor, the one before", Given: after(localActive, factor, newer), When: use("f1"), Refused: refused},
		{Name: "both of somebody disabled", Given: after(pending, factor, disabled(account.ByOperator, monday)), When: use("f1"), Refused: refused},
		{Name: "nobody's", When: use("r1"), Refused: refused},
	})
}

func TestWhoAndWhatIsPending(t *testing.T) {
	t.Parallel()
	state := decider.State(after(localActive, requested("r1"))...)
	want := account.Reset{ID: "r1", Purpose: account.ResetPassword, TokenDigest: "digest of r1", ExpiresAt: noon.Add(time.Hour)}
	if got, pending := state.Reset("r1"); !pending || got != want {
		t.Errorf("reset: got %v, %v, want %v", got, pending, want)
	}
	if got, open := state.Person().Get(); !open || got.Name != "Ada Example" {
		t.Errorf("person: got %v, %v", got, open)
	}
	if got, pending := decider.State().Reset(""); pending || !decider.State().Person().IsZero() {
		t.Errorf("of nobody: got %v, %v", got, decider.State().Person())
	}
}
