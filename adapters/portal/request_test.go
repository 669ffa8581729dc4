package portal_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"casesync/adapters/commands"
	"casesync/domain/onboarding"
	"casesync/eventstore"
	"casesync/eventstore/sqldb/sqldbtest"
)

// token finds the token in a page's hidden fields.
func (s shown) token(t *testing.T) string {
	t.Helper()
	token := s.form(t).Get("token")
	if token == "" {
		t.Fatalf("no token in the page %q:\n%s", s.title(t), s.body)
	}
	return token
}

// events returns the types of the events that were recorded of requests.
func (w *world) events() (types []string) {
	w.t.Helper()
	for recorded, err := range w.log.ReadAll(w.t.Context(), eventstore.Position{}) {
		if err != nil {
			w.t.Fatalf("read: %v", err)
		}
		types = append(types, recorded.Type)
	}
	return types
}

func (w *world) request(token string) commands.RequestView {
	w.t.Helper()
	view, err := w.people.ShowOwnRequest(w.t.Context(), token)
	if err != nil {
		w.t.Fatalf("show request: %v", err)
	}
	return view
}

// checkToken checks that the token stands in hidden fields alone, and in no address.
func (s shown) checkToken(t *testing.T, where, token string) {
	t.Helper()
	for _, link := range s.links(t) {
		if strings.Contains(link, "token") || strings.Contains(link, token) {
			t.Errorf("%s: the token stands in the address %q", where, link)
		}
	}
	hidden := 0
	for _, e := range s.elements(t) {
		if e.attr["value"] == token && e.attr["type"] == "hidden" {
			hidden++
		}
	}
	if got := strings.Count(s.body, token); got != hidden {
		t.Errorf("%s: the token is there %d times, %d of them in hidden fields", where, got, hidden)
	}
}

// TestWholeStory: ask, come back by the link, change, withdraw.
func TestWholeStory(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		received := w.post(with(filled(), "method", "", "identity-provider", "", "issuer", "", "client-id", ""))
		received.checkHouse(t, "received")
		token := received.token(t)
		received.checkToken(t, "received", token)
		view := w.request(token)
		if received.status != http.StatusOK || !strings.Contains(received.body, view.ID) || !strings.Contains(received.body, "robin.sample@bank.example") {
			t.Errorf("received: got %d, want the reference %s and the address: %s", received.status, view.ID, received.body)
		}
		if got := view.Request.Businesses; len(got) != 1 || got[0].FRN != "123456" || len(got[0].Domains) != 2 || got[0].Administrators != 1 {
			t.Errorf("recorded: got %+v", got)
		}

		progress := w.get("/access-request?token=" + url.QueryEscape(token))
		progress.checkHouse(t, "progress")
		progress.checkToken(t, "progress", token)
		for _, want := range []string{"We are checking your request", "how your people will sign in", "Example Bank plc", "bank.example, cards.example", "alex.sample@bank.example", "Change the request", "ends. The names in it are erased 30 days"} {
			if !strings.Contains(progress.body, want) {
				t.Errorf("progress: want %q", want)
			}
		}

		form := w.post(url.Values{"token": {token}, "action": {"edit"}})
		form.checkHouse(t, "edit")
		form.checkToken(t, "edit", token)
		if got := form.title(t); got != "Change your access request – Casesync portal" {
			t.Errorf("edit: got title %q", got)
		}
		changed := w.post(with(form.form(t), "action", "send", "method", "local", "business-name", "Example Bank and Daughters plc"))
		changed.checkHouse(t, "changed")
		changed.checkToken(t, "changed", token)
		if !strings.Contains(changed.body, "Your changes are saved") || strings.Contains(changed.body, "What is missing") || !strings.Contains(changed.body, "Example Bank and Daughters plc") {
			t.Errorf("changed: got %d %s", changed.status, changed.body)
		}
		if got := w.request(token); got.Request.Authentication.Method != "local" || got.People.Contact != view.People.Contact || len(got.People.Administrators) != 1 {
			t.Errorf("changed: got %+v %+v", got.Request, got.People)
		}

		asked := w.post(url.Values{"token": {token}, "action": {"withdraw"}})
		asked.checkHouse(t, "withdraw")
		asked.checkToken(t, "withdraw", token)
		if w.request(token).Status != onboarding.Submitted {
			t.Error("the question whether to withdraw withdrew it")
		}
		withdrawn := w.post(url.Values{"token": {token}, "action": {"withdraw-confirmed"}})
		withdrawn.checkHouse(t, "withdrawn")
		if !strings.Contains(withdrawn.body, "You have withdrawn your request.") || strings.Contains(withdrawn.body, "Change the request") || w.request(token).Status != onboarding.Withdrawn {
			t.Errorf("withdrawn: got %d %s", withdrawn.status, withdrawn.body)
		}

		late := w.post(with(form.form(t), "action", "send", "business-name", "Typed too late"))
		late.checkHouse(t, "late")
		if late.status != http.StatusConflict || !strings.Contains(late.body, "Typed too late") || !strings.HasPrefix(late.title(t), "Error: ") {
			t.Errorf("changed after the end: got %d, want 409, and what was typed kept", late.status)
		}
	})
}

