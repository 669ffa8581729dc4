package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"casesync/domain/access"
	"casesync/domain/casefile"
	"casesync/domain/upload"
	"casesync/projections"
	"casesync/projections/engine"
)

// Document is a key document. Those given in confidence are in no answer (requirement 71).
type Document struct {
	DocumentID  string        `json:"documentId"`
	Kind        string        `json:"kind"`
	Title       string        `json:"title,omitempty"`
	MediaType   string        `json:"mediaType"`
	Size        int64         `json:"size" doc:"Bytes"`
	SHA256      string        `json:"sha256"`
	PublishedAt time.Time     `json:"publishedAt"`
	Links       DocumentLinks `json:"links" doc:"What you can do with it"`
}

// DocumentLinks are the addresses of what can be done with a key document.
type DocumentLinks struct {
	Content string `json:"content,omitempty" doc:"GET the bytes"`
}

// DocumentList holds a case's key documents.
type DocumentList struct {
	AsOf  AsOf       `json:"asOf"`
	Items []Document `json:"items" nullable:"false"`
}

// documentQuery is what the parameters of the list say.
type documentQuery struct {
	kinds []string
	sort  string
}

// The orders of the list.
const (
	latestFirst = "-publishedAt"
	oldestFirst = "publishedAt"
)

var documentParameters = []parameter[documentQuery]{
	{name: "kind", doc: "Takes documents of one of these kinds, such as final-decision", repeated: true,
		set: func(q *documentQuery, given []string) error { q.kinds = given; return nil }},
	{name: "sort", doc: "By when they were published; - for the latest first, which is how they come without it", schema: oneOf(latestFirst, oldestFirst),
		set: choose(func(q *documentQuery) *string { return &q.sort }, latestFirst, oldestFirst)},
}

// listDocuments shows what was published about a case, by date (requirement 65).
func (s *Server) listDocuments(_ context.Context, in *request) (*output[DocumentList], error) {
	query := documentQuery{sort: latestFirst}
	if refusal := parseParameters(in.http.URL.RawQuery, documentParameters, &query); refusal != nil {
		return nil, refusal
	}
	return answer(s, in, question[DocumentList]{
		projection: projections.CasesName,
		tag:        tagOf(in),
		load: func(ctx context.Context, view engine.View) (func(context.Context) (DocumentList, error), error) {
			row, err := findCase(ctx, view, in)
			if err != nil {
				return nil, err
			}
			documents, err := projections.Documents(ctx, view, scopeOf(ctx), row.Ref)
			if err != nil {
				return nil, err
			}
			documents = query.of(documents)
			body := DocumentList{AsOf: asOf(view), Items: make([]Document, len(documents))}
			return func(ctx context.Context) (DocumentList, error) {
				var o opening
				for i, document := range documents {
					body.Items[i] = s.documentOf(row.Ref, document)
					addDocument(&o, &body.Items[i], document)
				}
				err := o.open(ctx, s)
				return body, err
			}, nil
		},
	})
}

// of returns those that the query takes, of documents with the latest first, in the order that it asks for.
func (q documentQuery) of(documents []projections.DocumentRow) []projections.DocumentRow {
	if len(q.kinds) > 0 {
		documents = slices.DeleteFunc(documents, func(d projections.DocumentRow) bool { return !slices.Contains(q.kinds, d.Kind) })
	}
	if q.sort == oldestFirst {
		slices.Reverse(documents)
	}
	return documents
}

func (s *Server) documentOf(ref string, row projections.DocumentRow) Document {
	d := Document{
		DocumentID: row.DocumentID, Kind: row.Kind, MediaType: row.MediaType, Size: row.Size, SHA256: row.SHA256,
		PublishedAt: row.PublishedAt,
	}
	if s.config.OpenDocument != nil {
		d.Links.Content = "/api/v1/cases/" + url.PathEscape(ref) + "/documents/" + url.PathEscape(row.DocumentID) + "/content"
	}
	return d
}

// downloadDocument gives out a key document (requirement 56). That the case may be read is asked of the read
// model, which knows the document, and of the log, which knows what happened a moment ago; what may not be
// seen answers like what does not exist, before anything is asked of its source (requirement 47).
func (s *Server) downloadDocument(w http.ResponseWriter, r *http.Request) {
	ctx, in := r.Context(), &request{http: r}
	if refusal := noParameters(in); refusal != nil {
		refusal.write(w)
		return
	}
	if err := s.waitForPosition(ctx, r.Header, projections.CasesName); err != nil {
		s.problemOf(ctx, err).write(w)
		return
	}
	row, err := s.findDocument(ctx, in)
	var published casefile.Document
	if err == nil {
		published, err = s.openDocument(ctx, row)
	}
	if err != nil {
		s.peopleProblem(ctx, r, err).write(w)
		return
	}
	wanted := PublishedDocument{URL: published.URL, MediaType: row.MediaType, Bytes: row.Size, SHA256: row.SHA256}
	s.send(w, r, download{
		name: upload.DisplayName(namedFile(published.Title, row.MediaType)), mediaType: row.MediaType, sha256: row.SHA256,
		open: func(ctx context.Context) (Content, error) {
			return s.config.OpenDocument(ctx, pathValue(r, "ref"), row.DocumentID, wanted)
		},
		still: func(ctx context.Context) error {
			now, err := s.findDocument(ctx, in)
			if err == nil && now.SHA256 != row.SHA256 {
				err = notFound() // another one was published in its place
			}
			return err
		},
	})
}

// findDocument finds the document that the path names, as far as the caller may read it at this moment.
func (s *Server) findDocument(ctx context.Context, in *request) (row projections.DocumentRow, err error) {
	id := pathValue(in.http, "id")
	if !referencePattern.MatchString(id) {
		return row, notFound()
	}
	err = engine.Read(ctx, s.config.Store, projections.CasesName, func(view engine.View) error {
		file, err := findCase(ctx, view, in)
		if err != nil {
			return err
		}
		var found bool
		row, found, err = projections.FindDocument(ctx, view, scopeOf(ctx), file.Ref, id)
		if err == nil && !found {
			err = notFound()
		}
		return err
	})
	if err != nil {
		return row, err
	}
	return row, s.config.People.MayRead(ctx, callerOf(ctx).principal, access.ReadDocuments, pathValue(in.http, "ref"))
}

// openDocument opens what is sealed of a document; what was erased, or is in confidence, is not there.
func (s *Server) openDocument(ctx context.Context, row projections.DocumentRow) (published casefile.Document, err error) {
	var o opening
	read := func(data []byte) (casefile.Document, error) { return projections.OpenedDocument(data, row.DocumentID) }
	opened(&o, row.Sealed, read, func(document casefile.Document) { published = document })
	if err = o.open(ctx, s); err == nil && (published.URL == "" || published.Confidential) {
		err = notFound()
	}
	return published, err
}
