package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"casesync/adapters/identity/signin"
)

const (
	questionsEach  = 3
	answerRunesMin = 3
	answerBytesMax = 256
)

// Catalogue is the questions to choose from.
func Catalogue() []string {
	return []string{
		"What was the name of your first teacher?",
		"What was the first concert you went to?",
		"What was the make of your first bicycle?",
		"In which street did you live when you were ten?",
		"What was the first film you saw at a cinema?",
		"What did you want to become when you were a child?",
		"What was the name of your first manager?",
		"What was the first dish you learned to cook?",
	}
}

// Answer is an answer to a question of the catalogue.
type Answer struct{ Question, Answer string }

// ErrAnswers says what is wrong with chosen questions and answers.
var ErrAnswers = fmt.Errorf("choose %d different questions, and for each another answer of at least %d letters or digits", questionsEach, answerRunesMin)

// SetQuestions sets a user's security questions in place of earlier ones, under the present
// generation of questions. It returns ErrAnswers for a choice that breaks the rules.
func (c *Credentials) SetQuestions(ctx context.Context, user string, generation int, answers []Answer) error {
	if err := checkUser(user); err != nil {
		return fmt.Errorf("set security questions: %w", err)
	}
	if !fitAnswers(answers) {
		return ErrAnswers
	}
	hashes := make([]string, len(answers))
	for i, a := range answers {
		var err error
		if hashes[i], err = c.hasher.hash(ctx, foldAnswer(a.Answer)); err != nil {
			return err
		}
	}
	return c.inTransaction(ctx, func(run execution) error {
		if _, err := run(`DELETE FROM local_questions WHERE user_id = $1`, user); err != nil {
			return fmt.Errorf("set security questions: %w", err)
		}
		for i, a := range answers {
			if _, err := run(`INSERT INTO local_questions (user_id, place, question, phc, generation) VALUES ($1, $2, $3, $4, $5)`,
				user, i, a.Question, hashes[i], generation); err != nil {
				return fmt.Errorf("set security questions: %w", err)
			}
		}
		return nil
	})
}

func fitAnswers(answers []Answer) bool {
	seen := map[string]bool{}
	for _, a := range answers {
		folded := foldAnswer(a.Answer)
		if !slices.Contains(Catalogue(), a.Question) || seen["q"+a.Question] || seen["a"+folded] ||
			len(a.Answer) > answerBytesMax || utf8.RuneCountInString(folded) < answerRunesMin {
			return false
		}
		seen["q"+a.Question], seen["a"+folded] = true, true
	}
	return len(answers) == questionsEach
}

// foldAnswer keeps letters and digits alone: people do not remember how they wrote an answer.
func foldAnswer(answer string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, norm.NFKC.String(answer))
}

// CheckQuestions refuses with Wrong unless all answers are right, in the order of Status. It lets
// nobody in: it is to be asked before an administrator resets a credential. It does the same work
// whatever is right, and for a user who does not exist or has no questions.
func (c *Credentials) CheckQuestions(ctx context.Context, user string, answers []string, address string) error {
	counted, err := c.begin(ctx, map[string]Limit{c.attemptKey(byQuestions, user): c.config.Account, c.attemptKey(byAddress, address): c.config.Address})
	if err != nil {
		return err
	}
	right, err := c.verifyAnswers(ctx, user, answers)
	if err != nil {
		return errors.Join(err, counted.takeBack(ctx))
	}
	if !right {
		return signin.Refuse(signin.Wrong, "security questions")
	}
	return errors.Join(counted.takeBack(ctx), c.forget(ctx, c.attemptKey(byQuestions, user)))
}

func (c *Credentials) verifyAnswers(ctx context.Context, user string, answers []string) (bool, error) {
	asked, err := c.questions(ctx, user)
	if err != nil {
		return false, err
	}
	all := len(asked) == questionsEach && len(answers) == questionsEach
	for i := range questionsEach {
		hash, answer := c.nobody, ""
		if i < len(asked) {
			hash = asked[i].phc
		}
		if i < len(answers) && len(answers[i]) <= answerBytesMax {
			answer = foldAnswer(answers[i])
		}
		right, _, err := c.hasher.verify(ctx, answer, hash)
		if err != nil {
			return false, err
		}
		all = all && right
	}
	return all, nil
}

type question struct{ text, phc string }

func (c *Credentials) questions(ctx context.Context, user string) ([]question, error) {
	rows, err := c.db.QueryContext(ctx, `SELECT question, phc FROM local_questions WHERE user_id = $1 ORDER BY place`, user)
	if err != nil {
		return nil, fmt.Errorf("read security questions: %w", err)
	}
	defer rows.Close()
	var all []question
	for rows.Next() {
		var q question
		if err := rows.Scan(&q.text, &q.phc); err != nil {
			return nil, fmt.Errorf("read security questions: %w", err)
		}
		all = append(all, q)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read security questions: %w", err)
	}
	return all, nil
}
