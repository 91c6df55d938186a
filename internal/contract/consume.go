package contract

import (
	"bytes"
	"html/template"
	"net/http"
	"strings"

	"github.com/ostiary-id/ostiary/internal/httpx"
)

// confirmBody is what the confirm page posts: nothing but the wish to go on. The secret stays in the URL.
const confirmBody = "confirm=1"

// confirmTemplate is the page that a person sees before a link of a mail is spent.
var confirmTemplate = template.Must(template.New("confirm").Parse(`<!doctype html>
<html lang="{{.Lang}}" dir="{{.Dir}}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{.Title}} - {{.App}}</title>
<main>
<p>{{.App}}</p>
<h1>{{.Title}}</h1>
<p>{{.Text}}</p>
<form method="post"><button name="confirm" value="1" autofocus>{{.Button}}</button></form>
</main>
</html>
`))

// Words are what the page with the button says.
type Words struct {
	Lang, Dir           string // the attributes lang and dir
	Title, Text, Button string
}

// words are those of the house, else the document's.
func (c *call) words() Words {
	if c.e.o.Words != nil {
		if w := c.e.o.Words(c.r, c.plan.app, c.op.def.Name); w.Button != "" {
			return w
		}
	}
	return Words{Lang: "en", Dir: "ltr", Title: c.op.summary, Button: "Continue"}
}

// confirmFirst reports whether a GET or HEAD would spend a secret for somebody who is no API client: a browser, or
// a scanner that follows the links of mails (DESIGN section 7 rule 1). HEAD never spends anything.
func (c *call) confirmFirst() bool {
	if !c.op.def.Consumes {
		return false
	}
	switch c.r.Method {
	case http.MethodHead:
		return true
	case http.MethodGet:
		return !apiClient(c.r.Header)
	}
	return false
}

// apiClient recognises a program: it asks for JSON or anything, and sends none of the headers of a navigation.
func apiClient(h http.Header) bool {
	if h.Get("Sec-Fetch-Mode") == "navigate" || h.Get("Upgrade-Insecure-Requests") != "" {
		return false
	}
	accept := strings.ToLower(strings.Join(h.Values("Accept"), ","))
	if strings.Contains(accept, "text/html") {
		return false
	}
	return strings.Contains(accept, "application/json") || strings.Contains(accept, "*/*")
}

// confirmPage shows one button. The form posts to the same address, where the GET's operation then runs.
func (c *call) confirmPage() {
	var page bytes.Buffer
	words := c.words()
	err := confirmTemplate.Execute(&page, struct {
		Words
		App string
	}{words, c.e.appName(c.r, c.plan.app)})
	if err != nil {
		c.refuse(err)
		return
	}
	h := c.w.Header()
	h.Set("Content-Language", words.Lang)
	httpx.Page(h, httpx.PagePolicy{})
	h.Set("Referrer-Policy", "no-referrer")
	c.sharedHeaders(http.StatusOK)
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write(page.Bytes())
	}
}
