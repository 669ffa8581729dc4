package outbox

// RulesOfTests is how many events there are that others are told of.
var RulesOfTests = len(rules)

// ReadingAhead is readingAhead.
var ReadingAhead = readingAhead
