package contract

import (
	"strings"
	"testing"
)

const spendDocument = `
/verify:
  get:
    summary: Prove the address
    x-operation: spend
    parameters: [{name: token, in: query, required: true, schema: {type: string}}]
    responses: {"200": {description: d, content: {application/json: {schema: {type: object, properties: {ok: {const: true}}}}}}}
`

// TestGETConsumesNothing: links of mails open a page; only API clients spend by GET (DESIGN section 7 rule 1).
func TestGETConsumesNothing(t *testing.T) {
	things := newThings()
	h := start(t, things, doc(spendDocument)).Handler()
	for _, headers := range []string{
		"Accept: text/html,application/xhtml+xml,*/*;q=0.8",
		"Accept: */*\nSec-Fetch-Mode: navigate",
		"Accept: */*\nUpgrade-Insecure-Requests: 1",
		"Accept: image/*",
		"",
	} {
		var lines []string
		if headers != "" {
			lines = strings.Split(headers, "\n")
		}
		status, body, header := ask(t, h, "GET", "/verify?token=x", "", lines...)
		if status != 200 || things.spent != 0 || !strings.Contains(body, `<form method="post">`) || !strings.Contains(body, "Prove the address") {
			t.Errorf("%q: %d %s", headers, status, body)
		}
		if strings.Contains(body, "script") || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") || header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%q: %v %s", headers, header, body)
		}
	}
	if status, body, _ := ask(t, h, "HEAD", "/verify?token=x", "", "Accept: application/json"); status != 200 || body != "" || things.spent != 0 {
		t.Errorf("HEAD: %d %q, spent %d", status, body, things.spent)
	}
	for _, accept := range []string{"application/json", "*/*"} {
		things.spent = 0
		if status, body, _ := ask(t, h, "GET", "/verify?token=x", "", "Accept: "+accept); status != 200 || body != `{"ok":true}` || things.spent != 1 || things.token != "x" {
			t.Errorf("%s: %d %s, spent %d", accept, status, body, things.spent)
		}
	}
	// The page's button posts to the same address.
	things.spent = 0
	const form = "Content-Type: application/x-www-form-urlencoded"
	if status, body, _ := ask(t, h, "POST", "/verify?token=y", "confirm=1", form, "Accept: text/html,*/*;q=0.8", "Sec-Fetch-Site: same-origin"); status != 200 || body != `{"ok":true}` || things.token != "y" || things.spent != 1 {
		t.Errorf("confirmed: %d %s, spent %d", status, body, things.spent)
	}
	if status, body, _ := ask(t, h, "POST", "/verify?token=y", "other=1", form); status != 415 || things.spent != 1 {
		t.Errorf("another POST: %d %s", status, body)
	}
}
