package contract

import (
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

type departure struct {
	Location string `json:"location"`
	State    string `json:"state_cookie"`
	Cross    bool   `json:"cross_site,omitempty"`
	Tokens   tokens `json:"tokens"`
}

type returning struct {
	Browser string `input:"browser,secret"`
	State   string `input:"state,secret"`
}

const crossDocument = `
/leave:
  get:
    x-operation: leave
    responses: {"303": {description: d, x-when: [ok], x-cookies: [state], headers: {Location: {schema: {type: string, x-output: location}}}}}
/back:
  get:
    x-operation: back
    parameters:
      - {name: state, in: query, schema: {type: string}}
      - {name: __Host-ostiary-state, in: cookie, schema: {type: string}, x-input: browser}
    responses: {"303": {description: d, x-when: [ok], x-cookies: [access], x-clear-cookies: [state], headers: {Location: {schema: {type: string, x-output: location}}}}}
  post:
    x-operation: back
    parameters: [{name: __Host-ostiary-state, in: cookie, schema: {type: string}, x-input: browser}]
    requestBody: {content: {application/x-www-form-urlencoded: {schema: {type: object, properties: {state: {type: string}}}}}}
    responses: {"303": {description: d, x-when: [ok], x-cookies: [access], headers: {Location: {schema: {type: string, x-output: location}}}}}
`

// A browser that another site sends back is let in by what the operation binds to its cookie, whatever the origin; a
// HEAD runs nothing, and the cookie of the way out is SameSite=None only where a form must bring it (FD-04, SE-07).
func TestAWayThroughAnotherSite_FD04_SE07(t *testing.T) {
	var got returning
	var door auth.Door
	runs, cross := 0, false
	c := &catalogue{}
	add(c, operation.Definition{Name: "leave", Results: []operation.Result{resultOf[departure]("ok", "Gone.")}},
		func(r *operation.Request, _ *none) (operation.Outcome, error) {
			door = r.Caller.Door
			return operation.OK(departure{Location: "https://idp.example/a?b=c", State: "browser-secret", Cross: cross}), nil
		})
	add(c, operation.Definition{Name: "back", CrossSite: true, Results: []operation.Result{resultOf[departure]("ok", "Back.")}},
		func(_ *operation.Request, in *returning) (operation.Outcome, error) {
			got = *in
			runs++
			return operation.OK(departure{Location: "https://app.example/", Tokens: tokens{Access: "a"}}), nil
		})
	h := start(t, c, doc(crossDocument)).Handler()
	for _, cross = range []bool{false, true} {
		status, body, header := ask(t, h, "GET", "/leave", "", "Accept: text/html", "Sec-Fetch-Mode: navigate")
		want := "__Host-ostiary-state=browser-secret; Path=/; Max-Age=600; HttpOnly; Secure; SameSite=Lax"
		if cross {
			want = strings.Replace(want, "Lax", "None", 1)
		}
		if status != 303 || body != "" || header.Get("Location") != "https://idp.example/a?b=c" || header.Get("Set-Cookie") != want {
			t.Errorf("%d %s %v", status, body, header)
		}
	}
	if door.URL != publicURL {
		t.Errorf("the door is at %q", door.URL)
	}
	cookie := "Cookie: __Host-ostiary-state=browser-secret"
	foreign := []string{cookie, "Origin: https://idp.example", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Accept: text/html"}
	status, body, header := ask(t, h, "GET", "/back?state=s", "", foreign...)
	if status != 303 || got != (returning{"browser-secret", "s"}) || !strings.Contains(strings.Join(header.Values("Set-Cookie"), "\n"), "access_token=a") {
		t.Errorf("%d %s %+v", status, body, got)
	}
	status, body, _ = ask(t, h, "POST", "/back", "state=t", append(foreign, "Content-Type: application/x-www-form-urlencoded")...)
	if status != 303 || got != (returning{"browser-secret", "t"}) {
		t.Errorf("%d %s %+v", status, body, got)
	}
	runs = 0
	if status, _, header = ask(t, h, "HEAD", "/back?state=s", "", cookie); status != 405 || runs != 0 || header.Get("Allow") != "GET, OPTIONS" {
		t.Errorf("HEAD: %d, ran %d times", status, runs)
	}
}
