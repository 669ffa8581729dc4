package httpapi

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
)

//go:embed docs.html
var docsPage string

//go:embed docs.css
var docsStyle []byte

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// addErrors describes the problems of an operation that huma does not register.
func addErrors(doc *huma.OpenAPI, op *huma.Operation) {
	schema := doc.Components.Schemas.Schema(typeOf[Problem](), true, "Problem")
	for _, status := range op.Errors {
		if key := strconv.Itoa(status); op.Responses[key] == nil {
			op.Responses[key] = content(http.StatusText(status), "application/problem+json")
			op.Responses[key].Content["application/problem+json"].Schema = schema
		}
	}
}

// registerDocs serves the OpenAPI document, and a page made of it on the server: no script, and
// nothing from another host. Both are made when they are first asked for.
func (s *Server) registerDocs(router chi.Router, doc *huma.OpenAPI) {
	document := s.made("application/yaml", doc.YAML)
	page := s.made("text/html; charset=utf-8", func() ([]byte, error) { return renderDocs(doc) })
	router.Get("/openapi.yaml", document)
	router.Get("/docs/style.css", s.made("text/css; charset=utf-8", func() ([]byte, error) { return docsStyle, nil }))
	router.Get("/docs", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		page(w, r)
	})
}

// made serves what is the same for everybody, and is made once.
func (s *Server) made(mediaType string, body func() ([]byte, error)) http.HandlerFunc {
	once := sync.OnceValues(body)
	return func(w http.ResponseWriter, r *http.Request) {
		text, err := once()
		if err != nil {
			s.problemOf(r.Context(), err).write(w)
			return
		}
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Cache-Control", "public, max-age=300")
		_, _ = w.Write(text) // the client is gone; there is nobody to tell
	}
}

// docsChapter is a tag with its operations.
type docsChapter struct {
	Tag        *huma.Tag
	Operations []docsOperation
}

type docsOperation struct {
	*huma.Operation
	Statuses []docsStatus
	Body     string
}

type docsStatus struct{ Status, Description, Schema string }

// docsSchema is a named schema, property by property.
type docsSchema struct {
	Name       string
	Properties []docsProperty
}

type docsProperty struct {
	Name, Type, Description string
	Required                bool
}

func renderDocs(doc *huma.OpenAPI) ([]byte, error) {
	page, err := template.New("docs").Parse(docsPage)
	if err != nil {
		return nil, fmt.Errorf("parse page of documentation: %w", err)
	}
	type code struct {
		Code   Code
		Status int
		Title  string
	}
	var codes []code
	for _, name := range sortedCodes() {
		codes = append(codes, code{name, problems[name].status, problems[name].title})
	}
	for _, name := range sortedKeys(refusals) {
		if kind := refusals[name]; kind != CodeNotFound {
			codes = append(codes, code{name, problems[kind].status, problems[kind].title})
		}
	}
	var out bytes.Buffer
	err = page.Execute(&out, map[string]any{
		"Info": doc.Info, "Chapters": docsChapters(doc), "Schemas": docsSchemas(doc), "Codes": codes, "Rejections": rejections,
	})
	if err != nil {
		return nil, fmt.Errorf("render page of documentation: %w", err)
	}
	return out.Bytes(), nil
}

func sortedCodes() []Code {
	codes := make([]Code, 0, len(problems))
	for code := range problems {
		codes = append(codes, code)
	}
	slices.SortFunc(codes, func(a, b Code) int {
		if d := problems[a].status - problems[b].status; d != 0 {
			return d
		}
		return strings.Compare(string(a), string(b))
	})
	return codes
}

func docsChapters(doc *huma.OpenAPI) []docsChapter {
	chapters := make([]docsChapter, len(doc.Tags))
	for i, tag := range doc.Tags {
		chapters[i].Tag = tag
	}
	for _, path := range sortedKeys(doc.Paths) {
		for _, op := range operationsOf(doc.Paths[path]) {
			i := slices.IndexFunc(doc.Tags, func(tag *huma.Tag) bool { return tag.Name == op.Tags[0] })
			chapters[i].Operations = append(chapters[i].Operations, docsOperationOf(op))
		}
	}
	return chapters
}

func docsOperationOf(op *huma.Operation) docsOperation {
	shown := docsOperation{Operation: op}
	if op.RequestBody != nil {
		for _, mediaType := range sortedKeys(op.RequestBody.Content) {
			shown.Body += " " + mediaType + " " + schemaText(op.RequestBody.Content[mediaType].Schema)
		}
	}
	for _, status := range sortedKeys(op.Responses) {
		line := docsStatus{Status: status, Description: op.Responses[status].Description}
		for _, mediaType := range sortedKeys(op.Responses[status].Content) {
			line.Schema = schemaText(op.Responses[status].Content[mediaType].Schema)
		}
		shown.Statuses = append(shown.Statuses, line)
	}
	return shown
}

func docsSchemas(doc *huma.OpenAPI) []docsSchema {
	schemas := doc.Components.Schemas.Map()
	list := make([]docsSchema, 0, len(schemas))
	for _, name := range sortedKeys(schemas) {
		shown := docsSchema{Name: name}
		for _, property := range sortedKeys(schemas[name].Properties) {
			schema := schemas[name].Properties[property]
			shown.Properties = append(shown.Properties, docsProperty{
				Name: property, Type: schemaText(schema), Description: schema.Description,
				Required: slices.Contains(schemas[name].Required, property),
			})
		}
		list = append(list, shown)
	}
	return list
}

// schemaText is a schema in a word.
func schemaText(schema *huma.Schema) string {
	switch {
	case schema == nil:
		return ""
	case schema.Ref != "":
		return schema.Ref[strings.LastIndex(schema.Ref, "/")+1:]
	case schema.Type == huma.TypeArray:
		return "list of " + schemaText(schema.Items)
	case len(schema.Enum) > 0:
		return strings.Trim(fmt.Sprint(schema.Enum), "[]")
	case schema.Format != "":
		return schema.Type + " (" + schema.Format + ")"
	}
	return schema.Type
}
