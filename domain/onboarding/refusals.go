package onboarding

import (
	"fmt"
	"strings"

	"casesync/domain"
)

func refuse(code, reason string) error { return &domain.Refusal{Code: code, Reason: reason} }

func refuseMissing() error {
	return refuse("request-unknown", "There is no such access request. Check the reference.")
}

func refuseSubmitted() error {
	return refuse("request-submitted", "This access request was submitted already. Change it instead.")
}

// refuseStatus refuses what does not go with where the request stands.
func refuseStatus(status Status) error {
	return refuse("request-"+string(status), fmt.Sprintf("This access request is %s: that is not possible now. Reload it, or submit another.", status))
}

func refuseAmended() error {
	return refuse("request-amended", "This request was amended since it was made. Read it again, and send the ETag of what you read as If-Match.")
}

func refuseLacks(missing []Item) error {
	list := make([]string, len(missing))
	for i, item := range missing {
		list[i] = item.String()
	}
	return refuse("data-missing", "Ask the business for what is missing first: "+strings.Join(list, ", ")+".")
}

func refuseNothingMissing() error {
	return refuse("nothing-missing", "Nothing is missing. Say what to ask for, or mark the request complete.")
}

func refuseBusinesses() error {
	return refuse("businesses-invalid", fmt.Sprintf("Name between 1 and %d businesses.", BusinessesMax))
}

func refuseFRN() error {
	return refuse("frn-invalid", "A firm reference number has 6 or 7 digits. Find it in the register of the Financial Conduct Authority.")
}

func refuseFRNRepeated() error {
	return refuse("frn-repeated", "A firm reference number stands there twice. Name each business once.")
}

func refuseDomains() error {
	return refuse("domains-invalid", fmt.Sprintf("Give at most %d e-mail domains for each business.", DomainsMax))
}

func refuseDomainOutside() error {
	return refuse("domain-not-allowed", "An administrator's e-mail address is not under the domains of the business. Use the person's address there, or add the domain.")
}

func refuseAdministrators() error {
	return refuse("administrators-invalid", fmt.Sprintf("Name at most %d administrators.", AdministratorsMax))
}

func refuseAdministratorRepeated() error {
	return refuse("administrator-repeated", "Two administrators have the same e-mail address. Name each person once, with all businesses.")
}

func refuseAdministratorOfNone() error {
	return refuse("administrator-business", "An administrator is named for a business that is not part of the request. Add the business, or correct its number.")
}

func refuseText() error {
	return refuse("text-invalid", fmt.Sprintf("Give names and questions as plain text on one line, of at most %d characters; people need a name.", textRunesMax))
}

func refuseMethod() error {
	return refuse("method-invalid", "Choose local accounts, OIDC or SAML as the authentication method.")
}

func refuseURL() error {
	return refuse("url-invalid", "Give addresses of the identity provider as https://, with a host name, without a password or a query.")
}

func refuseMetadata() error {
	return refuse("metadata-invalid", "Give the identity provider's metadata as text of at most 100 kB, without any private key.")
}

func refuseConnection() error {
	return refuse("connection-missing", "Set up the identity provider's connection first; local accounts have none.")
}

func refuseSecretReference() error {
	return refuse("secret-reference", "Name the file with the client secret, such as example-group.oidc, without a folder; never give the secret itself. Only OIDC has one.")
}

func refuseOtherBusiness() error {
	return refuse("business-unknown", "This business is not part of the access request.")
}
