package httpapi

import (
	"context"
	"net/http"
	"time"

	"casesync/domain"
)

// What people are told of a sign-in that was refused, where it is less than Security Operations is.
const (
	// CodeCredentialsWrong: the password, the code or the recovery code, or there is no such account.
	CodeCredentialsWrong Code = "credentials-wrong"
	// CodeSignInFailed: what the identity provider sent was refused by one of many checks.
	CodeSignInFailed Code = "sign-in-failed"
	// CodeProviderFailed: the identity provider did not answer as it should.
	CodeProviderFailed Code = "provider-failed"
	// CodeAccountUnusable: there is no account that could be signed in to in this way.
	CodeAccountUnusable Code = "account-unusable"

	CodeAttemptsLimited     Code = "attempts-limited"
	CodeSignInBusy          Code = "sign-in-busy"
	CodeAttemptOver         Code = "attempt-over"
	CodeSecondFactorMissing Code = "second-factor-missing"
	CodeAnswerUnsolicited   Code = "answer-unsolicited"
	CodeEmailUnusable       Code = "email-unusable"
	CodeEmailDomainRefused  Code = "email-domain-refused"
	CodeCrossOriginRefused  Code = "cross-origin-refused"
	CodeLinkUnusable        Code = "link-unusable"

	// CodePasswordTooShort and those after it say what is wrong with a password, with security questions
	// or with the order of steps.
	CodePasswordTooShort    Code = "password-too-short"
	CodePasswordTooLong     Code = "password-too-long"
	CodePasswordTooCommon   Code = "password-too-common"
	CodePasswordTooRegular  Code = "password-too-regular"
	CodePasswordTooPersonal Code = "password-too-personal"
	CodeAnswersUnfit        Code = "answers-unfit"
	CodeAnswersNeeded       Code = "answers-needed"
	CodeSessionNeeded       Code = "session-needed"
)

// signInCodes says what people are told instead of the code under which a refused sign-in is
// recorded: checks that only Security Operations may tell apart look the same from outside.
var signInCodes = map[string]Code{
	"credentials-wrong": CodeCredentialsWrong, "one-time-code-used": CodeCredentialsWrong,
	"provider-refused": CodeProviderFailed, "provider-unreachable": CodeProviderFailed,
	"answer-malformed": CodeSignInFailed, "signature-wrong": CodeSignInFailed, "algorithm-refused": CodeSignInFailed,
	"issuer-wrong": CodeSignInFailed, "audience-wrong": CodeSignInFailed, "nonce-wrong": CodeSignInFailed,
	"answer-out-of-time": CodeSignInFailed, "answer-replayed": CodeSignInFailed,
	"account-unknown": CodeAccountUnusable, "account-inactive": CodeAccountUnusable,
	"sign-in-method-other": CodeAccountUnusable, "identity-of-another": CodeAccountUnusable,
	"attempts-limited": CodeAttemptsLimited, "sign-in-busy": CodeSignInBusy, "attempt-over": CodeAttemptOver,
	"second-factor-missing": CodeSecondFactorMissing, "answer-unsolicited": CodeAnswerUnsolicited,
	"email-unusable": CodeEmailUnusable, "email-domain-refused": CodeEmailDomainRefused,
	"cross-origin-refused": CodeCrossOriginRefused, "link-unusable": CodeLinkUnusable,
}

// Refused is the problem that tells of a refusal of the gate, by the code under which it is
// recorded; of any other code it is told as a decider's refusal. The detail is shown as it is.
// A retryAfter of 0 says nothing of when to come back.
func Refused(code, detail string, retryAfter time.Duration) *Problem {
	shown, ofSignIn := signInCodes[code]
	var p *Problem
	switch {
	case ofSignIn:
		p = problem(shown, "%s", sentence(detail))
	case problems[Code(code)].status != 0:
		p = problem(Code(code), "%s", sentence(detail))
	default:
		p = refusalProblem(&domain.Refusal{Code: code, Reason: detail})
	}
	if retryAfter > 0 {
		p = p.retryAfter(retryAfter)
	}
	return p
}

// Fault turns any error into the problem that tells of it, for handlers that are mounted into the
// server: refusals of deciders keep their codes, and what went wrong here is said in the log alone.
func (s *Server) Fault(ctx context.Context, err error) error {
	return s.peopleProblem(ctx, &http.Request{}, err)
}

// RefuseLimited answers a request that comes too soon after others of the same address or
// principal: what Config.LimitAddresses and Config.LimitPrincipals refuse with.
func RefuseLimited(w http.ResponseWriter, _ *http.Request, retryAfter time.Duration) {
	problem(CodeTooMany, "Too many requests came from where this one did. Wait, and then ask less often.").retryAfter(retryAfter).write(w)
}
