package telemetry

import (
	"context"
	"fmt"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// TraceOptions says where traces go.
type TraceOptions struct {
	Endpoint string  // URL of an OTLP/HTTP collector; empty turns traces off
	Sample   float64 // share of new traces that are kept, 0 to 1
	Version  string  // of the server
}

// Traces makes spans. A nil *Traces makes none and costs nothing.
type Traces struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// StartTraces prepares the exporter; it does not wait for the collector. It returns nil when no endpoint is set.
func StartTraces(ctx context.Context, o TraceOptions) (*Traces, error) {
	if o.Endpoint == "" {
		return nil, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(o.Endpoint))
	if err != nil {
		return nil, fmt.Errorf("trace exporter: %w", err)
	}
	provider := sdk.NewTracerProvider(
		sdk.WithBatcher(exporter),
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(o.Sample))),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "ostiary"), attribute.String("service.version", o.Version))),
	)
	return &Traces{provider: provider, tracer: provider.Tracer("ostiary")}, nil
}

// Span is one timed piece of work. The zero value does nothing.
type Span struct{ span trace.Span }

// Request begins the span of a request. With trusted, it continues the trace that the caller names in traceparent;
// only a trusted proxy may do that, else anybody could write into our traces. Neither the path's values nor the
// query are recorded: both may hold secrets (LG-02).
func (t *Traces) Request(ctx context.Context, r *http.Request, trusted bool) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	if trusted {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	ctx, span := t.tracer.Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", r.Method)))
	return ctx, Span{span: span}
}

// Set adds a fact to the span.
func (s Span) Set(key, value string) {
	if s.span != nil && value != "" {
		s.span.SetAttributes(attribute.String(key, value))
	}
}

// End closes the span of a request with its route and status.
func (s Span) End(method, route string, status int) {
	if s.span == nil {
		return
	}
	if route != "" {
		s.span.SetName(method + " " + route)
	}
	s.span.SetAttributes(attribute.String("http.route", route), attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}

// Shutdown sends what is left.
func (t *Traces) Shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}
