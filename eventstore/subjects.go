package eventstore

// SubjectsOf returns the subjects under whose keys a sealed value is sealed, from its sealed form or
// its envelope; nil for what is neither.
func SubjectsOf(sealed string) []string {
	if _, text, enveloped := splitEnvelope(sealed); enveloped {
		sealed = text
	}
	parsed, err := parseSealed(sealed)
	if err != nil || sealText.DecodedLen(len(parsed.commitment)) != commitmentBytes {
		return nil
	}
	ids := parsed.keyIDs()
	for i, id := range ids {
		ids[i] = SubjectOf(id)
	}
	return ids
}
