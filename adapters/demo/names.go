package demo

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// The names are put together of words that nobody bears: "Wobblethorpe Bank (invented)", "Priya
// Sampleworth". Addresses and telephone numbers come from ranges that are kept free: example.org
// (RFC 2606) and Ofcom's numbers for drama.
var (
	placeStarts = strings.Fields(`Wobble Quibble Snozzle Fiddle Bumble Muddle Twiddle Noodle Puddle Crumpet Dither Flapjack Gobble
		Haggle Jumble Nibble Piffle Ruffle Squiggle Tumble`)
	placeEnds = strings.Fields(`thorpe wick worth bury minster combe stead bridge mouth field gate leigh dale holme stone well ness hurst
		cliffe port marsh croft shaw beck fell`)
	givenNames = strings.Fields(`Aisha Alun Amara Angus Beatrice Bilal Bronwen Callum Carys Chidi Chloe Dafydd Deepa Dylan Eilidh Elif Emeka
		Esme Farah Fergus Freya Gareth Grace Hamza Harriet Hugo Imran Iona Isla Jasmine Jakub Joan Kasia Kofi Leila Lewis Mabel Marek Megan Mei
		Mohammed Nadia Nia Niamh Oliver Olu Owen Priya Rhys Rosa Rowan Samir Sanjay Sinead Tariq Tegan Tomasz Uma Violet Wen Yusuf Zara`)
	surnameStarts = strings.Fields(`Sample Example Specimen Demo Fiction Pretend Placeholder Makebelieve Invented Trial Dummy Madeup`)
	surnameEnds   = strings.Fields(`ton worth ley field smith wood well ridge by stead`)
	trades        = map[string][]string{
		"Mortgage":                {"Home Loans", "Building Society", "Mortgages"},
		"Bank account or service": {"Bank", "Savings Bank"},
		"Credit card":             {"Cards", "Bank"},
		"Credit reporting":        {"Credit Files", "Reference Agency"},
		"Debt collection":         {"Recoveries", "Collections", "Debt Purchase"},
		"Consumer Loan":           {"Motor Finance", "Personal Finance"},
		"Student loan":            {"Student Finance"},
		"Payday loan":             {"Short Loans"},
		"Money transfers":         {"Transfers"},
		"Prepaid card":            {"Prepaid"},
	}
)

// businessPlace returns a place-like name of its own for each of up to 500 businesses.
func businessPlace(id int) string {
	// 20 starts and 25 ends; the stride visits every pair once, and keeps neighbours apart.
	pair := id * 211 % (len(placeStarts) * len(placeEnds))
	return placeStarts[pair%len(placeStarts)] + placeEnds[pair/len(placeStarts)]
}

func businessName(id int, c company) string {
	kinds := trades[c.product]
	if len(kinds) == 0 {
		kinds = []string{"Finance"}
	}
	return businessPlace(id) + " " + kinds[id%len(kinds)] + " (invented)"
}

// groupName returns the group of a business; one in three belongs to one, with up to three others.
func groupName(id int) string {
	if id%3 != 0 {
		return ""
	}
	return businessPlace(id/12*12) + " Group (invented)"
}

// FRN returns the firm reference number of the business with the given number, from 0. They begin
// with 999, far above any that was given out.
func FRN(id int) string { return fmt.Sprintf("999%04d", id+1) }

func surname(random *rand.Rand) string {
	return pick(random, surnameStarts) + pick(random, surnameEnds)
}

type party struct {
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
	Phone string `json:"phone,omitempty"`
}

func person(random *rand.Rand) *party {
	given, family := pick(random, givenNames), surname(random)
	p := &party{Name: given + " " + family}
	if chance(random, 80) {
		p.Email = fmt.Sprintf("%s.%s%d@example.org", strings.ToLower(given), strings.ToLower(family), random.IntN(100))
	}
	if chance(random, 60) {
		p.Phone = fmt.Sprintf("07700 900%03d", random.IntN(1000))
	}
	return p
}

func smallBusiness(random *rand.Rand) *party {
	name := surname(random) + " " + pick(random, []string{"Bakery", "Plumbing", "Cycles", "Farm Shop", "Cleaning", "Books"}) + " Ltd (invented)"
	return &party{Name: name, Email: "office@example.org", Phone: fmt.Sprintf("020 7946 0%03d", random.IntN(1000))}
}

func representative(random *rand.Rand) *party {
	return &party{Name: surname(random) + " " + pick(random, []string{"Claims", "Solicitors", "Redress"}) + " (invented)"}
}

func handler(random *rand.Rand) string { return pick(random, givenNames) + " " + surname(random) }

func pick[T any](random *rand.Rand, list []T) T { return list[random.IntN(len(list))] }

// chance is true in percent of a hundred cases.
func chance(random *rand.Rand, percent int) bool { return random.IntN(100) < percent }
