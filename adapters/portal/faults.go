package portal

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"casesync/domain"
	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/onboarding"
)

// fault is something wrong with a field of a form.
type fault struct{ Field, Text string }

// faults are what is wrong with a form, in the order of its fields.
type faults []fault

// On returns what is wrong with a field, "" for nothing.
func (f faults) On(field string) string {
	for _, fault := range f {
		if fault.Field == field {
			return fault.Text
		}
	}
	return ""
}

// finder finds which fields are wrong. A refusal of the decider is about a whole request, and does not
// say where in it; so each field is tried by itself, in a request in which everything else is right.
// The rules and their words are the decider's alone.
type finder struct{ found faults }

// right is a request with nothing wrong.
func right() onboarding.Form {
	return onboarding.Form{
		Businesses: []onboarding.BusinessForm{{FRN: "0000000"}},
		Contact:    onboarding.Person{Name: "Robin Sample", Email: "robin.sample@business.example"},
	}
}

// try tries a request that differs from a right one in one field, and notes what is wrong with that.
func (f *finder) try(field, of string, change func(*onboarding.Form)) bool {
	form := right()
	change(&form)
	_, err := onboarding.Decide(onboarding.Initial(), onboarding.Submit{Form: form})
	if refusal, is := errors.AsType[*domain.Refusal](err); is {
		f.note(field, of+refusal.Reason)
		return false
	}
	return true
}

// must notes a field that cannot be left empty.
func (f *finder) must(field, typed, text string) bool {
	if strings.TrimSpace(typed) == "" {
		f.note(field, text)
		return false
	}
	return true
}

// note keeps the first fault of each field.
func (f *finder) note(field, text string) {
	if f.found.On(field) == "" {
		f.found = append(f.found, fault{field, text})
	}
}

// check returns what is wrong with a form: what the decider would refuse, each at its field.
func (f *requestForm) check() faults {
	var found finder
	businesses := found.businesses(f)
	if found.must("contact-name", f.ContactName, "Enter your full name") {
		found.try("contact-name", "Your name: ", func(form *onboarding.Form) { form.Contact.Name = f.ContactName })
	}
	if found.must("contact-email", f.ContactEmail, "Enter your e-mail address") {
		found.try("contact-email", "Your e-mail address: ", func(form *onboarding.Form) { form.Contact.Email = f.ContactEmail })
	}
	found.administrators(f, businesses)
	found.authentication(f)
	return found.found
}

// businesses returns those that are right, with their domains in canonical form; none where one is not:
// then it cannot be said which of them an administrator is for.
func (f *finder) businesses(form *requestForm) (good []onboarding.BusinessForm) {
	before := len(f.found)
	var numbers []onboarding.BusinessForm
	for i, fields := range form.Businesses {
		if i > 0 && fields.left() {
			continue
		}
		id, of := func(name string) string { return fmt.Sprintf("business-%d-%s", i+1, name) }, ""
		if form.Several() {
			of = fmt.Sprintf("Business %d: ", i+1)
		}
		business := fields.form()
		number := onboarding.BusinessForm{FRN: business.FRN}
		if f.must(id("frn"), business.FRN, of+"Enter the firm reference number") &&
			f.try(id("frn"), of, func(form *onboarding.Form) { form.Businesses = append(slices.Clone(numbers), number) }) {
			numbers = append(numbers, number)
		}
		f.try(id("name"), of, func(form *onboarding.Form) { form.Businesses[0].Name = business.Name })
		if f.try(id("domains"), of, func(form *onboarding.Form) { form.Businesses[0].Domains = business.Domains }) {
			for i, text := range business.Domains {
				domain, _ := address.ParseBusinessDomain(text) // it was tried
				business.Domains[i] = string(domain)
			}
		}
		good = append(good, business)
	}
	if len(f.found) > before {
		return nil
	}
	return good
}

func (f *finder) administrators(form *requestForm, businesses []onboarding.BusinessForm) {
	seen := map[string][]onboarding.AdministratorForm{} // by canonical address
	for i, fields := range form.Administrators {
		if fields.left() {
			continue
		}
		of := fmt.Sprintf("Administrator %d: ", i+1)
		id := func(name string) string { return fmt.Sprintf("administrator-%d-%s", i+1, name) }
		if f.must(id("name"), fields.Name, of+"Enter the full name") {
			f.try(id("name"), of, named(fields.Name, right().Contact.Email))
		}
		if !f.must(id("email"), fields.Email, of+"Enter the e-mail address") ||
			!f.try(id("email"), of, named(right().Contact.Name, fields.Email)) || businesses == nil {
			continue
		}
		// With what is right by itself: whether he fits the businesses, and nobody else has his address.
		email, _ := address.ParseEmail(fields.Email) // it was tried
		field, administrator := id("email"), fields.form()
		administrator.Name = right().Contact.Name
		if !form.concerns(administrator.FRNs) {
			field = id("frns")
		}
		same := append(slices.Clone(seen[email.Canonical()]), administrator)
		if f.try(field, of, func(form *onboarding.Form) {
			form.Businesses, form.Administrators = under(businesses, email.Domain()), same
		}) {
			seen[email.Canonical()] = same
		}
	}
}

// named makes a request with one administrator.
func named(name, email string) func(*onboarding.Form) {
	return func(form *onboarding.Form) {
		form.Administrators = []onboarding.AdministratorForm{{Name: name, Email: email}}
	}
}

// under leaves each business one domain: this one where it has it. Trying every administrator against
// every domain would let one form keep a processor busy for seconds.
func under(businesses []onboarding.BusinessForm, domain address.Domain) []onboarding.BusinessForm {
	narrowed := slices.Clone(businesses)
	for i, business := range narrowed {
		if at := slices.Index(business.Domains, string(domain)); at >= 0 {
			narrowed[i].Domains = business.Domains[at : at+1]
		} else if len(business.Domains) > 0 {
			narrowed[i].Domains = business.Domains[:1]
		}
	}
	return narrowed
}

// concerns reports whether all numbers are of businesses of the form.
func (f *requestForm) concerns(frns []string) bool {
	return !slices.ContainsFunc(frns, func(frn string) bool {
		return !slices.ContainsFunc(f.Businesses, func(b businessFields) bool { return strings.TrimSpace(b.FRN) == frn })
	})
}

// authentication tries the fields of the method that was chosen. Only those are sent on.
func (f *finder) authentication(form *requestForm) {
	how := form.authentication()
	method := func(change func(*onboarding.Authentication)) func(*onboarding.Form) {
		return func(form *onboarding.Form) {
			form.Authentication.Method = how.Method
			change(&form.Authentication)
		}
	}
	if !f.try("method-"+string(account.Local), "", method(func(*onboarding.Authentication) {})) {
		return
	}
	f.try("identity-provider", "", func(filled *onboarding.Form) { filled.IdentityProvider = form.provider() })
	f.try("issuer", "", method(func(a *onboarding.Authentication) { a.Issuer = how.Issuer }))
	f.try("client-id", "", method(func(a *onboarding.Authentication) { a.ClientID = how.ClientID }))
	f.try("metadata-url", "", method(func(a *onboarding.Authentication) { a.MetadataURL = how.MetadataURL }))
	f.try("metadata", "", method(func(a *onboarding.Authentication) { a.Metadata = how.Metadata }))
}
