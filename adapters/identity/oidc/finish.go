package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"casesync/adapters/identity/signin"
)

// Finish ends the attempt that an answer at the redirect address belongs to, and returns who signed
// in. The handle is that of the browser's cookie. An attempt is over whatever the outcome.
func (p *RelyingParty) Finish(ctx context.Context, handle string, answer url.Values) (signin.Identity, error) {
	for _, name := range []string{"state", "code", "error", "iss"} {
		if n := len(answer[name]); n > 1 {
			return signin.Identity{}, signin.Refuse(signin.Malformed, notRepeatedText, name, n)
		}
		if len(answer.Get(name)) > parameterMax {
			return signin.Identity{}, signin.Refuse(signin.Malformed, "parameter %s is too long", name)
		}
	}
	if answer.Get("state") == "" {
		return signin.Identity{}, signin.Refuse(signin.Unsolicited, "the answer has no state")
	}
	var begun attempt
	if err := p.config.Attempts.Take(ctx, attemptsKind+answer.Get("state"), handle, &begun); err != nil {
		return signin.Identity{}, err
	}
	identity, err := p.finish(ctx, begun, answer)
	return identity, signin.Of(begun.Provider, err)
}

func (p *RelyingParty) finish(ctx context.Context, begun attempt, answer url.Values) (signin.Identity, error) {
	provider, found, err := p.find(ctx, begun.Provider)
	if err != nil {
		return signin.Identity{}, err
	}
	// Another provider's answer must not reach this one's token endpoint (RFC 9207).
	if iss := answer.Get("iss"); iss != provider.Issuer && (iss != "" || found.issuerInAnswer) {
		return signin.Identity{}, signin.Refuse(signin.WrongIssuer, "the answer is from %s", signin.Shorten(iss))
	}
	if answer.Get("error") != "" || answer.Get("code") == "" {
		return signin.Identity{}, signin.Refuse(signin.ProviderRefused, "error %s", signin.Shorten(answer.Get("error")))
	}
	return p.exchange(ctx, provider, found, begun, answer.Get("code"))
}

func (p *RelyingParty) exchange(ctx context.Context, provider Provider, found discovery, begun attempt, code string) (signin.Identity, error) {
	ctx = oidc.ClientContext(ctx, p.client)
	tokens, err := oauthConfig(provider, found).Exchange(ctx, code, oauth2.VerifierOption(begun.Verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) && refused.ErrorCode != "" {
			return signin.Identity{}, signin.Refuse(signin.ProviderRefused, "exchange of the code: error %s", signin.Shorten(refused.ErrorCode))
		}
		return signin.Identity{}, signin.Refuse(signin.ProviderDown, "exchange of the code: %s", signin.Shorten(err.Error()))
	}
	raw, _ := tokens.Extra("id_token").(string)
	token, err := p.verify(ctx, provider, found, begun, raw)
	if err != nil {
		return signin.Identity{}, err
	}
	if token.AccessTokenHash != "" {
		if err := token.VerifyAccessToken(tokens.AccessToken); err != nil {
			return signin.Identity{}, signin.Refuse(signin.BadSignature, "the access token is not the one that the id token was issued with")
		}
	}
	var c claims
	if err := token.Claims(&c); err != nil {
		return signin.Identity{}, signin.Refuse(signin.Malformed, "claims: %s", signin.Shorten(err.Error()))
	}
	if c.Email == "" {
		if err := c.ask(ctx, found, tokens, token.Subject); err != nil {
			return signin.Identity{}, err
		}
	}
	email, err := c.confirmed(ctx, provider)
	if err != nil {
		return signin.Identity{}, err
	}
	identity := signin.Identity{Provider: provider.Key, Issuer: token.Issuer, Subject: token.Subject, Email: email, To: begun.To}
	if c.AuthTime > 0 {
		identity.AuthenticatedAt = time.Unix(c.AuthTime, 0).UTC()
	}
	return identity, nil
}