// TestSeveralBusinesses: who administers which stays so when the request is shown and changed.
func TestSeveralBusinesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	token := w.post(with(filled(), "frn", "123456", "frn", "654321", "business-name", "One", "business-name", "Two", "domains", "bank.example", "domains", "bank.example",
		"administrator-name", "A", "administrator-name", "B", "administrator-email", "a@bank.example", "administrator-email", "b@bank.example",
		"administrator-frns", "", "administrator-frns", "654321")).token(t)
	shown := w.get("/access-request?token=" + token)
	if got := strings.Count(shown.body, "all businesses of this request"); got != 1 || !strings.Contains(shown.body, ">654321</dd></div>\n            </dl>\n") {
		t.Errorf("progress: got %d administrators of all businesses: %s", got, shown.body)
	}
	form := w.post(url.Values{"token": {token}, "action": {"edit"}}).form(t)
	if got := strings.Join(form["administrator-frns"], "|"); got != "|654321" {
		t.Errorf("edit: got %q", got)
	}
	w.post(with(form, "action", "send"))
	people := w.request(token).People.Administrators
	if len(people) != 2 || len(people[0].FRNs) != 2 || strings.Join(people[1].FRNs, " ") != "654321" {
		t.Errorf("changed: got %+v", people)
	}
}

// TestSentTwice: the same form is one request, and shows the same reference.
func TestSentTwice(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		first, again := w.post(filled()), w.post(filled())
		if first.body != again.body || len(w.events()) != 1 {
			t.Errorf("got events %v, want one, and the same answer", w.events())
		}
		w.post(with(filled(), "contact-name", "Somebody Else"))
		w.post(with(filled(), "key", "no key"))
		if got := w.events(); len(got) != 3 {
			t.Errorf("another form and one without a key: got %v, want three requests", got)
		}
	})
}

