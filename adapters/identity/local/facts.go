package local

import "time"

// Facts are the rules of local accounts that people are told before they have one.
type Facts struct {
	// PasswordRunesMin and PasswordRunesMax bound a password's length, in characters.
	PasswordRunesMin, PasswordRunesMax int
	// RecoveryCodes come with a second factor, whose codes have CodeDigits and are good for CodePeriod.
	RecoveryCodes, CodeDigits int
	CodePeriod                time.Duration
	// Questions is how many security questions a person has who has any.
	Questions int
	// Account is how wrong attempts on an account are slowed down.
	Account Limit
}

// Facts returns the rules that are in force.
func (c *Credentials) Facts() Facts {
	return Facts{
		PasswordRunesMin: passwordRunesMin, PasswordRunesMax: passwordRunesMax,
		RecoveryCodes: recoveryCodes, CodeDigits: totpRules.Digits.Length(), CodePeriod: totpPeriod,
		Questions: questionsEach, Account: c.config.Account,
	}
}
