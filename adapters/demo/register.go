package demo

import (
	"bytes"
	_ "embed" // the register
	"encoding/csv"
	"fmt"
	"slices"
	"sync"
	"time"
)

//go:embed data/complaints.csv
var registerCSV []byte

// complaint is a line of the register, with the parts that the feed is made of.
type complaint struct {
	Received   time.Time // a day; moved, see closeGaps
	Sent       time.Time // to the company; a day, not before Received
	Product    string
	SubProduct string
	Issue      string
	Company    int // index into Register.companies
	Response   string
	Timely     bool
	Disputed   bool
}

// Register is the complaint register, ordered by the day received; [Open] reads it.
type Register struct {
	complaints []complaint
	companies  []company // by how many complaints they have, most first
	last       time.Time // the newest day of receipt
}

// company is a firm of the register, of which only its size and trade go on.
type company struct {
	complaints int
	product    string // that most of its complaints are about
}

// gapDaysMax is how many days without any complaint the feed keeps: the sample has gaps of months
// and years, which would leave the demonstration without open cases.
const gapDaysMax = 7

const day = 24 * time.Hour

var openRegister = sync.OnceValues(func() (*Register, error) { return readRegister(registerCSV) })

// Open returns the register that this package carries.
func Open() (*Register, error) { return openRegister() }

func readRegister(data []byte) (*Register, error) {
	lines, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read register: %w", err)
	}
	if len(lines) < 2 || len(lines[0]) != 14 {
		return nil, fmt.Errorf("read register: want a heading of 14 columns and at least one line")
	}
	r := &Register{}
	ids := companyIDs(lines[1:], r)
	for i, line := range lines[1:] {
		c, err := readComplaint(line)
		if err != nil {
			return nil, fmt.Errorf("read register line %d: %w", i+2, err)
		}
		c.Company = ids[line[5]]
		r.complaints = append(r.complaints, c)
	}
	slices.SortStableFunc(r.complaints, func(a, b complaint) int { return a.Received.Compare(b.Received) })
	r.closeGaps()
	return r, nil
}

func readComplaint(line []string) (complaint, error) {
	received, err := time.Parse("1/2/2006", line[0])
	if err != nil {
		return complaint{}, err
	}
	sent, err := time.Parse("1/2/2006", line[10])
	if err != nil {
		return complaint{}, err
	}
	if sent.Before(received) {
		sent = received
	}
	return complaint{
		Received: received, Sent: sent, Product: line[1], SubProduct: line[2], Issue: line[3],
		Response: line[11], Timely: line[12] == "Yes", Disputed: line[13] == "Yes",
	}, nil
}

// companyIDs numbers the companies, the one with most complaints first, and forgets their names.
func companyIDs(lines [][]string, r *Register) map[string]int {
	products := map[string]map[string]int{}
	counts := map[string]int{}
	for _, line := range lines {
		if counts[line[5]]++; products[line[5]] == nil {
			products[line[5]] = map[string]int{}
		}
		products[line[5]][line[1]]++
	}
	names := mostFirst(counts)
	ids := make(map[string]int, len(names))
	for i, name := range names {
		ids[name] = i
		r.companies = append(r.companies, company{complaints: counts[name], product: mostFirst(products[name])[0]})
	}
	return ids
}

// mostFirst returns the keys by their counts, most first, then by name.
func mostFirst(counts map[string]int) []string {
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.Sort(names)
	slices.SortStableFunc(names, func(a, b string) int { return counts[b] - counts[a] })
	return names
}

// closeGaps moves complaints later so that no gap between two days of receipt is longer than gapDaysMax.
func (r *Register) closeGaps() {
	var by time.Duration // how much later the current complaint has to be
	for i := len(r.complaints) - 1; i >= 0; i-- {
		c := r.complaints[i]
		r.complaints[i] = c.moved(by)
		if i > 0 {
			by += max(0, c.Received.Sub(r.complaints[i-1].Received)-gapDaysMax*day)
		}
	}
	r.last = r.complaints[len(r.complaints)-1].Received
}

// moved returns the complaint as if it had come so much later.
func (c complaint) moved(by time.Duration) complaint {
	c.Received, c.Sent = c.Received.Add(by), c.Sent.Add(by)
	return c
}
