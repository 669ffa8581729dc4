package httpapi

import "casesync/domain"

// refusals says what kind of problem each refusal of the deciders of people is: wrong in what was
// sent (422), not for whoever sent it (403), about what he cannot see (404), or in conflict with
// how things stand (409). A refusal's own code is the problem's code; a test finds those that are
// missing here.
var refusals = map[Code]Code{
	// Wrong in what was sent.
	"cases-count": CodeInvalidBody, "field-invalid": CodeInvalidBody, "field-required": CodeInvalidBody, "field-unknown": CodeInvalidBody,
	"no-suppression-request": CodeInvalidBody, "notification-type-unknown": CodeInvalidBody,
	"view-invalid": CodeInvalidBody, "view-name-invalid": CodeInvalidBody, "view-parameter-unknown": CodeInvalidBody, "view-too-large": CodeInvalidBody,
	"administrator-business": CodeInvalidBody, "administrator-repeated": CodeInvalidBody,
	"administrators-invalid": CodeInvalidBody, "business-unknown": CodeInvalidBody,
	"businesses-invalid": CodeInvalidBody, "client-id-invalid": CodeInvalidBody,
	"connection-id-invalid": CodeInvalidBody, "connection-missing": CodeInvalidBody,
	"connection-unknown": CodeInvalidBody, "connection-unusable": CodeInvalidBody,
	"domain-invalid": CodeInvalidBody, "domain-look-alike": CodeInvalidBody,
	"domain-not-allowed": CodeInvalidBody, "domain-shared": CodeInvalidBody, "domains-invalid": CodeInvalidBody,
	"email-attributes-invalid": CodeInvalidBody, "email-invalid": CodeInvalidBody,
	"email-shared": CodeInvalidBody, "factor-kind": CodeInvalidBody, "frn-invalid": CodeInvalidBody,
	"frn-repeated": CodeInvalidBody, "issuer-invalid": CodeInvalidBody, "kind-invalid": CodeInvalidBody,
	"metadata-invalid": CodeInvalidBody, "method-invalid": CodeInvalidBody, "name-invalid": CodeInvalidBody, "not-caseworker": CodeInvalidBody,
	"reset-purpose": CodeInvalidBody, "roles-invalid": CodeInvalidBody, "secret-reference": CodeInvalidBody,
	"secret-reference-invalid": CodeInvalidBody, "settings-mixed": CodeInvalidBody,
	"text-invalid": CodeInvalidBody, "url-invalid": CodeInvalidBody, "version-invalid": CodeInvalidBody,
	"warrant-missing":      CodeInvalidBody,
	"contact-name-invalid": CodeInvalidBody, "ticket-business-missing": CodeInvalidBody, "ticket-subject-invalid": CodeInvalidBody,
	"ticket-text-invalid": CodeInvalidBody, "ticket-type-unknown": CodeInvalidBody,
	"file-empty": CodeInvalidBody, "file-name-invalid": CodeInvalidBody, "file-too-large": CodeBodyTooLarge,
	// Not for whoever sent it.
	"administrator-by-operator": CodeForbidden, "not-administrator": CodeForbidden,
	"not-entitled": CodeForbidden, "operators-only": CodeForbidden,
	// About what he cannot see.
	"notification-unknown": CodeNotFound,
	"account-unknown":      CodeNotFound, "case-unknown": CodeNotFound, "invitation-unknown": CodeNotFound, "not-member": CodeNotFound,
	"request-unknown": CodeNotFound,
	"ticket-unknown":  CodeNotFound,
	"upload-unknown":  CodeNotFound,
	// In conflict with how things stand.
	"ticket-full": CodeConflict, "ticket-opened": CodeConflict, "ticket-resolved": CodeConflict,
	"document-duplicate": CodeConflict, "notification-sent": CodeConflict, "suppression-answered": CodeConflict, "views-limit": CodeConflict,
	"business-size-limit": CodeConflict, "case-files-limit": CodeConflict, "case-size-limit": CodeConflict,
	"upload-attempts": CodeConflict, "upload-begun": CodeConflict,
	"account-disabled": CodeConflict, "account-erased": CodeConflict, "account-not-active": CodeConflict,
	"allocated-otherwise": CodeConflict, "already-administrator": CodeConflict, "already-invited": CodeConflict, "already-member": CodeConflict,
	"case-closed": CodeConflict, "case-data-erased": CodeConflict, "legal-hold": CodeConflict,
	"connection-in-use": CodeConflict, "connection-method": CodeConflict, "data-missing": CodeConflict, "disabled-by-operator": CodeConflict,
	"domain-taken": CodeConflict, "email-taken": CodeConflict, "factor-missing": CodeConflict,
	"enrolment-voided": CodeConflict, "federated-account": CodeConflict, "identity-missing": CodeConflict, "identity-of-another": CodeConflict,
	"invitation-expired": CodeConflict, "invitation-for-another": CodeConflict, "member-elsewhere": CodeConflict,
	"terms-not-in-force": CodeConflict, "invitation-invalid": CodeConflict, "invitation-lifetime": CodeConflict,
	"invitation-of-another": CodeConflict, "invitation-revoked": CodeConflict, "invitation-used": CodeConflict,
	"last-administrator": CodeConflict, "last-role": CodeConflict, "local-account": CodeConflict,
	"nothing-missing": CodeConflict, "request-amended": CodeConflict, "request-submitted": CodeConflict,
	"reset-invalid": CodeConflict, "reset-lifetime": CodeConflict, "too-many-invitations": CodeConflict,
	"version-taken": CodeConflict,
}

// refusalProblem tells a decider's refusal, under its own code.
func refusalProblem(refusal *domain.Refusal) *Problem {
	kind, known := refusals[Code(refusal.Code)]
	switch {
	case !known:
		kind = CodeConflict // what is not listed depends on how things stand, as a request's status does
	case kind == CodeNotFound:
		return notFound()
	}
	p := problem(kind, "%s", sentence(refusal.Reason))
	p.Code, p.Type = Code(refusal.Code), problemType+refusal.Code
	return p
}
