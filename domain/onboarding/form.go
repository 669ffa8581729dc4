package onboarding

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"casesync/domain/account"
	"casesync/domain/address"
	"casesync/domain/private"
)

// Limits of a request.
const (
	// BusinessesMax is the most businesses of one request.
	BusinessesMax = 100
	// AdministratorsMax is the most administrators that one request names.
	AdministratorsMax = 200
	// DomainsMax is the most e-mail domains of one business.
	DomainsMax = 50

	textRunesMax     = 200
	urlBytesMax      = 2_000
	metadataBytesMax = 100_000
)

// frnPattern is the form of a firm reference number: text, never padded (requirement 70).
var frnPattern = regexp.MustCompile(`^[0-9]{6,7}$`)

// Form is a request for access as people fill it in. What is empty is asked for later.
type Form struct {
	Businesses       []BusinessForm
	Administrators   []AdministratorForm
	Contact          Person
	IdentityProvider string
	Authentication   Authentication
}

// BusinessForm is one of the businesses of a form.
type BusinessForm struct {
	FRN     string
	Name    string
	Domains []string
}

// AdministratorForm is one of the administrators of a form; of all businesses if FRNs is empty.
type AdministratorForm struct {
	Name, Email string
	FRNs        []string
}

// read returns the request that the form makes, or refuses what is not well formed in it.
func (f Form) read() (Request, error) {
	businesses, err := f.businesses()
	if err != nil {
		return Request{}, err
	}
	contact, _, err := readPerson(f.Contact.Name, f.Contact.Email)
	if err != nil {
		return Request{}, err
	}
	administrators, err := f.administrators(businesses)
	if err != nil {
		return Request{}, err
	}
	provider, ok := readText(f.IdentityProvider)
	if !ok {
		return Request{}, refuseText()
	}
	authentication, err := f.Authentication.read()
	if err != nil {
		return Request{}, err
	}
	return Request{
		Businesses: businesses, People: private.Of(People{Contact: contact, Administrators: administrators}),
		IdentityProvider: provider, Authentication: authentication,
	}, nil
}

func (f Form) businesses() ([]Business, error) {
	if len(f.Businesses) == 0 || len(f.Businesses) > BusinessesMax {
		return nil, refuseBusinesses()
	}
	var list []Business
	for _, form := range f.Businesses {
		frn := strings.TrimSpace(form.FRN)
		name, ok := readText(form.Name)
		switch {
		case !frnPattern.MatchString(frn):
			return nil, refuseFRN()
		case slices.ContainsFunc(list, func(b Business) bool { return b.FRN == frn }):
			return nil, refuseFRNRepeated()
		case !ok:
			return nil, refuseText()
		case len(form.Domains) > DomainsMax:
			return nil, refuseDomains()
		}
		var domains []address.Domain
		for _, text := range form.Domains {
			domain, err := address.ParseBusinessDomain(text)
			if err != nil {
				return nil, err
			}
			domains = append(domains, domain)
		}
		slices.Sort(domains)
		list = append(list, Business{FRN: frn, Name: name, Domains: slices.Compact(domains)})
	}
	return list, nil
}

// administrators reads the administrators, and counts them at the businesses that each is for.
func (f Form) administrators(businesses []Business) ([]Administrator, error) {
	if len(f.Administrators) > AdministratorsMax {
		return nil, refuseAdministrators()
	}
	var list []Administrator
	seen := map[string]bool{}
	for _, form := range f.Administrators {
		person, email, err := readPerson(form.Name, form.Email)
		if err != nil {
			return nil, err
		}
		if seen[email.Canonical()] {
			return nil, refuseAdministratorRepeated()
		}
		seen[email.Canonical()] = true
		frns := slices.Compact(slices.Sorted(slices.Values(form.FRNs)))
		if len(frns) == 0 {
			for _, b := range businesses {
				frns = append(frns, b.FRN)
			}
		}
		if err := count(businesses, frns, email.Domain()); err != nil {
			return nil, err
		}
		list = append(list, Administrator{Person: person, FRNs: frns})
	}
	return list, nil
}

// count adds one administrator to each of the businesses with frns.
func count(businesses []Business, frns []string, domain address.Domain) error {
	for _, frn := range frns {
		i := slices.IndexFunc(businesses, func(b Business) bool { return b.FRN == frn })
		if i < 0 {
			return refuseAdministratorOfNone()
		}
		// Where no domain is given yet, it is asked for, and checked when it is there.
		if b := &businesses[i]; len(b.Domains) == 0 || slices.Contains(b.Domains, domain) {
			b.Administrators++
			continue
		}
		return refuseDomainOutside()
	}
	return nil
}

func readPerson(name, email string) (Person, address.Email, error) {
	parsed, err := address.ParseEmail(email)
	if err != nil {
		return Person{}, address.Email{}, err
	}
	name, ok := readText(name)
	if !ok || name == "" {
		return Person{}, address.Email{}, refuseText()
	}
	return Person{Name: name, Email: parsed.String()}, parsed, nil
}

// readText returns text on one line with single spaces, and false where it is too long or holds
// what is no text.
func readText(text string) (string, bool) {
	text = strings.Join(strings.Fields(text), " ")
	return text, utf8.ValidString(text) && utf8.RuneCountInString(text) <= textRunesMax && !strings.ContainsFunc(text, unicode.IsControl)
}

func (a Authentication) read() (Authentication, error) {
	if a.Method != "" && !a.Method.Known() {
		return a, refuseMethod()
	}
	for _, field := range []*string{&a.Issuer, &a.MetadataURL} {
		*field = strings.TrimSpace(*field)
		if *field != "" && !secureURL(*field) {
			return a, refuseURL()
		}
	}
	clientID, ok := readText(a.ClientID)
	if !ok {
		return a, refuseText()
	}
	a.ClientID = clientID
	if len(a.Metadata) > metadataBytesMax || !utf8.ValidString(a.Metadata) || strings.Contains(a.Metadata, "PRIVATE KEY") {
		return a, refuseMetadata()
	}
	return a.only(), nil
}

// only returns what belongs to the method: data of another one would never be looked at again.
func (a Authentication) only() Authentication {
	switch a.Method {
	case account.OIDC:
		return Authentication{Method: a.Method, Issuer: a.Issuer, ClientID: a.ClientID}
	case account.SAML:
		return Authentication{Method: a.Method, MetadataURL: a.MetadataURL, Metadata: a.Metadata}
	}
	return Authentication{Method: a.Method}
}

// secureURL reports whether text is the https address of a host on the internet, without a user, a
// query or a fragment, in which secrets could stand.
func secureURL(text string) bool {
	parsed, err := url.Parse(text)
	if err != nil || len(text) > urlBytesMax || parsed.Scheme != "https" || parsed.User != nil ||
		parsed.RawQuery != "" || parsed.Fragment != "" {
		return false
	}
	_, err = address.ParseDomain(parsed.Hostname())
	return err == nil
}
