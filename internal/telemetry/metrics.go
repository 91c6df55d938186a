package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is the registry of one server. Its methods may be called from any goroutine.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	shed     prometheus.Counter
	panics   prometheus.Counter
}

// RequestSample is what one finished request adds to the metrics. Every field but Duration becomes a label, so
// each must come from a closed list (never from the request): a contract's or operation's name, an error code.
type RequestSample struct {
	Contract  string
	Operation string
	Code      string // error code; empty for a success
	Status    int
	Duration  time.Duration
}

// NewMetrics makes a registry with the request metrics and those of the Go runtime and the process.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ostiary_requests_total", Help: "Finished requests by contract, operation, error code and status.",
		}, []string{"contract", "operation", "code", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ostiary_request_duration_seconds", Help: "Time from the first byte of a request to the end of its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"contract", "operation"}),
		shed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ostiary_requests_shed_total", Help: "Requests refused before any work because too many were under way.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ostiary_panics_total", Help: "Requests that ended in a recovered panic.",
		}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.shed, m.panics,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Request counts one finished request.
func (m *Metrics) Request(s RequestSample) {
	m.requests.WithLabelValues(s.Contract, s.Operation, s.Code, status(s.Status)).Inc()
	m.duration.WithLabelValues(s.Contract, s.Operation).Observe(s.Duration.Seconds())
}

// status avoids an allocation for the usual codes.
func status(code int) string {
	switch code {
	case http.StatusOK:
		return "200"
	case http.StatusUnauthorized:
		return "401"
	}
	return strconv.Itoa(code)
}

// Shed counts a request refused before any work.
func (m *Metrics) Shed() { m.shed.Inc() }

// Panic counts a recovered panic.
func (m *Metrics) Panic() { m.panics.Inc() }

// Gauge publishes a number that read returns at the moment of each scrape, such as the depth of a queue.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "ostiary_" + name, Help: help}, read))
}

// Counter publishes a number that only grows and that read returns at the moment of each scrape.
func (m *Metrics) Counter(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "ostiary_" + name, Help: help}, read))
}

// Histogram publishes a distribution and returns the function that adds one observation to it.
func (m *Metrics) Histogram(name, help string, buckets []float64) (observe func(float64)) {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "ostiary_" + name, Help: help, Buckets: buckets})
	m.registry.MustRegister(h)
	return h.Observe
}

// Handler answers a Prometheus scrape.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}