// TestFaults: each fault is at its field, in the words of the decider; everything that was typed is kept, and
// nothing recorded.
func TestFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	several := with(filled(), "frn", "123456", "frn", "654321", "business-name", "One", "business-name", "Two", "domains", "bank.example", "domains", "cards.example",
		"administrator-name", "A", "administrator-name", "B", "administrator-email", "a@bank.example", "administrator-email", "b@cards.example",
		"administrator-frns", "123456", "administrator-frns", "654321")
	cases := map[string]struct {
		form url.Values
		want map[string]string // the beginning of what is wrong, by field
	}{
		"nothing typed": {url.Values{"action": {"send"}}, map[string]string{
			"business-1-frn": "Enter the firm reference number", "contact-name": "Enter your full name", "contact-email": "Enter your e-mail address"}},
		"a number too short":        {with(filled(), "frn", "12345"), map[string]string{"business-1-frn": "A firm reference number has 6 or 7 digits."}},
		"a name of several lines":   {with(filled(), "business-name", "Example\x01Bank"), map[string]string{"business-1-name": "Give names"}},
		"a domain of anybody":       {with(filled(), "domains", "bank.example gmail.com"), map[string]string{"business-1-domains": "Anybody can have"}},
		"a domain that imitates":    {with(filled(), "domains", "bаnk.example"), map[string]string{"business-1-domains": "The domain mixes"}},
		"a contact without address": {with(filled(), "contact-email", "robin"), map[string]string{"contact-email": "Your e-mail address: This is not an e-mail address"}},
		"a shared mailbox":          {with(filled(), "administrator-email", "complaints@bank.example"), map[string]string{"administrator-1-email": "Administrator 1: This looks like a shared mailbox."}},
		"an administrator outside":  {with(filled(), "administrator-email", "a@elsewhere.example"), map[string]string{"administrator-1-email": "Administrator 1: An administrator's e-mail address is not under"}},
		"half an administrator":     {with(filled(), "administrator-name", ""), map[string]string{"administrator-1-name": "Administrator 1: Enter the full name"}},
		"a method of none":          {with(filled(), "method", "ldap"), map[string]string{"method-local": "Choose local accounts"}},
		"an issuer by http":         {with(filled(), "issuer", "http://login.bank.example"), map[string]string{"issuer": "Give addresses of the identity provider as https://"}},
		"a private key":             {with(filled(), "method", "saml", "metadata", "-----BEGIN PRIVATE KEY-----"), map[string]string{"metadata": "Give the identity provider's metadata"}},
		"metadata by http":          {with(filled(), "method", "saml", "metadata-url", "http://x"), map[string]string{"metadata-url": "Give addresses"}},
		"a number twice":            {with(several, "frn", "123456", "frn", "123456"), map[string]string{"business-2-frn": "Business 2: A firm reference number stands there twice."}},
		"an administrator twice":    {with(filled(), "administrator-name", "A", "administrator-name", "B", "administrator-email", "a@bank.example", "administrator-email", "A+x@bank.example"), map[string]string{"administrator-2-email": "Administrator 2: Two administrators"}},
		"for a business elsewhere":  {with(several, "administrator-frns", "123456", "administrator-frns", "999999"), map[string]string{"administrator-2-frns": "Administrator 2: An administrator is named for a business"}},
		"all at once": {with(several, "frn", "x", "frn", "654321", "domains", "bank.example", "domains", "not a domain!", "contact-name", "", "administrator-email", "a", "administrator-email", "b@cards.example", "issuer", "x"),
			map[string]string{"business-1-frn": "Business 1: A firm", "business-2-domains": "Business 2: This is not", "contact-name": "Enter", "administrator-1-email": "Administrator 1: This is not", "issuer": "Give addresses"}},
	}
	for name, c := range cases {
		got := w.post(c.form)
		got.checkHouse(t, name)
		if got.status != http.StatusUnprocessableEntity || !strings.HasPrefix(got.title(t), "Error: Ask for access") {
			t.Errorf("%s: got %d %q", name, got.status, got.title(t))
		}
		checkFaults(t, name, got, c.want)
		checkKept(t, name, got, c.form)
	}
	if got := w.events(); len(got) != 0 {
		t.Errorf("got events %v, want none", got)
	}
	for name, form := range map[string]url.Values{
		"all right": filled(), "several": several,
		"an administrator under the second domain": with(filled(), "administrator-email", "a@CARDS.example"),
		"what belongs to another method":           with(filled(), "method", "local", "metadata", "PRIVATE KEY", "issuer", "nothing of the kind"),
		"blocks that were left empty":              with(several, "frn", "123456", "frn", "", "business-name", "One", "business-name", "", "domains", "bank.example", "domains", " ", "administrator-name", "A", "administrator-name", "", "administrator-email", "a@bank.example", "administrator-email", "", "administrator-frns", "", "administrator-frns", ""),
		"no administrator, no method":              with(filled(), "administrator-name", "", "administrator-email", "", "method", "", "domains", ""),
	} {
		if got := w.post(with(form, "key", "")); got.status != http.StatusOK {
			t.Errorf("%s: got %d, want it taken: %s", name, got.status, got.body)
		}
	}
}

// checkFaults compares what the summary says with what is wanted, and with what stands at the fields.
func checkFaults(t *testing.T, name string, got shown, want map[string]string) {
	t.Helper()
	found := map[string]string{}
	for _, e := range got.elements(t) {
		if target, is := strings.CutPrefix(e.attr["href"], "#"); is && e.tag == "a" && target != "main" {
			found[target] = e.text
		}
	}
	if len(found) != len(want) {
		t.Errorf("%s: got faults %v, want %v", name, found, want)
	}
	for field, text := range want {
		if !strings.HasPrefix(found[field], text) {
			t.Errorf("%s: %s: got %q, want it to begin with %q", name, field, found[field], text)
		}
		if strings.Count(got.body, `id="`+strings.TrimSuffix(strings.TrimSuffix(field, "-local"), "-technical")+`-error"`) != 1 {
			t.Errorf("%s: %s: nothing is said at the field", name, field)
		}
	}
}

