package reactions

// Wants returns the stored names of the events that each subscription reacts to, by its name.
func Wants() map[string][]string {
	names := map[string][]string{}
	for name, table := range map[string]reactions{SessionsName: sessionReactions, Name: slowReactions} {
		for eventType := range table {
			names[name] = append(names[name], eventType)
		}
	}
	for eventType := range stopping {
		names[CasesName] = append(names[CasesName], eventType)
	}
	return names
}
