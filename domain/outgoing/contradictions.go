package outgoing

// What an answer may contradict, as Origin.Contradicts names it. The answer is recorded all the same.
const (
	// DifferentCase: it names another case than the one that this was sent about.
	DifferentCase = "different-case"
	// NotSent: it answers what did not go out, or was not sent again yet.
	NotSent = "not-sent"
	// AlreadyAnswered: the source said the opposite before; this corrects it.
	AlreadyAnswered = "already-answered"
)