// checkKept compares what is in the page's form with what was typed.
func checkKept(t *testing.T, name string, got shown, typed url.Values) {
	t.Helper()
	form := got.form(t)
	for field, values := range typed {
		if field == "action" || field == "key" && values[0] == "" || field == "method" && !slices.Contains([]string{"local", "oidc", "saml"}, values[0]) {
			continue
		}
		clean := func(list []string) string { return strings.ReplaceAll(strings.Join(list, "|"), "\r\n", "\n") }
		if clean(form[field]) != clean(values) && strings.Trim(clean(values), "|") != "" {
			t.Errorf("%s: %s: got %q back, want %q", name, field, form[field], values)
		}
	}
}

// TestBlocks: the buttons inside the form add and remove, and lose nothing.
func TestBlocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	page := w.post(with(filled(), "action", "add-business"))
	page.checkHouse(t, "another business")
	form := page.form(t)
	checkKept(t, "another business", page, with(filled(), "frn", "123456", "frn", "", "business-name", "Example Bank plc", "business-name", "", "domains", "bank.example\r\n@cards.example", "domains", ""))
	if strings.HasPrefix(page.title(t), "Error") || len(form["frn"]) != 2 || len(form["administrator-frns"]) != 1 {
		t.Fatalf("another business: got %q %v", page.title(t), form)
	}
	form["frn"], form["administrator-frns"] = []string{"123456", "654321"}, []string{"654321"}
	form = w.post(with(form, "action", "add-administrator")).form(t)
	if len(form["administrator-email"]) != 2 || strings.Join(form["administrator-frns"], "|") != "654321|" {
		t.Fatalf("another administrator: got %v", form)
	}
	form = w.post(with(form, "action", "remove-business-1")).form(t)
	if strings.Join(form["frn"], "|") != "654321" || form["administrator-frns"] != nil {
		t.Errorf("one business fewer: got %v", form)
	}
	form = w.post(with(form, "action", "remove-administrator-2")).form(t)
	if strings.Join(form["administrator-email"], "|") != "alex.sample@bank.example" {
		t.Errorf("one administrator fewer: got %v", form)
	}
	for _, action := range []string{"remove-business-1", "remove-administrator-1"} {
		page := w.post(with(form, "action", action))
		page.checkHouse(t, action)
		if form := page.form(t); len(form["frn"]) != 1 || len(form["administrator-email"]) != 1 {
			t.Errorf("%s: got %v, want an empty block", action, form)
		}
	}
	for _, action := range []string{"", "remove-business-0", "remove-business-99", "remove-business--1", "remove-", "drop-table"} {
		if got := w.post(with(form, "action", action)); got.status != http.StatusOK || got.form(t).Encode() != form.Encode() {
			t.Errorf("%q: got %d, want the form as it was", action, got.status)
		}
	}
	if got := w.events(); len(got) != 0 {
		t.Errorf("got events %v, want none", got)
	}
}

// TestMarkup: what is typed into any field is shown as text, wherever it is shown.
func TestMarkup(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	const bad = `"'><script>alert(1)</script></textarea><b id=x>`
	form := filled()
	for name := range form {
		if name != "action" {
			form.Set(name, bad)
		}
	}
	form.Set("administrator-frns", bad)
	form["frn"] = []string{bad, bad}
	for _, action := range []string{"send", "add-business", "edit", "show", "withdraw", "withdraw-confirmed"} {
		got := w.post(with(form, "action", action))
		got.checkHouse(t, action)
		if strings.Contains(got.body, "<script") || strings.Contains(got.body, "<b id") {
			t.Errorf("%s: markup comes through", action)
		}
		if action == "send" && (got.form(t).Get("business-name") != bad || got.form(t).Get("metadata") != bad) {
			t.Errorf("%s: got %v back", action, got.form(t))
		}
	}
	named := w.post(with(filled(), "business-name", "<i>A</i> & B", "contact-name", "<i>Robin</i>", "identity-provider", "<i>"))
	for where, got := range map[string]shown{
		"progress": w.post(url.Values{"action": {"show"}, "token": {named.token(t)}}), "edit": w.post(url.Values{"action": {"edit"}, "token": {named.token(t)}}),
		"withdraw": w.post(url.Values{"action": {"withdraw"}, "token": {named.token(t)}}),
	} {
		got.checkHouse(t, where)
		if strings.Contains(got.body, "<i>") || !strings.Contains(got.body, "&lt;i&gt;A") {
			t.Errorf("%s: markup comes through, or is gone", where)
		}
	}
}

