package membership

import (
	"errors"

	"casesync/domain"
)

// errIncomplete: a command lacks an id or digest that its caller makes, or uses one twice.
var errIncomplete = errors.New("the command lacks an id or digest, or repeats one")

func refuse(code, reason string) error { return &domain.Refusal{Code: code, Reason: reason} }

func refuseNotAdministrator() error {
	return refuse("not-administrator", "You are not, or no longer, an active administrator of this business. Ask one of its administrators.")
}

func refuseOperatorsOnly() error {
	return refuse("operators-only", "Only the Financial Ombudsman Service changes this. Ask the helpdesk.")
}

func refuseAdministratorByOperator() error {
	return refuse("administrator-by-operator", "Only the Financial Ombudsman Service makes administrators. Ask the helpdesk to do it on your request.")
}

func refuseWarrant() error {
	return refuse("warrant-missing", "Name the active administrator or supervisor of the business who asks for this administrator, or the access request: one of them.")
}

func refuseRoles() error {
	return refuse("roles-invalid", "Choose at least one of caseworker, supervisor and administrator.")
}

func refuseDomains() error {
	return refuse("domains-invalid", "Give between 1 and 50 e-mail domains of the business.")
}

func refuseMethod() error {
	return refuse("method-invalid", "People sign in by local accounts, or by OIDC or SAML with the settings of an identity provider.")
}

func refuseMayNotRequest() error {
	return refuse("not-entitled", "Only active administrators and supervisors of a business may ask for another administrator.")
}

func refuseAdministratorAlready() error {
	return refuse("already-administrator", "This person is an administrator of the business already.")
}

func refuseDomainOutside() error {
	return refuse("domain-not-allowed", "The e-mail address is not under one of the domains of this business. Use the person's address there, or ask the Financial Ombudsman Service to add the domain.")
}

// CodeLastAdministrator is the code of the refusal to leave a business without an active administrator.
const CodeLastAdministrator = "last-administrator"

// refuseLastAdministrator says what has to be done first, by whoever asks.
func refuseLastAdministrator(by By) error {
	if by.Operator {
		return refuse(CodeLastAdministrator, "This would leave the business without an active administrator. Make somebody else an administrator first, at the business's request.")
	}
	return refuse(CodeLastAdministrator, "This would leave the business without an active administrator. Ask the Financial Ombudsman Service to make somebody else an administrator first.")
}

func refuseNotMember() error {
	return refuse("not-member", "This person has no access to the business. Invite the person instead.")
}

func refuseAlreadyMember() error {
	return refuse("already-member", "This person has access to the business already. Change the roles instead of inviting again.")
}

func refuseLastRole() error {
	return refuse("last-role", "This would take the person's last role. Remove the person's access, or disable it.")
}

func refuseHeldByOperator() error {
	return refuse("disabled-by-operator", "The Financial Ombudsman Service disabled this access. Ask the helpdesk to enable it.")
}

func refuseAlreadyInvited() error {
	return refuse("already-invited", "This person has an invitation that can still be accepted. Send it again, or revoke it first.")
}

func refuseTooManyInvitations() error {
	return refuse("too-many-invitations", "Too many invitations of this business wait to be accepted. Revoke those that are not needed.")
}

func refuseLifetime() error {
	return refuse("invitation-lifetime", "An invitation must end in the future, at most 14 days after it is sent.")
}

func refuseInvitationUnknown() error {
	return refuse("invitation-unknown", "There is no such invitation at this business. Reload the list of invitations.")
}

func refuseInvitationInvalid() error {
	return refuse("invitation-invalid", "This link is not valid. Use the link in the newest invitation, or ask for another.")
}

func refuseInvitationOfAnother() error {
	return refuse("invitation-of-another", "This invitation is for another person. Sign out, and follow the link as the person invited.")
}

func refuseInvitationExpired() error {
	return refuse("invitation-expired", "This invitation has expired. Ask whoever invited you to send it again.")
}

func refuseInvitationOver(status status) error {
	if status == accepted {
		return refuse("invitation-used", "This invitation was accepted already. Sign in instead.")
	}
	return refuse("invitation-revoked", "This invitation was revoked. Ask an administrator of the business for another.")
}
