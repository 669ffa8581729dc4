package projections

import (
	"casesync/domain/casefile"
	"casesync/domain/private"
)

// details takes what is known of the case beyond the basic data; an absent field is unchanged. Of
// what is confidential the issue and the flags are kept in clear, the rest sealed. Where the key
// was destroyed nothing is known.
func (f *caseFold) details(sealed private.Value[casefile.Details]) (changed []string) {
	if sealed.IsZero() {
		return nil
	}
	details, _ := sealed.Get()
	return f.setDetails(details, sealed.Envelope())
}

func (f *caseFold) setDetails(details casefile.Details, envelope string) (changed []string) {
	if details.Issue != nil {
		f.row.Issue = *details.Issue
		changed = append(changed, "issue")
	}
	if details.SmallBusiness != nil {
		f.row.SmallBusiness = *details.SmallBusiness
		changed = append(changed, "smallBusiness")
	}
	if details.BusinessReference != nil {
		row := f.sealed()
		row.BusinessReference = envelopeUnless(*details.BusinessReference == "", envelope)
		row.ReferenceWords = f.words(*details.BusinessReference)
		changed = append(changed, "businessReference")
	}
	if details.Handler != nil {
		f.sealed().Handler = envelopeUnless(*details.Handler == "", envelope)
		changed = append(changed, "handler")
	}
	return changed
}

// parties takes who complained and who acts for them; an absent value is unchanged, an empty name
// takes the party away.
func (f *caseFold) parties(consumer, representative private.Value[casefile.Party]) (changed []string) {
	if !consumer.IsZero() {
		row := f.sealed()
		row.Consumer, row.ConsumerWords = f.party(consumer)
		changed = append(changed, "consumer")
	}
	if !representative.IsZero() {
		row := f.sealed()
		row.Representative, row.RepresentativeWords = f.party(representative)
		_, opened := representative.Get()
		f.row.HasRepresentative = row.Representative != "" || !opened
		changed = append(changed, "representative")
	}
	return changed
}

// party returns a party's envelope and the words of its name.
func (f *caseFold) party(sealed private.Value[casefile.Party]) (envelope, words string) {
	party, opened := sealed.Get()
	return envelopeUnless(opened && party.Name == "", sealed.Envelope()), f.words(party.Name)
}

func (f *caseFold) detailsChanged(e *casefile.DetailsChanged) entry {
	changed := append(f.details(e.Details), f.parties(e.Consumer, e.Representative)...)
	return entry{kind: "details-changed", data: detailsData{Changed: changed}}
}

// sealed returns the case's envelopes, to be changed in place.
func (f *caseFold) sealed() *sealedRow {
	if row := caseSealed.Get(f.rows, f.row.Ref); row != nil {
		return row
	}
	return caseSealed.Put(f.rows, sealedRow{Ref: f.row.Ref})
}

func envelopeUnless(nothing bool, envelope string) string {
	if nothing {
		return ""
	}
	return envelope
}
