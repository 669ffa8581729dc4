package local

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"casesync/adapters/identity/signin"
)

// Attempt is an attempt to sign in.
type Attempt struct {
	// Account is what was typed as the account's name, an e-mail address, normalised by the caller.
	// Attempts are counted by it whether it exists or not.
	Account string
	// User is the id of that account's user, "" where there is none or he may not sign in.
	User string
	// Password is what was typed.
	Password string
	// Address is where the request came from, as the proxies that are trusted say.
	Address string
}

// CheckPassword returns a challenge if the password is right, to be kept in the browser's session
// and answered with a code. It refuses with Wrong, Limited, Busy, or NotEnrolled, which alone
// tells that the password was right. For an account that does not exist it does the same work.
func (c *Credentials) CheckPassword(ctx context.Context, a Attempt) (challenge string, err error) {
	account := c.attemptKey(byAccount, a.Account)
	counted, err := c.begin(ctx, map[string]Limit{account: c.config.Account, c.attemptKey(byAddress, a.Address): c.config.Address})
	if err != nil {
		return "", err
	}
	enrolled, err := c.verifyPassword(ctx, a)
	if signin.CodeOf(err) == signin.Wrong {
		return "", err
	}
	// It was right, or could not be checked: neither counts against anybody.
	if err := errors.Join(err, counted.takeBack(ctx)); err != nil {
		return "", err
	}
	if !enrolled {
		return "", signin.Refuse(signin.NotEnrolled, "the password is right, but no second factor is confirmed")
	}
	challenge = rand.Text()
	_, err = c.db.ExecContext(ctx, `INSERT INTO local_challenges (challenge_sha256, user_id, account_key, expires_at) VALUES ($1, $2, $3, $4)`,
		digest(challenge), a.User, account, c.now().Add(c.config.ChallengeAge).UnixMicro())
	if err != nil {
		return "", fmt.Errorf("check password: keep challenge: %w", err)
	}
	return challenge, nil
}

// verifyPassword refuses with Wrong, or returns whether the user has a second factor.
func (c *Credentials) verifyPassword(ctx context.Context, a Attempt) (enrolled bool, err error) {
	hash, known, factors := c.nobody, true, 0
	if len(a.Password) > passwordBytesMax {
		a.Password, known = "", false // as much work as any other
	}
	var stored string
	err = c.db.QueryRowContext(ctx, `SELECT phc, (SELECT count(*) FROM local_totp t WHERE t.user_id = p.user_id AND t.sealed <> '')
		FROM local_passwords p WHERE user_id = $1`, a.User).Scan(&stored, &factors)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		known = false
	case err != nil:
		return false, fmt.Errorf("check password: %w", err)
	default:
		hash = stored
	}
	right, weak, err := c.hasher.verify(ctx, a.Password, hash)
	if err != nil {
		return false, err
	}
	if !right || !known {
		return false, signin.Refuse(signin.Wrong, "password; account known: %v", known)
	}
	if weak {
		c.rehash(ctx, a.User, a.Password, stored)
	}
	return factors > 0, nil
}

// rehash replaces a hash that is weaker than new ones. Failing is no matter: the old one stays
// good, and the next sign-in tries again.
func (c *Credentials) rehash(ctx context.Context, user, password, old string) {
	hash, err := c.hasher.hash(ctx, password)
	if err != nil {
		return
	}
	// Only the hash just verified is replaced, not a password set in the meantime.
	_, _ = c.db.ExecContext(ctx, `UPDATE local_passwords SET phc = $1 WHERE user_id = $2 AND phc = $3`, hash, user, old)
}

// AnswerCode answers a challenge with a one-time code and returns whom it signs in. It refuses
// with Wrong, CodeUsed, Limited, or AttemptOver; after the first two the challenge stays open.
func (c *Credentials) AnswerCode(ctx context.Context, challenge, code, address string) (user string, err error) {
	return c.answer(ctx, challenge, address, func(user string) error { return c.spendCode(ctx, user, code) })
}

// AnswerRecoveryCode answers a challenge with a recovery code, which is gone then. Capitals, spaces
// and dashes do not matter.
func (c *Credentials) AnswerRecoveryCode(ctx context.Context, challenge, code, address string) (user string, err error) {
	return c.answer(ctx, challenge, address, func(user string) error { return c.spendRecoveryCode(ctx, user, code) })
}

func (c *Credentials) answer(ctx context.Context, challenge, address string, check func(user string) error) (user string, err error) {
	var account string
	err = c.db.QueryRowContext(ctx, `SELECT user_id, account_key FROM local_challenges WHERE challenge_sha256 = $1 AND expires_at > $2`,
		digest(challenge), c.now().UnixMicro()).Scan(&user, &account)
	if errors.Is(err, sql.ErrNoRows) {
		return "", signin.Refuse(signin.AttemptOver, "there is no such challenge")
	}
	if err != nil {
		return "", fmt.Errorf("answer challenge: %w", err)
	}
	counted, err := c.begin(ctx, map[string]Limit{account: c.config.Account, c.attemptKey(byAddress, address): c.config.Address})
	if err != nil {
		return "", err
	}
	if err := check(user); err != nil {
		if signin.CodeOf(err) == "" {
			err = errors.Join(err, counted.takeBack(ctx))
		}
		return "", err
	}
	// A crash here has spent the code: the person waits for the next one.
	result, err := c.db.ExecContext(ctx, `DELETE FROM local_challenges WHERE challenge_sha256 = $1`, digest(challenge))
	if err != nil {
		return "", fmt.Errorf("answer challenge: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return "", errors.Join(err, signin.Refuse(signin.AttemptOver, "the challenge was answered at the same moment"))
	}
	return user, errors.Join(counted.takeBack(ctx), c.forget(ctx, account))
}

func (c *Credentials) spendRecoveryCode(ctx context.Context, user, code string) error {
	code = strings.NewReplacer(" ", "", "-", "").Replace(strings.ToLower(code))
	result, err := c.db.ExecContext(ctx, `DELETE FROM local_recovery_codes WHERE user_id = $1 AND code_sha256 = $2`, user, recoveryDigest(user, code))
	if err != nil {
		return fmt.Errorf("spend recovery code: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil {
		return fmt.Errorf("spend recovery code: %w", err)
	} else if n == 0 {
		return signin.Refuse(signin.Wrong, "recovery code")
	}
	return nil
}

// Unlock forgets the attempts on an account, as an administrator's reset does.
func (c *Credentials) Unlock(ctx context.Context, account string) error {
	return c.forget(ctx, c.attemptKey(byAccount, account))
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// recoveryDigest needs no slow hash: a recovery code is 80 bits of chance.
func recoveryDigest(user, code string) string { return digest("recovery\x00" + user + "\x00" + code) }
