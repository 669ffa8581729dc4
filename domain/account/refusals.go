package account

import "casesync/domain"

func refuse(code, reason string) error { return &domain.Refusal{Code: code, Reason: reason} }

func refuseMissing() error {
	return refuse("account-unknown", "There is no such account. Invite the person first.")
}

func refuseGone() error {
	return refuse("account-erased", "This account was erased. Invite the person again; that makes a new account.")
}

func refuseDisabled() error {
	return refuse("account-disabled", "This account is disabled. Ask an administrator of your business, or the helpdesk.")
}

func refuseDisabledByOperator() error {
	return refuse("disabled-by-operator", "The Financial Ombudsman Service disabled this account. Ask the helpdesk to enable it.")
}

func refuseInvited() error {
	return refuse("account-not-active", "This account is not complete yet. Follow the link in the invitation first.")
}

func refuseName() error {
	return refuse("name-invalid", "Give the person's full name, of at most 200 characters.")
}

func refuseEmail() error {
	return refuse("email-invalid", "Give the person's e-mail address.")
}

func refuseMethod() error {
	return refuse("method-invalid", "People sign in by a local account, or by OIDC or SAML with the settings of an identity provider.")
}

func refuseFactorKind() error {
	return refuse("factor-kind", "Choose an authenticator app or a passkey as the second factor.")
}

func refuseFactorMissing() error {
	return refuse("factor-missing", "A local account needs a second factor. Set one up first.")
}

func refuseIdentityMissing() error {
	return refuse("identity-missing", "Sign in with your business's identity provider first.")
}

func refuseIdentityOfAnother() error {
	return refuse("identity-of-another", "The identity provider names another person than the one this account belongs to. Ask an administrator of your business.")
}

func refuseResetPurpose() error {
	return refuse("reset-purpose", "A reset link is for the password or for the second factor.")
}

func refuseResetLifetime() error {
	return refuse("reset-lifetime", "A reset link must end in the future, at most 24 hours after it is asked for.")
}

func refuseResetInvalid() error {
	return refuse("reset-invalid", "This link is not valid, or not any more. Ask for another one, and use the newest mail.")
}

func refuseVoided() error {
	return refuse("enrolment-voided", "What you sign in with was reset a moment ago. Begin again, with the link in the newest mail.")
}

func refuseFederated() error {
	return refuse("federated-account", "This person signs in with the business's identity provider. Change the second factor there.")
}

func refuseLocal() error {
	return refuse("local-account", "This person signs in with a local account, not with an identity provider.")
}
