package local

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"casesync/adapters/identity/signin"
)

const (
	recoveryCodes     = 10
	recoveryCodeBytes = 10 // 16 characters
	totpPeriod        = 30 * time.Second
	totpSeedBytes     = 20 // RFC 4226, 4: the length of its hash
)

// totpRules: no neighbouring time step is taken, so a code is good for its own 30 seconds. SHA-1
// is what authenticator apps know; in an HMAC it is not broken.
var totpRules = totp.ValidateOpts{Period: uint(totpPeriod / time.Second), Skew: 0, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}

// SetPassword sets a user's password, after CheckPassword's rules with the given words of the
// account, under the present generation of passwords. Whether he may is for the caller to know: by an
// invitation or reset link, or by his old password. The caller ends his other sessions.
func (c *Credentials) SetPassword(ctx context.Context, user string, generation int, password string, words ...string) error {
	if err := checkUser(user); err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	if err := CheckPassword(password, words...); err != nil {
		return err
	}
	hash, err := c.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	// Whoever was half-way in by the old password is not any more.
	return c.inTransaction(ctx, func(run execution) error {
		if _, err := run(`INSERT INTO local_passwords (user_id, phc, set_at, generation) VALUES ($1, $2, $3, $4)
			ON CONFLICT (user_id) DO UPDATE SET phc = excluded.phc, set_at = excluded.set_at, generation = excluded.generation`,
			user, hash, c.now().UnixMicro(), generation); err != nil {
			return fmt.Errorf("set password: %w", err)
		}
		if _, err := run(`DELETE FROM local_challenges WHERE user_id = $1`, user); err != nil {
			return fmt.Errorf("set password: end challenges: %w", err)
		}
		return nil
	})
}

// Enrolment is what an authenticator app is given: the URI as a QR code, or the secret typed.
type Enrolment struct {
	URI    string // otpauth://totp/…
	Secret string // base32
}

// BeginTOTP makes a seed of one-time codes for a user, under the present generation of second
// factors, in place of one that was begun before; the one in use stays until ConfirmTOTP. The
// account's name is shown in the app and not kept.
func (c *Credentials) BeginTOTP(ctx context.Context, user string, generation int, account string) (Enrolment, error) {
	if err := checkUser(user); err != nil {
		return Enrolment{}, fmt.Errorf("begin enrolment: %w", err)
	}
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer: c.config.Issuer, AccountName: account, Period: totpRules.Period, SecretSize: totpSeedBytes,
		Digits: totpRules.Digits, Algorithm: totpRules.Algorithm,
	})
	if err != nil {
		return Enrolment{}, fmt.Errorf("begin enrolment: %w", err)
	}
	sealed, err := c.seal(ctx, c.config.SubjectOf(user), totpOrigin(user), []byte(key.Secret()))
	if err != nil {
		return Enrolment{}, fmt.Errorf("begin enrolment: %w", err)
	}
	_, err = c.db.ExecContext(ctx, `INSERT INTO local_totp (user_id, sealed, pending_sealed, last_step, pending_generation) VALUES ($1, '', $2, 0, $3)
		ON CONFLICT (user_id) DO UPDATE SET pending_sealed = excluded.pending_sealed, pending_generation = excluded.pending_generation`,
		user, sealed, generation)
	if err != nil {
		return Enrolment{}, fmt.Errorf("begin enrolment: %w", err)
	}
	return Enrolment{URI: key.URL(), Secret: key.Secret()}, nil
}

func totpOrigin(user string) string { return "local|totp|" + user }

