package schemas

import "embed"

// Portal holds the contract of what people fill in: portal/notifications/<type>.schema.json for the form of each
// type of notification. They are generated from the catalogue of types, and describe the same forms:
//
//	go test ./schemas -run TestNotificationForms -update
//
//go:embed portal/notifications/*.json
var Portal embed.FS
