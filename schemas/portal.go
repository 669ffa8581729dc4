package schemas

import "embed"

// Portal holds the contract with case management systems in the other direction, and that of what people fill in:
// portal/cloudevent.schema.json for the envelope of every message, portal/<type>.schema.json for the data of each
// type, the parts they share in portal/common.schema.json, a whole message of each type in
// portal/examples/<type>.json, and portal/asyncapi.yaml, which puts them together (AsyncAPI 3.0).
//
// portal/notifications/<type>.schema.json are the forms of each type of notification. They are generated from the
// catalogue of types, and describe the same forms:
//
//	go test ./schemas -run TestNotificationForms -update
//
//go:embed portal/notifications/*.json portal/*.schema.json portal/examples/*.json portal/asyncapi.yaml
var Portal embed.FS