// ConfirmTOTP puts the seed that was begun to use if code is its present one, and returns new
// recovery codes, which are shown this once and replace all earlier ones. The code is spent. A seed
// that was begun under another generation is not put to use: factors were voided since. It refuses
// with Wrong, AttemptOver or Limited: whoever has a session but not the seed must not find a code
// by trying.
func (c *Credentials) ConfirmTOTP(ctx context.Context, user string, generation int, code string) (recovery []string, err error) {
	var pending string
	err = c.db.QueryRowContext(ctx, `SELECT pending_sealed FROM local_totp
		WHERE user_id = $1 AND pending_sealed <> '' AND pending_generation = $2`, user, generation).Scan(&pending)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, signin.Refuse(signin.AttemptOver, "no enrolment was begun, or it was voided")
	}
	if err != nil {
		return nil, fmt.Errorf("confirm enrolment: %w", err)
	}
	step, err := c.checkPending(ctx, user, pending, code)
	if err != nil {
		return nil, err
	}
	err = c.inTransaction(ctx, func(run execution) error {
		// A second enrolment that was begun in the meantime is not put to use by this code.
		changed, err := run(`UPDATE local_totp SET sealed = pending_sealed, generation = pending_generation, pending_sealed = '', last_step = $1
			WHERE user_id = $2 AND pending_sealed = $3`, step, user, pending)
		if err != nil {
			return fmt.Errorf("confirm enrolment: %w", err)
		}
		if changed == 0 {
			return signin.Refuse(signin.AttemptOver, "another enrolment was begun or confirmed in the meantime")
		}
		if _, err := run(`DELETE FROM local_recovery_codes WHERE user_id = $1`, user); err != nil {
			return fmt.Errorf("replace recovery codes: %w", err)
		}
		for range recoveryCodes {
			code := randomCode()
			recovery = append(recovery, code[:4]+"-"+code[4:8]+"-"+code[8:12]+"-"+code[12:])
			if _, err := run(`INSERT INTO local_recovery_codes (user_id, code_sha256) VALUES ($1, $2)`, user, recoveryDigest(user, code)); err != nil {
				return fmt.Errorf("replace recovery codes: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return recovery, nil
}

// checkPending is checkCode of a seed that was begun, slowed down as any guessing.
func (c *Credentials) checkPending(ctx context.Context, user, sealed, code string) (step int64, err error) {
	key := c.attemptKey(byEnrolment, user)
	counted, err := c.begin(ctx, map[string]Limit{key: c.config.Account})
	if err != nil {
		return 0, err
	}
	step, err = c.checkCode(ctx, user, sealed, code)
	switch {
	case err == nil:
		return step, c.forget(ctx, key)
	case signin.CodeOf(err) == "":
		return 0, errors.Join(err, counted.takeBack(ctx))
	}
	return 0, err
}

// checkCode refuses a code that is not the present one of a sealed seed, and returns its time step.
func (c *Credentials) checkCode(ctx context.Context, user, sealed, code string) (step int64, err error) {
	seed, err := c.open(ctx, totpOrigin(user), sealed)
	if err != nil {
		return 0, fmt.Errorf("check one-time code: %w", err)
	}
	now := c.now()
	right, err := totp.ValidateCustom(strings.ReplaceAll(code, " ", ""), string(seed), now, totpRules)
	if seed == nil || err != nil || !right { // an error says that the code has not six digits
		return 0, signin.Refuse(signin.Wrong, "one-time code")
	}
	return now.Unix() / int64(totpRules.Period), nil
}

// spendCode takes a one-time code if it is the present one and none of this step was taken before.
func (c *Credentials) spendCode(ctx context.Context, user, code string) error {
	var sealed string
	err := c.db.QueryRowContext(ctx, `SELECT sealed FROM local_totp WHERE user_id = $1 AND sealed <> ''`, user).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return signin.Refuse(signin.Wrong, "the second factor was removed in the meantime")
	}
	if err != nil {
		return fmt.Errorf("check one-time code: %w", err)
	}
	step, err := c.checkCode(ctx, user, sealed, code)
	if err != nil {
		return err
	}
	result, err := c.db.ExecContext(ctx, `UPDATE local_totp SET last_step = $1 WHERE user_id = $2 AND sealed = $3 AND last_step < $1`, step, user, sealed)
	if err != nil {
		return fmt.Errorf("spend one-time code: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil {
		return fmt.Errorf("spend one-time code: %w", err)
	} else if n == 0 {
		return signin.Refuse(signin.CodeUsed, "a code of this time step was used before")
	}
	return nil
}

// randomCode returns 80 random bits as 16 lower-case letters and digits.
func randomCode() string {
	raw := make([]byte, recoveryCodeBytes)
	_, _ = rand.Read(raw) // never fails: crypto/rand ends the program instead
	return strings.ToLower(base32.StdEncoding.EncodeToString(raw))
}
