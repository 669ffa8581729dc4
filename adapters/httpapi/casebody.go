package httpapi

import (
	"time"

	"casesync/projections"
)

// Case is a case as lists show it.
type Case struct {
	Reference         string     `json:"reference" doc:"Of the Financial Ombudsman Service"`
	Business          string     `json:"business" doc:"FRN of the respondent business"`
	BusinessReference string     `json:"businessReference,omitempty" doc:"The business's own reference"`
	Status            string     `json:"status" enum:"open,closed"`
	Suppressed        bool       `json:"suppressed,omitempty" doc:"Shown to auditors alone; for all others a suppressed case does not exist"`
	Product           Product    `json:"product"`
	Issue             string     `json:"issue,omitempty"`
	Stage             string     `json:"stage"`
	StageAtClosure    string     `json:"stageAtClosure,omitempty"`
	Priority          bool       `json:"priority"`
	PriorityReason    string     `json:"priorityReason,omitempty" doc:"A code, such as financial-hardship"`
	SmallBusiness     bool       `json:"smallBusiness"`
	Consumer          *Party     `json:"consumer,omitempty" doc:"Absent once it was erased"`
	Representative    *Party     `json:"representative,omitempty" doc:"A professional representative"`
	Represented       bool       `json:"represented" doc:"Whether there is a professional representative"`
	Handler           string     `json:"handler,omitempty" doc:"Who handles the case at the Financial Ombudsman Service"`
	ConvertedAt       time.Time  `json:"convertedAt"`
	ClosedAt          *time.Time `json:"closedAt,omitempty"`
	ReopenedAt        *time.Time `json:"reopenedAt,omitempty"`
	Outcome           string     `json:"outcome,omitempty"`
	DecisionReference string     `json:"decisionReference,omitempty" example:"DRN-1234567"`
	ActionNeeded      bool       `json:"actionNeeded"`
	ActionsOpen       int64      `json:"actionsOpen"`
	DueDate           string     `json:"dueDate,omitempty" format:"date" doc:"When the earliest open action is due"`
	Overdue           bool       `json:"overdue" doc:"Whether that was before today in London"`
	AllocatedTo       string     `json:"allocatedTo,omitempty"`
	Returned          bool       `json:"allocationReturned,omitempty" doc:"Nobody has it since whoever had it cannot work on it any more; until it is allocated again"`
	FailedUploads     int64      `json:"failedUploads" doc:"Of the uploads, those that were rejected or quarantined"`
	Uploads           int64      `json:"uploads" doc:"How many files its present business sent"`
	Notifications     int64      `json:"notifications" doc:"How many notifications its present business sent"`
	OfferTellBy       string     `json:"offerTellBy,omitempty" format:"date" doc:"The day by which to tell of a proactive offer: 14 days after the file was asked for. Absent where no clock runs"`
	OfferMakeBy       string     `json:"offerMakeBy,omitempty" format:"date" doc:"The day by which to make it: 21 days after"`
	UpdatedAt         time.Time  `json:"updatedAt" doc:"When its last fact happened at the source"`
	DataErased        bool       `json:"dataErased,omitempty" doc:"Its time is over: only the decision and basic data are kept"`
	Changed           *int       `json:"changed,omitempty" doc:"How many entries of its timeline are new since you last looked; absent where you never did"`
}

// Product places a case in the product taxonomy.
type Product struct {
	Sector  string `json:"sector"`
	Group   string `json:"group"`
	Product string `json:"product"`
}

// Party is a person or organisation on the complainant's side.
type Party struct {
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
	Phone string `json:"phone,omitempty"`
}

// Action is something asked of the business.
type Action struct {
	ActionID    string     `json:"actionId"`
	Kind        string     `json:"kind,omitempty"`
	Description string     `json:"description,omitempty"`
	DueDate     string     `json:"dueDate,omitempty" format:"date"`
	Overdue     bool       `json:"overdue"`
	Status      string     `json:"status" enum:"open,completed,withdrawn"`
	RequestedAt *time.Time `json:"requestedAt,omitempty"`
	ClosedAt    *time.Time `json:"closedAt,omitempty"`
}

// Earlier is a business that the case was with before.
type Earlier struct {
	Business string    `json:"business" doc:"FRN"`
	Until    time.Time `json:"until"`
}

// caseOf shows what a row holds in clear; what is sealed is filled in by openCases.
func caseOf(row projections.CaseRow, today projections.Day) Case {
	c := Case{
		Reference: row.Ref, Business: row.FRN, Status: projections.StatusClosed, Suppressed: row.Suppressed,
		Product: Product{row.Sector, row.Group, row.Product}, Issue: row.Issue,
		Stage: row.Stage, StageAtClosure: row.StageAtClosure,
		Priority: row.Priority, PriorityReason: row.PriorityReason,
		SmallBusiness: row.SmallBusiness, Represented: row.HasRepresentative,
		ConvertedAt: row.ConvertedAt, ClosedAt: instant(row.ClosedAt), ReopenedAt: instant(row.ReopenedAt),
		Outcome: row.Outcome, DecisionReference: row.DecisionReference,
		ActionsOpen: row.ActionsOpen, AllocatedTo: row.AllocatedTo, Returned: row.AllocationReturned, FailedUploads: row.FailedUploads,
		Uploads: row.Uploads, Notifications: row.Notifications, OfferTellBy: row.TellBy.String(), OfferMakeBy: row.MakeBy.String(),
		UpdatedAt: row.UpdatedAt, DataErased: row.DataErased,
	}
	if row.Open {
		c.Status = projections.StatusOpen
		c.ActionNeeded = row.ActionsOpen > 0
		c.DueDate = row.DueDay.String()
		c.Overdue = c.ActionNeeded && row.DueDay < today
	}
	return c
}

func actionOf(row projections.ActionRow, today projections.Day) Action {
	a := Action{
		ActionID: row.ActionID, Kind: row.Kind, DueDate: row.DueDay.String(), Status: row.Result,
		RequestedAt: instant(row.RequestedAt), ClosedAt: instant(row.ClosedAt),
	}
	if row.Result == "" {
		a.Status, a.Overdue = "open", row.DueDay < today
	}
	return a
}