// verify returns the id token if the provider signed it for this service, for this attempt, now.
func (p *RelyingParty) verify(ctx context.Context, provider Provider, found discovery, begun attempt, raw string) (*oidc.IDToken, error) {
	if raw == "" {
		return nil, signin.Refuse(signin.Malformed, "there is no id token")
	}
	now := p.config.Now()
	keys := &watchedKeys{KeySet: found.keys}
	verifier := oidc.NewVerifier(provider.Issuer, keys, &oidc.Config{
		ClientID:             provider.ClientID,
		SupportedSigningAlgs: algorithms,
		Now:                  func() time.Time { return now.Add(-p.config.SkewMax) },
	})
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		return nil, classify(raw, provider, errors.Join(err, keys.err))
	}
	var more struct {
		AuthorizedParty string `json:"azp"`
		NotBefore       int64  `json:"nbf"`
	}
	if err := token.Claims(&more); err != nil {
		return nil, signin.Refuse(signin.Malformed, "claims: %s", signin.Shorten(err.Error()))
	}
	latest := now.Add(p.config.SkewMax)
	switch {
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(begun.Nonce)) != 1:
		return nil, signin.Refuse(signin.WrongNonce, "the id token answers another attempt")
	case more.AuthorizedParty != "" && more.AuthorizedParty != provider.ClientID,
		more.AuthorizedParty == "" && len(token.Audience) > 1:
		return nil, signin.Refuse(signin.WrongAudience, "authorised party %s, %d audiences", signin.Shorten(more.AuthorizedParty), len(token.Audience))
	case token.IssuedAt.After(latest), time.Unix(more.NotBefore, 0).After(latest):
		return nil, signin.Refuse(signin.OutOfTime, "issued at %s, not before %d", token.IssuedAt.UTC().Format(time.RFC3339), more.NotBefore)
	case token.IssuedAt.Before(begun.StartedAt.Add(-p.config.SkewMax)):
		return nil, signin.Refuse(signin.OutOfTime, "issued at %s, before the attempt began", token.IssuedAt.UTC().Format(time.RFC3339))
	case token.Subject == "":
		return nil, signin.Refuse(signin.Malformed, "the id token has no subject")
	}
	return token, nil
}

// classify names why the verifier refused a token, which it has: what the token says of itself is
// only read to tell Security Operations what it was.
func classify(raw string, provider Provider, err error) *signin.Refusal {
	if expired, ok := errors.AsType[*oidc.TokenExpiredError](err); ok {
		return signin.Refuse(signin.OutOfTime, "the id token expired at %s", expired.Expiry.UTC().Format(time.RFC3339))
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		return signin.Refuse(signin.ProviderDown, "keys: %s", signin.Shorten(err.Error()))
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	var body struct {
		Issuer   string   `json:"iss"`
		Audience audience `json:"aud"`
	}
	if !peek(raw, &header, &body) {
		return signin.Refuse(signin.Malformed, "id token: %s", signin.Shorten(err.Error()))
	}
	detail := signin.Shorten(err.Error())
	switch {
	case !slices.Contains(algorithms, header.Algorithm):
		return signin.Refuse(signin.WeakAlgorithm, "algorithm %s: %s", signin.Shorten(header.Algorithm), detail)
	case body.Issuer != provider.Issuer:
		return signin.Refuse(signin.WrongIssuer, "%s", detail)
	case !slices.Contains(body.Audience, provider.ClientID):
		return signin.Refuse(signin.WrongAudience, "%s", detail)
	}
	return signin.Refuse(signin.BadSignature, "%s", detail)
}

// claims are what is asked of the person.
type claims struct {
	Email    string          `json:"email"`
	Verified json.RawMessage `json:"email_verified"`
	AuthTime int64           `json:"auth_time"`
}

// ask gets the e-mail address from the userinfo endpoint, for the same person only.
func (c *claims) ask(ctx context.Context, found discovery, tokens *oauth2.Token, subject string) error {
	if address := found.provider.UserInfoEndpoint(); address == "" {
		return nil // then the person has no address
	} else if err := checkAddress(address); err != nil {
		return signin.Refuse(signin.ProviderDown, "userinfo: %v", err)
	}
	info, err := found.provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return signin.Refuse(signin.ProviderDown, "userinfo: %s", signin.Shorten(err.Error()))
	}
	if info.Subject != subject {
		return signin.Refuse(signin.BadSignature, "userinfo is about another person than the id token")
	}
	authTime := c.AuthTime
	if err := info.Claims(c); err != nil {
		return signin.Refuse(signin.Malformed, "userinfo: %s", signin.Shorten(err.Error()))
	}
	c.AuthTime = authTime // what is not in the id token is not signed
	return nil
}

// confirmed returns the address if the provider vouches for it.
func (c *claims) confirmed(ctx context.Context, provider Provider) (string, error) {
	said := string(c.Verified)
	yes := said == `true` || said == `"true"` // some providers send text
	unsaid := said == "" || said == "null"
	if c.Email == "" || !yes && (!unsaid || !provider.ConfirmsEmail) {
		return "", signin.Refuse(signin.EmailUnusable, "address given: %v, email_verified: %s", c.Email != "", signin.Shorten(said))
	}
	return signin.CheckEmail(ctx, c.Email, provider.Domains)
}
