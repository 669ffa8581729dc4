package schemas

import _ "embed"

// OpenAPI is the contract of the HTTP interface, OpenAPI 3.1. It is generated from the routes:
//
//	go test ./adapters/httpapi -run TestOpenAPI -update
//
//go:embed api/openapi.yaml
var OpenAPI []byte
