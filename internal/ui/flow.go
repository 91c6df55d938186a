package ui

import (
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/httpx"
)

const (
	flowCookie = "__Host-ostiary-flow"
	// flowLife is longer than what a flow waits for: a challenge and a mailed code live ten minutes at most.
	flowLife = 15 * time.Minute
)

// flow is what a browser remembers between two pages of one sign-in. It stands in a cookie and never in a URL, so that a
// link cannot put anybody into somebody else's flow (SE-02). Operations judge every part of it anew.
type flow struct {
	App        auth.AppID        `json:"a"`
	Identifier string            `json:"i,omitempty"` // typed on the first page
	Challenge  string            `json:"c,omitempty"` // token of a half-done sign-in
	Factors    []auth.FactorKind `json:"f,omitempty"` // that finish it
	Mailed     string            `json:"m,omitempty"` // flow of a mailed code
	Return     string            `json:"r,omitempty"` // where to go once the link of a mail was followed, in this browser
	Link       string            `json:"l,omitempty"` // token of an upstream identity that waits for proof of its address
}

// maxKept is the longest place to return to that the browser remembers, in bytes. A longer one stays in the tab.
const maxKept = 1536

// mailed replaces the browser's memory while a mail is on its way: its link will not know where the person wanted to be.
func (v *visit) mailed(f flow) {
	if len(v.returnTo) <= maxKept {
		f.Return = v.returnTo
	}
	v.keep(f)
}

// resume goes on to where the person wanted to be before the mail, if this is the browser that asked for it.
func (v *visit) resume() {
	if v.returnTo == "" {
		v.returnTo = httpx.ReturnPath(v.flow().Return)
	}
}

// maxFlow keeps the cookie within what browsers take (SE-07).
const maxFlow = 3000

// flow reads the browser's memory, if it is about the app of the visit.
func (v *visit) flow() flow {
	text, _ := v.p.cookies.Read(v.r, flowCookie)
	data, err := base64.RawURLEncoding.DecodeString(text)
	var f flow
	if err != nil || json.Unmarshal(data, &f) != nil || f.App != v.app.ID {
		return flow{}
	}
	return f
}

// keep replaces the browser's memory.
func (v *visit) keep(f flow) {
	f.App = v.app.ID
	data, err := json.Marshal(f)
	if err != nil || len(data) > maxFlow { // strings always marshal; no identifier that long is anybody's
		return
	}
	v.p.cookies.Set(v.w.Header(), httpx.Cookie{Name: flowCookie, Value: base64.RawURLEncoding.EncodeToString(data), MaxAge: flowLife})
}

// forget ends the flow.
func (v *visit) forget() {
	if _, sent := v.p.cookies.Read(v.r, flowCookie); sent {
		v.p.cookies.Clear(v.w.Header(), httpx.Cookie{Name: flowCookie})
	}
}