// TestRefused: what is no form of ours does nothing.
func TestRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	token := w.post(filled()).token(t)
	forged := token[:len(token)-1] + "A"
	if strings.HasSuffix(token, "A") {
		forged = token[:len(token)-1] + "B"
	}
	many := with(filled())
	many["frn"] = slices.Repeat([]string{""}, onboarding.BusinessesMax+1)
	for name, c := range map[string]struct {
		got  shown
		want int
	}{
		"from another site":   {w.postAs(filled(), "cross-site"), http.StatusForbidden},
		"from a sister site":  {w.postAs(filled(), "same-site"), http.StatusForbidden},
		"too large":           {w.post(with(filled(), "metadata", strings.Repeat("x", 1<<20))), http.StatusRequestEntityTooLarge},
		"too many businesses": {w.post(many), http.StatusRequestEntityTooLarge},
		"a link of nobody":    {w.get("/access-request?token=nonsense"), http.StatusNotFound},
		"a forged link":       {w.get("/access-request?token=" + forged), http.StatusNotFound},
		"a forged form":       {w.post(url.Values{"action": {"withdraw-confirmed"}, "token": {forged}}), http.StatusNotFound},
		"a forged change":     {w.post(with(filled(), "token", forged)), http.StatusNotFound},
		"a link of a reset":   {w.get("/access-request?token=reset.x.y.z"), http.StatusNotFound},
	} {
		c.got.checkHouse(t, name)
		if c.got.status != c.want {
			t.Errorf("%s: got %d, want %d", name, c.got.status, c.want)
		}
	}
	broken := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/access-request", strings.NewReader("%zz"))
	broken.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if got := w.do(broken); got.status != http.StatusBadRequest {
		t.Errorf("what is no form: got %d, want 400", got.status)
	}
	if got := w.events(); len(got) != 1 {
		t.Errorf("got events %v, want the one of the request", got)
	}
}

// TestNoLog: where nothing can be kept, what was typed is in the page all the same.
func TestNoLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	if err := w.log.Close(); err != nil {
		t.Fatal(err)
	}
	got := w.post(filled())
	got.checkHouse(t, "no log")
	if got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "Nothing that you typed is lost") {
		t.Errorf("got %d, want 503 and the form", got.status)
	}
	checkKept(t, "no log", got, filled())
}

// TestLargestForm: a form as large as it may be, with nothing right in it, is answered at once. Without a
// bound on what is tried, one of them would keep a processor busy for seconds.
func TestLargestForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqldbtest.SQLite(t))
	form := with(filled())
	for name := range form {
		if name == "frn" || strings.HasPrefix(name, "administrator") || name == "business-name" || name == "domains" {
			form.Del(name)
		}
	}
	for i := range onboarding.BusinessesMax {
		form.Add("frn", strconv.Itoa(100000+i))
		var domains []string
		for j := range onboarding.DomainsMax {
			domains = append(domains, "d"+strconv.Itoa(i)+"-"+strconv.Itoa(j)+".example")
		}
		form.Add("domains", strings.Join(domains, "\n"))
	}
	for i := range onboarding.AdministratorsMax {
		form.Add("administrator-name", "A")
		form.Add("administrator-email", "a"+strconv.Itoa(i)+"@elsewhere.example")
	}
	started := time.Now()
	got := w.post(form)
	if took := time.Since(started); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
	if found := strings.Count(got.body, "<li><a href=\"#administrator-"); got.status != http.StatusUnprocessableEntity || found != onboarding.AdministratorsMax {
		t.Errorf("got %d with %d faults, want one for each administrator", got.status, found)
	}
	got.checkHouse(t, "largest")
}
