package httpx

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// Handler answers a request or returns the error that its adapter shall answer. It writes nothing before it
// returns an error.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Handle makes an http.Handler of h. answer writes the errors that h returns; nil means Problem.
func Handle(h Handler, answer func(w http.ResponseWriter, r *http.Request, e *auth.Error)) http.Handler {
	if answer == nil {
		answer = Problem
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			e := auth.AsError(err)
			event := Event(r.Context())
			event.SetString(KeyCode, string(e.Code))
			event.Fail(err)
			answer(w, r, e)
		}
	})
}

// problem is an answer of RFC 9457.
type problem struct {
	status      int
	code, title string
	detail      string
	retry       int // seconds; 0: say nothing
}

// Problem answers an error in the shape of RFC 9457: type, title, status, detail, code and request_id.
func Problem(w http.ResponseWriter, r *http.Request, e *auth.Error) {
	p := problem{status: e.Code.Status(), code: string(e.Code), title: e.Code.Title(), detail: e.Message}
	if e.RetryAfter > 0 {
		p.retry = max(1, int(e.RetryAfter.Seconds()))
	}
	p.write(w, RequestID(r.Context()))
}

func (p *problem) write(w http.ResponseWriter, requestID string) {
	body, err := json.Marshal(struct {
		Type      string `json:"type"`
		Title     string `json:"title"`
		Status    int    `json:"status"`
		Detail    string `json:"detail,omitempty"`
		Code      string `json:"code"`
		RequestID string `json:"request_id,omitempty"`
	}{"about:blank", p.title, p.status, p.detail, p.code, requestID})
	if err != nil { // strings and a number always marshal
		body = []byte(`{"status":500}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retry))
	}
	w.WriteHeader(p.status)
	_, _ = w.Write(body)
}

// JSON answers a value with status 200.
func JSON(w http.ResponseWriter, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return auth.Internal(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
	return nil
}
