package mail

import (
	"embed"
	"fmt"
	"strings"
	"text/template"
	"time"
	"unicode"
	"unicode/utf8"

	"casesync/domain/calendar"
)

// Kind says what a mail is about. The texts are stored, and stay.
type Kind string

// The kinds of mail. Each has its text in letters/<kind>.txt.
const (
	Invitation       Kind = "invitation"
	InvitationAgain  Kind = "invitation-again"
	InactivityWarned Kind = "inactivity-warning"
	AccountDisabled  Kind = "account-disabled" // for inactivity
	ResetLink        Kind = "reset-link"
	// PasswordChanged, FactorChanged, FactorReset and QuestionsReset tell the person what was done to the account.
	PasswordChanged Kind = "password-changed"
	FactorChanged   Kind = "second-factor-changed"
	FactorReset     Kind = "second-factor-reset"
	QuestionsReset  Kind = "questions-reset"
	// AddressChanged goes to the new address, FormerAddress to the one before.
	AddressChanged Kind = "address-changed"
	FormerAddress  Kind = "address-changed-former"

	RequestReceived Kind = "request-received"
	DataAsked       Kind = "request-data-asked"
	RequestComplete Kind = "request-complete"
	RequestDeclined Kind = "request-declined"
	RequestLapsed   Kind = "request-lapsed"
	BusinessActive  Kind = "business-active"

	// TicketReceived goes to who asked the helpdesk before sign-in, TicketAnswered to whoever asked.
	TicketReceived Kind = "ticket-received"
	TicketAnswered Kind = "ticket-answered"

	// AdministratorsLow goes to the administrator who is left, the alert to operators.
	AdministratorsLow      Kind = "administrators-low"
	AdministratorsLowAlert Kind = "administrators-low-alert"
	AdministratorRequested Kind = "administrator-requested"
)

// Facts are all that a letter may say. There is nothing of a case among them, and nobody's name but
// the recipient's own.
type Facts struct {
	Service  string // what people call this service
	Helpdesk string // the address of the helpdesk's webform (requirement 31)
	Name     string // the recipient's, "" for none
	Link     string
	Until    time.Time    // the end of the link
	Day      calendar.Day // of what the letter tells
	Erases   calendar.Day // when personal data will be erased
	FRN      string
	FRNs     []string // of an access request
	// Federated is whether the person signs in at the business's identity provider.
	Federated bool
	// Account is whether the recipient signs in to read what the letter tells of.
	Account bool
	// Factor is whether a link is for another second factor, instead of another password.
	Factor bool
	// Missing is what an access request lacks, in words; Question is what an operator asks besides.
	Missing  []string
	Question string
	Left     int // how many active administrators are left
}

// Letter is what is sent to somebody, without his address.
type Letter struct {
	Kind          Kind
	Subject, Body string
}

//go:embed letters/*.txt
var letterFiles embed.FS

var letters = template.Must(template.New("letters").Funcs(template.FuncMap{
	"day": inWords, "until": untilInWords, "businesses": businessesInWords, "left": leftInWords,
}).ParseFS(letterFiles, "letters/*.txt"))

// Write returns the letter of a kind. It is a pure function, and depends on Facts alone. Whatever
// the facts hold, the subject is one line, and no fact can pass for another line of the letter:
// each stands on one line, but for a question, whose lines are quoted.
func Write(kind Kind, facts Facts) (Letter, error) {
	var text strings.Builder
	if err := letters.ExecuteTemplate(&text, string(kind)+".txt", facts.safe()); err != nil {
		return Letter{}, fmt.Errorf("write letter: %w", err)
	}
	subject, body, _ := strings.Cut(text.String(), "\n")
	return Letter{Kind: kind, Subject: subject, Body: strings.TrimSpace(body) + "\n"}, nil
}

// The most characters of a name in a greeting, of another fact, and of a question with its lines.
const (
	nameRunesMax     = 80
	factRunesMax     = 200
	linkBytesMax     = 2000
	questionRunesMax = 4000
	questionLinesMax = 100
)

// safeFacts are facts as templates may use them.
type safeFacts struct {
	Facts
	Question []string
}

func (f Facts) safe() safeFacts {
	f.Name = greeting(f.Name)
	f.FRN = digits(f.FRN)
	f.Service, f.Helpdesk, f.Link = oneLine(f.Service, factRunesMax), oneLine(f.Helpdesk, linkBytesMax), oneLine(f.Link, linkBytesMax)
	f.FRNs, f.Missing = eachOf(f.FRNs, digits), eachOf(f.Missing, func(item string) string { return oneLine(item, factRunesMax) })
	return safeFacts{f, quoted(f.Question)}
}

func eachOf(list []string, change func(string) string) []string {
	changed := make([]string, len(list))
	for i, item := range list {
		changed[i] = change(item)
	}
	return changed
}

// greeting returns the name to greet with, "" where it might be read as something else. Anybody may
// fill in an access request for anybody: without this, the greeting could carry an advertisement,
// or the address of a website, under our name.
func greeting(name string) string {
	name = oneLine(name, nameRunesMax+1)
	if utf8.RuneCountInString(name) > nameRunesMax {
		return ""
	}
	for i, r := range name {
		switch {
		case unicode.IsLetter(r), unicode.IsMark(r), strings.ContainsRune(" '’-", r):
		case r == '.' && (i+1 == len(name) || name[i+1] == ' '): // "J. Smith", and no "smith.example"
		default:
			return ""
		}
	}
	return name
}

// digits returns text if it is a number, "" for anything else.
func digits(text string) string {
	if len(text) > 20 || strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		return ""
	}
	return text
}

// oneLine returns text on one line: white space is single spaces, and what is not shown is gone,
// such as control characters and marks that turn the direction of writing.
func oneLine(text string, runesMax int) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "�")), " ")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, text)
	text = strings.TrimSpace(text)
	if runes := []rune(text); len(runes) > runesMax {
		return string(runes[:runesMax])
	}
	return text
}

// quoted returns the lines of a text that a person wrote.
func quoted(text string) []string {
	if runes := []rune(text); len(runes) > questionRunesMax {
		text = string(runes[:questionRunesMax])
	}
	var lines []string
	for line := range strings.Lines(strings.TrimSpace(text)) {
		if len(lines) == questionLinesMax {
			break
		}
		lines = append(lines, oneLine(line, questionRunesMax))
	}
	return lines
}

var london = mustLoad("Europe/London")

func mustLoad(zone string) *time.Location {
	location, err := time.LoadLocation(zone)
	if err != nil {
		panic(err) // cannot be: package calendar links time/tzdata in
	}
	return location
}

const dayFormat = "Monday 2 January 2006"

func inWords(day calendar.Day) string {
	date, err := time.Parse(time.DateOnly, day.String())
	if err != nil {
		return "" // no day
	}
	return date.Format(dayFormat)
}

func untilInWords(at time.Time) string {
	return at.In(london).Format(dayFormat + " at 15:04 (UK time)")
}

func businessesInWords(frns []string) string {
	switch len(frns) {
	case 0:
		return "your business"
	case 1:
		return "the business with firm reference number " + frns[0]
	}
	return "the businesses with firm reference numbers " + strings.Join(frns[:len(frns)-1], ", ") + " and " + frns[len(frns)-1]
}

func leftInWords(n int) string {
	if n == 1 {
		return "one active administrator"
	}
	return "no active administrator"
}
