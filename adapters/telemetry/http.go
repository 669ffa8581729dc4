package telemetry

import (
	"context"
	"net/http"
	"time"

	"github.com/felixge/httpsnoop"
	"github.com/go-chi/chi/v5"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Middleware measures and traces every request that next, a chi router, answers. Spans and
// metrics are named by the route's pattern, never by the path, which holds case references.
func (m *Metrics) Middleware(next http.Handler) http.Handler {
	measured := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		// The router fills in a routing context that it finds, so the pattern can be read here.
		matched := chi.NewRouteContext()
		answer := httpsnoop.CaptureMetrics(next, w, r.WithContext(context.WithValue(r.Context(), chi.RouteCtxKey, matched)))
		route := matched.RoutePattern()
		if route == "" {
			route = "other"
		}
		m.observe(r.Method, route, answer.Code, time.Since(started))
		span := trace.SpanFromContext(r.Context())
		span.SetName(r.Method + " " + route)
		span.SetAttributes(attribute.String("http.route", route))
	})
	return otelhttp.NewHandler(measured, "http.server")
}
