package httpx

import (
	"net/http"
	"strings"
)

// secure sets the headers of every answer (WB-06, WB-07). A door may replace Cache-Control and the policy of its
// pages; nosniff and the rest stand.
func (f *Front) secure(h http.Header) {
	set := func(name string, value []string) { h[name] = value }
	set("X-Content-Type-Options", nosniff)
	set("Referrer-Policy", noReferrer)
	set("Cross-Origin-Resource-Policy", sameOrigin)
	set("Content-Security-Policy", apiPolicy)
	set("Cache-Control", noStore)
	if f.o.HSTS {
		set("Strict-Transport-Security", hsts)
	}
}

// The values are shared by all answers and never changed; http.Header.Set makes a new slice.
var (
	nosniff    = []string{"nosniff"}
	noReferrer = []string{"no-referrer"}
	sameOrigin = []string{"same-origin"}
	apiPolicy  = []string{"default-src 'none'; frame-ancestors 'none'"}
	noStore    = []string{"no-store"}
	hsts       = []string{"max-age=31536000; includeSubDomains"}
)

// PagePolicy is what a page needs beyond nothing. The zero value allows no style, no script, and forms to ourselves only.
type PagePolicy struct {
	Style string // source of the style sheet, such as 'self'; empty: 'none'
	// Nonce is that of the page's own scripts, which alone run; empty: no script runs. It is used for one answer.
	Nonce string
	// Forms are sources that forms may lead to besides ourselves, also by the redirects that follow (WB-05).
	Forms []string
	// Frames are sources that the page may frame; none: it frames nothing.
	Frames []string
}

// Page sets the headers of a server-rendered page: scripts with the nonce of this answer only, none of which may write
// markup (Trusted Types), no foreign source of anything, no frame and no form to others than the policy names (WB-04).
func Page(h http.Header, p PagePolicy) {
	style, script := "'none'", "script-src 'none'"
	if p.Style != "" {
		style = p.Style
	}
	if p.Nonce != "" {
		script = "script-src 'nonce-" + p.Nonce + "' 'strict-dynamic'; connect-src 'self'"
	}
	forms, frames := strings.Join(append([]string{"'self'"}, p.Forms...), " "), ""
	if len(p.Frames) > 0 {
		frames = "frame-src " + strings.Join(p.Frames, " ") + "; "
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; "+script+"; style-src "+style+"; img-src 'self' data:; form-action "+forms+"; "+frames+
		"base-uri 'none'; object-src 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cache-Control", "no-store")
}

// clearForProblem removes what a handler prepared for an answer that never came.
func clearForProblem(h http.Header) {
	for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Type", "Etag", "Last-Modified",
		"Location", "Set-Cookie"} {
		h.Del(name)
	}
	h["Cache-Control"] = noStore
}

// maxLanguages bounds what is read of an Accept-Language header, in bytes.
const maxLanguages = 200

// AcceptLanguage is what a request says of the languages it wants, at most 200 bytes, cut between two of them.
func AcceptLanguage(r *http.Request) string {
	value := Printable(r.Header.Get("Accept-Language"), maxLanguages+1)
	if len(value) <= maxLanguages {
		return value
	}
	return value[:max(0, strings.LastIndexByte(value, ','))]
}
