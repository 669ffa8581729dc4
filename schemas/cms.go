package schemas

import "embed"

// CMS holds the contract with case management systems: cms/cloudevent.schema.json for the
// envelope of every event, cms/<type>.schema.json for the data of each type, the parts they share
// in cms/common.schema.json, and a whole event of each type in cms/examples/<type>.json.
//
//go:embed cms/*.schema.json cms/examples/*.json
var CMS embed.FS
