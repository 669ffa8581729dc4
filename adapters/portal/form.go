package portal

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"casesync/adapters/commands"
	"casesync/domain/account"
	"casesync/domain/onboarding"
)

// formBytesMax is the size of a form. Metadata of an identity provider make most of it, and each of
// their bytes may take three on the way.
const formBytesMax = 1 << 20

var (
	// errForm: what was sent is no form.
	errForm = errors.New("the form cannot be read")
	// errTooMany: the form has more blocks than a request may have.
	errTooMany = errors.New("the form has too many parts")
)

// requestForm is an access request as it is typed. What is in it is shown again as it is, and nothing
// is taken for granted of it.
type requestForm struct {
	// Key makes sending the same form twice one request. Token is of the mailed link, where the request
	// is there already.
	Key, Token                    string
	Businesses                    []businessFields
	Administrators                []administratorFields
	ContactName, ContactEmail     string
	Method, IdentityProvider      string
	Issuer, ClientID, MetadataURL string
	Metadata                      string
}

// businessFields are one of the businesses. Domains are separated by what separates words.
type businessFields struct{ FRN, Name, Domains string }

// administratorFields are one of the administrators. FRNs are separated by what separates words.
type administratorFields struct{ Name, Email, FRNs string }

// newForm is the form as it is opened first.
func newForm() requestForm {
	return requestForm{Key: uuid.NewString(), Businesses: make([]businessFields, 1), Administrators: make([]administratorFields, 1)}
}

// readForm reads what a browser sent, and which button was pressed.
func readForm(r *http.Request) (form requestForm, action string, err error) {
	if err := r.ParseForm(); err != nil {
		return form, "", fmt.Errorf("%w: %w", errForm, err)
	}
	sent, one := r.PostForm, r.PostForm.Get
	form = requestForm{
		Key: one("key"), Token: one("token"), ContactName: one("contact-name"), ContactEmail: one("contact-email"),
		Method: one("method"), IdentityProvider: one("identity-provider"), Issuer: one("issuer"), ClientID: one("client-id"),
		MetadataURL: one("metadata-url"), Metadata: one("metadata"),
	}
	if len(sent["frn"]) > onboarding.BusinessesMax || len(sent["administrator-email"]) > onboarding.AdministratorsMax {
		return form, "", errTooMany
	}
	for i := range max(1, len(sent["frn"])) {
		form.Businesses = append(form.Businesses, businessFields{at(sent["frn"], i), at(sent["business-name"], i), at(sent["domains"], i)})
	}
	for i := range max(1, len(sent["administrator-email"])) {
		form.Administrators = append(form.Administrators,
			administratorFields{at(sent["administrator-name"], i), at(sent["administrator-email"], i), at(sent["administrator-frns"], i)})
	}
	return form, one("action"), nil
}

// at returns one of several values, "" where there are fewer.
func at(values []string, i int) string {
	if i < len(values) {
		return values[i]
	}
	return ""
}

// change does what one of the buttons inside the form asks: another block, or one fewer. It reports
// whether the button is one of those.
func (f *requestForm) change(action string) bool {
	what, number, _ := strings.Cut(strings.TrimPrefix(action, "remove-"), "-")
	n, _ := strconv.Atoi(number) // 0 is no block
	switch {
	case action == "add-business":
		if f.CanAddBusiness() {
			f.Businesses = append(f.Businesses, businessFields{})
		}
	case action == "add-administrator":
		if f.CanAddAdministrator() {
			f.Administrators = append(f.Administrators, administratorFields{})
		}
	case what == "business" && n >= 1 && n <= len(f.Businesses):
		f.Businesses = orOne(slices.Delete(f.Businesses, n-1, n))
	case what == "administrator" && n >= 1 && n <= len(f.Administrators):
		f.Administrators = orOne(slices.Delete(f.Administrators, n-1, n))
	default:
		return false
	}
	return true
}

