package httpapi

import "casesync/domain"

// refusals says what kind of problem each refusal of the deciders of people is: wrong in what was
// sent (422), not for whoever sent it (403), about what he cannot see (404), or in conflict with
// how things stand (409). A refusal's own code is the problem's code; a test finds those that are
// missing here.
var refusals = map[Code]Code{
	"account-disabled": CodeConflict, "account-erased": CodeConflict, "account-not-active": CodeConflict,
	"account-unknown": CodeNotFound, "administrator-business": CodeInvalidBody,
	"administrator-by-operator": CodeForbidden, "administrator-repeated": CodeInvalidBody,
	"administrators-invalid": CodeInvalidBody, "already-administrator": CodeConflict,
	"already-invited": CodeConflict, "already-member": CodeConflict, "business-unknown": CodeInvalidBody,
	"businesses-invalid": CodeInvalidBody, "connection-missing": CodeInvalidBody, "data-missing": CodeConflict,
	"disabled-by-operator": CodeConflict, "domain-invalid": CodeInvalidBody, "domain-look-alike": CodeInvalidBody,
	"domain-not-allowed": CodeInvalidBody, "domain-shared": CodeInvalidBody, "domains-invalid": CodeInvalidBody,
	"email-invalid": CodeInvalidBody, "email-shared": CodeInvalidBody, "factor-kind": CodeInvalidBody,
	"factor-missing": CodeConflict, "federated-account": CodeConflict, "frn-invalid": CodeInvalidBody,
	"frn-repeated": CodeInvalidBody, "identity-missing": CodeConflict, "identity-of-another": CodeConflict,
	"invitation-expired": CodeConflict, "invitation-invalid": CodeConflict, "invitation-lifetime": CodeConflict,
	"invitation-of-another": CodeConflict, "invitation-revoked": CodeConflict, "invitation-unknown": CodeNotFound,
	"invitation-used": CodeConflict, "kind-invalid": CodeInvalidBody, "last-administrator": CodeConflict,
	"last-role": CodeConflict, "local-account": CodeConflict, "metadata-invalid": CodeInvalidBody,
	"method-invalid": CodeInvalidBody, "name-invalid": CodeInvalidBody, "not-administrator": CodeForbidden,
	"not-entitled": CodeForbidden, "not-invited": CodeConflict, "not-member": CodeNotFound,
	"nothing-missing": CodeConflict, "operators-only": CodeForbidden, "request-unknown": CodeNotFound,
	"request-submitted": CodeConflict, "roles-invalid": CodeInvalidBody, "secret-reference": CodeInvalidBody,
	"text-invalid": CodeInvalidBody, "too-many-invitations": CodeConflict, "url-invalid": CodeInvalidBody,
	"version-invalid": CodeInvalidBody, "version-taken": CodeConflict, "warrant-missing": CodeInvalidBody,
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
