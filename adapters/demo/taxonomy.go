package demo

// product is a place in the taxonomy of products as a British ombudsman would use it.
type product struct {
	Sector  string `json:"sector"`
	Group   string `json:"group"`
	Product string `json:"product"`
}

const (
	banking   = "Banking and payments"
	home      = "Home finance"
	credit    = "Consumer credit"
	insurance = "Insurance"
)

// beingCategorised is where a case stands until the case management system has placed it.
var beingCategorised = product{Sector: "Being categorised", Group: "Being categorised", Product: "Being categorised"}

// byIssue places complaints whose issue says more than their product.
var byIssue = map[string]product{
	"Credit card protection / Debt protection": {insurance, "Payment protection", "Payment protection insurance"},
	"Credit monitoring or identity protection": {insurance, "Legal and identity cover", "Identity theft insurance"},
	"Overdraft, savings or rewards features":   {banking, "Current accounts", "Packaged bank account"},
	"Problems caused by my funds being low":    {banking, "Current accounts", "Overdraft"},
	"Application, originator, mortgage broker": {home, "Mortgage advice", "Mortgage broking"},
	"Identity theft / Fraud / Embezzlement":    {banking, "Cards", "Credit card fraud"},
	"Unauthorized transactions/trans. issues":  {banking, "Payments", "Unauthorised payment"},
	"Shopping for a loan or lease":             {credit, "Motor finance", "Credit broking"},
	"Can't stop charges to bank account":       {banking, "Payments", "Continuous payment authority"},
	"Closing/Cancelling account":               {banking, "Cards", "Credit card account closure"},
	"Unsolicited issuance of credit card":      {banking, "Cards", "Store card"},
	"Received a loan I didn't apply for":       {credit, "Unsecured lending", "Guarantor loan"},
	"Problems when you are unable to pay":      {credit, "Unsecured lending", "Instalment loan"},
	"Using a debit or ATM card":                {banking, "Cards", "Debit card"},
	"Making/receiving payments, sending money": {banking, "Payments", "Faster payment"},
	"Customer service / Customer relations":    beingCategorised,
	"Other":                                    beingCategorised,
	"Billing disputes":                         {banking, "Cards", "Section 75 claim"},
	"Credit reporting company's investigation": {credit, "Credit information", "Disputed credit file entry"},
	"Improper use of my credit report":         {credit, "Credit information", "Use of a credit file"},
	"Unable to get credit report/credit score": {credit, "Credit information", "Access to a credit file"},
	"Settlement process and costs":             {home, "Mortgages", "Mortgage completion"},
	"Loan modification,collection,foreclosure": {home, "Mortgages", "Mortgage arrears"},
	"Taking/threatening an illegal action":     {credit, "Debt collecting", "Debt collecting conduct"},
	"Improper contact or sharing of info":      {credit, "Debt collecting", "Debt collecting conduct"},
	"Communication tactics":                    {credit, "Debt collecting", "Debt collecting conduct"},
	"False statements or representation":       {credit, "Debt collecting", "Debt collecting conduct"},
	"Disclosure verification of debt":          {credit, "Debt collecting", "Debt ownership"},
	"Cont'd attempts collect debt not owed":    {credit, "Debt collecting", "Debt not owed"},
}

// bySubProduct places the rest, by product and sub-product.
var bySubProduct = map[[2]string]product{
	{"Mortgage", "Conventional fixed mortgage"}:                {home, "Mortgages", "Fixed-rate mortgage"},
	{"Mortgage", "Conventional adjustable mortgage (ARM)"}:     {home, "Mortgages", "Tracker mortgage"},
	{"Mortgage", "FHA mortgage"}:                               {home, "Mortgages", "First-time buyer mortgage"},
	{"Mortgage", "VA mortgage"}:                                {home, "Mortgages", "First-time buyer mortgage"},
	{"Mortgage", "Reverse mortgage"}:                           {home, "Equity release", "Lifetime mortgage"},
	{"Mortgage", "Home equity loan or line of credit"}:         {home, "Mortgages", "Second-charge mortgage"},
	{"Mortgage", ""}:                                           {home, "Mortgages", "Residential mortgage"},
	{"Bank account or service", "Savings account"}:             {banking, "Savings", "Savings account"},
	{"Bank account or service", "(CD) Certificate of deposit"}: {banking, "Savings", "Fixed-rate bond"},
	{"Bank account or service", "Other bank product/service"}:  {banking, "Current accounts", "Packaged bank account"},
	{"Bank account or service", ""}:                            {banking, "Current accounts", "Current account"},
	{"Credit card", ""}:                                        {banking, "Cards", "Credit card"},
	{"Credit reporting", ""}:                                   {credit, "Credit information", "Credit file accuracy"},
	{"Debt collection", "Credit card"}:                         {credit, "Debt collecting", "Credit card debt"},
	{"Debt collection", "Mortgage"}:                            {credit, "Debt collecting", "Mortgage shortfall"},
	{"Debt collection", "I do not know"}:                       beingCategorised,
	{"Debt collection", ""}:                                    {credit, "Debt collecting", "Household debt"},
	{"Consumer Loan", "Vehicle loan"}:                          {credit, "Motor finance", "Motor hire purchase"},
	{"Consumer Loan", "Vehicle lease"}:                         {credit, "Motor finance", "Personal contract hire"},
	{"Consumer Loan", "Title loan"}:                            {credit, "Unsecured lending", "Logbook loan"},
	{"Consumer Loan", ""}:                                      {credit, "Unsecured lending", "Personal loan"},
	{"Student loan", ""}:                                       {credit, "Unsecured lending", "Private student loan"},
	{"Payday loan", ""}:                                        {credit, "Short-term lending", "Payday loan"},
	{"Money transfers", "International money transfer"}:        {banking, "Payments", "International payment"},
	{"Money transfers", ""}:                                    {banking, "Payments", "Money transfer"},
	{"Prepaid card", ""}:                                       {banking, "Payments", "Prepaid card"},
	{"Other financial service", "Debt settlement"}:             {credit, "Debt adjusting", "Debt management plan"},
}

// place puts a complaint into the taxonomy.
func (c complaint) place() product {
	if p, ok := byIssue[c.Issue]; ok {
		return p
	}
	if p, ok := bySubProduct[[2]string{c.Product, c.SubProduct}]; ok {
		return p
	}
	if p, ok := bySubProduct[[2]string{c.Product, ""}]; ok {
		return p
	}
	return beingCategorised
}