// orOne leaves a block to type into.
func orOne[B any](blocks []B) []B {
	if len(blocks) == 0 {
		return make([]B, 1)
	}
	return blocks
}

// CanAddBusiness reports whether there may be another business.
func (f *requestForm) CanAddBusiness() bool { return len(f.Businesses) < onboarding.BusinessesMax }

// CanAddAdministrator reports whether there may be another administrator.
func (f *requestForm) CanAddAdministrator() bool {
	return len(f.Administrators) < onboarding.AdministratorsMax
}

// Several reports whether the form is for more than one business.
func (f *requestForm) Several() bool { return len(f.Businesses) > 1 }

// left reports whether a block was left empty: then it is not part of the request.
func (b businessFields) left() bool { return strings.TrimSpace(b.FRN+b.Name+b.Domains) == "" }

func (a administratorFields) left() bool { return strings.TrimSpace(a.Name+a.Email+a.FRNs) == "" }

// form is the block as the decider takes it. Domains are often written with the @ before them.
func (b businessFields) form() onboarding.BusinessForm {
	form := onboarding.BusinessForm{FRN: b.FRN, Name: b.Name}
	for _, domain := range words(b.Domains) {
		form.Domains = append(form.Domains, strings.TrimPrefix(domain, "@"))
	}
	return form
}

func (a administratorFields) form() onboarding.AdministratorForm {
	return onboarding.AdministratorForm{Name: a.Name, Email: a.Email, FRNs: words(a.FRNs)}
}

func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,;", r) })
}

// authentication is the technical data of the method that was chosen; what was typed for another one
// is not sent on.
func (f *requestForm) authentication() onboarding.Authentication {
	how := onboarding.Authentication{Method: account.Method(f.Method)}
	switch how.Method {
	case account.OIDC:
		how.Issuer, how.ClientID = f.Issuer, f.ClientID
	case account.SAML:
		how.MetadataURL, how.Metadata = f.MetadataURL, f.Metadata
	}
	return how
}

// provider is the name of the identity provider, where one signs people in.
func (f *requestForm) provider() string {
	if !account.Method(f.Method).Federated() {
		return ""
	}
	return f.IdentityProvider
}

// form is the request as the decider takes it.
func (f *requestForm) form() onboarding.Form {
	form := onboarding.Form{
		Contact:          onboarding.Person{Name: f.ContactName, Email: f.ContactEmail},
		IdentityProvider: f.provider(), Authentication: f.authentication(),
	}
	for i, business := range f.Businesses {
		if i == 0 || !business.left() {
			form.Businesses = append(form.Businesses, business.form())
		}
	}
	for _, administrator := range f.Administrators {
		if !administrator.left() {
			form.Administrators = append(form.Administrators, administrator.form())
		}
	}
	return form
}

// formOf is a request that is there, to be changed.
func formOf(token string, view commands.RequestView) requestForm {
	given := view.Request.Authentication
	form := requestForm{
		Token: token, ContactName: view.People.Contact.Name, ContactEmail: view.People.Contact.Email,
		Method: string(given.Method), IdentityProvider: view.Request.IdentityProvider, Issuer: given.Issuer, ClientID: given.ClientID,
		MetadataURL: given.MetadataURL, Metadata: given.Metadata,
	}
	for _, b := range view.Request.Businesses {
		var domains []string
		for _, domain := range b.Domains {
			domains = append(domains, domain.Unicode())
		}
		form.Businesses = append(form.Businesses, businessFields{b.FRN, b.Name, strings.Join(domains, "\n")})
	}
	for _, a := range view.People.Administrators {
		fields := administratorFields{Name: a.Name, Email: a.Email}
		if len(a.FRNs) < len(view.Request.Businesses) {
			fields.FRNs = strings.Join(a.FRNs, " ")
		}
		form.Administrators = append(form.Administrators, fields)
	}
	form.Administrators = orOne(form.Administrators)
	return form
}
