package contract

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// named is a small document of a name and paths; its refusals tell the name.
func named(name, servers, paths string) string {
	text := strings.Replace(doc(paths), "name: things", "name: "+name, 1)
	text = strings.Replace(text, "code: {type: string, x-output: error.code}", "code: {type: string, x-output: error.code}, from: {const: "+name+"}", 1)
	text = strings.Replace(text, "            properties:\n              code:", "            properties:\n              code:", 1)
	text = strings.Replace(text, "              code: {type: string, x-output: error.code}, from: {const: "+name+"}", "              from: {const: "+name+"}\n              code: {type: string, x-output: error.code}", 1)
	return strings.Replace(text, "x-contract:", "servers: "+servers+"\nx-contract:", 1)
}

// says is an operation that takes a body of a media type and answers the word.
func says(path, method, media, word, extra string) string {
	body := ""
	if media != "" {
		body = "\n    requestBody: {required: true, content: {" + media + ": {" + strings.TrimPrefix(extra, "!") + "schema: {type: object}}}}"
	}
	parameters := ""
	if strings.HasPrefix(extra, "?") {
		parameters = "\n    parameters: " + extra[1:]
		body = strings.Replace(body, extra, "", 1)
	}
	return "\n" + path + ":\n  " + method + ":\n    x-operation: give" + parameters + body +
		"\n    responses: {'200': {description: d, content: {text/plain: {schema: {const: " + word + "}}}}}"
}

func TestCandidates_IO05(t *testing.T) {
	form := "application/x-www-form-urlencoded"
	wolf := named("wolf", "[{url: /}, {url: https://api.example/api}]", says("/auth/refresh", "post", form, "wolf-form", "")+
		says("/auth/both", "post", form+": {schema: {type: object}}, application/json", "wolf", "x-yield: true, "))
	maker := named("maker", "[{url: /}]", `
/auth/refresh:
  post:
    x-operation: give
    requestBody: {content: {application/json: {schema: {type: object}}}}
    responses: {'200': {description: d, content: {text/plain: {schema: {const: maker}}}}}`+
		says("/auth/both", "post", "application/json", "maker", "")+
		says("/auth/{provider}/authorize", "get", "", "provider", "?[{name: provider, in: path, required: true, schema: {type: string}, x-ignored: true}]")+
		says("/auth/waitlists/{feature}", "get", "", "waitlist", "?[{name: feature, in: path, required: true, schema: {type: string}, x-ignored: true}]"))
	versioned := named("old", "[{url: /}]", says("/versioned", "get", "", "old", "?[{name: X-Version, in: header, required: true, schema: {const: '2025'}}]"))
	present := named("new", "[{url: /}]", says("/versioned", "get", "", "new", ""))
	h := start(t, newThings(), wolf, maker, present, versioned).Handler()
	const isForm = "Content-Type: application/x-www-form-urlencoded"
	for _, c := range []struct {
		method, path, body, header string
		status                     int
		want                       string
	}{
		{"POST", "/auth/refresh", "a=b", isForm, 200, "wolf-form"},
		{"POST", "/auth/refresh", "{}", "", 200, "maker"},
		{"POST", "/auth/refresh", "", "", 200, "maker"},
		{"POST", "/auth/refresh", "<a/>", "Content-Type: text/xml", 415, `{"from":"wolf","code":"unsupported-media-type","status":415}`},
		{"POST", "/api/auth/refresh", "a=b", isForm, 200, "wolf-form"},
		{"POST", "/api/auth/refresh", "{}", "", 415, `{"from":"wolf","code":"unsupported-media-type","status":415}`},
		{"POST", "/auth/both", "{}", "", 200, "maker"},
		{"POST", "/auth/both", "a=b", isForm, 200, "wolf"},
		{"POST", "/api/auth/both", "{}", "", 200, "wolf"},
		{"GET", "/auth/waitlists/x", "", "", 200, "waitlist"},
		{"GET", "/auth/waitlists/authorize", "", "", 200, "waitlist"},
		{"GET", "/auth/x/authorize", "", "", 200, "provider"},
		{"GET", "/versioned", "", "", 200, "new"},
		{"GET", "/versioned", "", "X-Version: 2025", 200, "old"},
		{"GET", "/versioned", "", "X-Version: 2026", 200, "new"},
		{"PUT", "/versioned", "", "", 405, `{"from":"new","code":"method-not-allowed","status":405}`},
		{"TRACE", "/versioned", "", "", 405, `{"from":"new","code":"method-not-allowed","status":405}`},
		{"POST", "/versioned", "", "X-HTTP-Method-Override: GET", 405, `{"from":"new","code":"method-not-allowed","status":405}`},
		{"GET", "/api/none", "", "", 404, `{"from":"wolf","code":"not-found","status":404}`},
		// Only the very path counts (IO-05).
		{"GET", "/versioned/", "", "", 404, `{"from":"wolf","code":"not-found","status":404}`},
		{"GET", "/Versioned", "", "", 404, `{"from":"wolf","code":"not-found","status":404}`},
		{"GET", "//versioned", "", "", 404, `{"from":"wolf","code":"not-found","status":404}`},
		{"GET", "/x/../versioned", "", "", 404, `{"from":"wolf","code":"not-found","status":404}`},
		{"GET", "/versioned;a=b", "", "", 404, `{"from":"wolf","code":"not-found","status":404}`},
		{"GET", "/%76ersioned", "", "", 404, `{"from":"wolf","code":"not-found","status":404}`},
		{"GET", "/auth//authorize", "", "", 404, `{"from":"wolf","code":"not-found","status":404}`},
		{"GET", "/auth/a%2Fb/authorize", "", "", 200, "provider"},
	} {
		var headers []string
		if c.header != "" {
			headers = append(headers, c.header)
		}
		if status, body, _ := ask(t, h, c.method, "http://id.example"+c.path, c.body, headers...); status != c.status || body != c.want {
			t.Errorf("%s %s %q: got %d %s, want %d %s", c.method, c.path, c.header, status, body, c.status, c.want)
		}
	}
}

func TestClashes(t *testing.T) {
	get := says("/a", "get", "", "x", "")
	for name, c := range map[string]struct{ a, b, want string }{
		"both without a body": {get, get, "b.yaml: GET /a is claimed by one too, for requests without a body (expected another path, media type or const header; or x-yield in one of them)"},
		"same media type":     {says("/a", "post", "application/json", "x", ""), says("/a", "post", "application/json", "y", ""), "b.yaml: POST /a is claimed by one too, for application/json"},
		"parameters of other names": {says("/{x}", "get", "", "x", "?[{name: x, in: path, required: true, schema: {type: string}, x-ignored: true}]"),
			says("/{y}", "get", "", "x", "?[{name: y, in: path, required: true, schema: {type: string}, x-ignored: true}]"), "b.yaml: GET /{y} is claimed by one too"},
	} {
		_, err := New(context.Background(), options(t, newThings(), named("one", "[{url: /}]", c.a), named("two", "[{url: /}]", c.b)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := New(context.Background(), options(t, newThings(), named("one", "[{url: /x}]", get), named("one", "[{url: /y}]", get)))
	if err == nil || !strings.Contains(err.Error(), `b.yaml: the contract name "one" is taken by a.yaml`) {
		t.Error(err)
	}
}

// TestEveryMistakeOfEveryDocument: New reports all of them at once.
func TestEveryMistakeOfEveryDocument(t *testing.T) {
	bad := func(name string) string {
		return named(name, "[{url: /"+name+"}]", "\n/a:\n  get:\n    x-operation: nope\n/b:\n  get:\n    x-operation: nein")
	}
	_, err := New(context.Background(), options(t, newThings(), bad("one"), bad("two")))
	if err == nil || strings.Count(err.Error(), "there is no operation") != 4 || !strings.Contains(err.Error(), "b.yaml:13: ") {
		t.Error(err)
	}
}

func TestHostsAndBases(t *testing.T) {
	o := options(t, newThings(), named("one", "[{url: /}]", says("/a", "get", "", "one", "")), named("two", "[{url: /}]", says("/a", "get", "", "two", "")+says("/b", "get", "", "two", "")),
		named("three", "[{url: /}]", `
/u:
  get:
    x-operation: give
    responses: {'200': {description: d, content: {text/plain: {schema: {type: string, x-output: "{contract.url}/u {app}"}}}}}`))
	o.Mounts[1].Host = "two.example"
	o.Mounts[2].Base, o.Mounts[2].App = "/deep/er/", "shop"
	e, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]string{
		"http://id.example/a": "one", "http://two.example/a": "two", "http://TWO.example:8080/b": "two", "http://id.example/deep/er/u": publicURL + "/deep/er/u shop",
		"http://id.example/deep/er/x": `{"from":"three","code":"not-found","status":404}`, "http://two.example/x": `{"from":"two","code":"not-found","status":404}`,
		"http://id.example/b": `{"from":"one","code":"not-found","status":404}`,
	} {
		if _, body, _ := ask(t, e.Handler(), "GET", target, ""); body != want {
			t.Errorf("%s: %s", target, body)
		}
	}
	infos := e.Contracts()
	if len(infos) != 3 || infos[2].App != "shop" || infos[2].Bases[0] != "/deep/er" || infos[1].Host != "two.example" || infos[0].Operations != 1 {
		t.Errorf("%+v", infos)
	}
}

func TestAppOfARequest(t *testing.T) {
	things := newThings()
	house := &house{}
	o := options(t, things, doc(`
/a:
  get:
    x-operation: mine
    security: [{bearer: []}]
    parameters:
      - {name: app, in: query, schema: {type: string}}
      - {name: client_id, in: query, schema: {type: string}}
    responses: {"204": {description: d}}
`, "ids: {app: app_, client: cid_}\ntokens: {access: 20m, refresh: 7d}", "securitySchemes: {bearer: {type: http, scheme: bearer}}"))
	o.Credentials = house
	o.Mounts[0].Links = auth.Links{Verify: "https://x.example/v/{token}"}
	e, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if status, body, _ := ask(t, e.Handler(), "GET", "/a?app=app_default&client_id=cid_other", "", "Authorization: Bearer good"); status != 204 || things.caller.Client != "other" {
		t.Fatalf("%d %s", status, body)
	}
	d := house.seen.Door
	if house.seen.AppInput != "default" || house.seen.ClientID != "other" || house.seen.MountApp != "default" ||
		d.Contract != "things" || d.AccessTTL.Minutes() != 20 || d.RefreshTTL.Hours() != 168 || d.SessionCookie || d.Links.Verify == "" {
		t.Errorf("%+v", house.seen)
	}
	if status, body, _ := ask(t, e.Handler(), "GET", "/a?app=app_other", "", "Authorization: Bearer good"); status != 403 || !strings.Contains(body, "app-mismatch") {
		t.Errorf("%d %s", status, body)
	}
}

// TestOwns: a contract at the root owns what begins like one of its paths, and leaves the rest to the pages; one with a
// base path of its own owns all below it.
func TestOwns(t *testing.T) {
	e := start(t, newThings(), named("root", "[{url: /}]", says("/account/x", "get", "", "one", "")), named("based", "[{url: /base}]", says("/a", "get", "", "two", "")))
	for path, want := range map[string]bool{"/account/x": true, "/account/y": true, "/account": true, "/accounts": false, "/": false, "/nothing": false,
		"/base/y": true, "/based": false} {
		if got := e.Owns(httptest.NewRequest(http.MethodGet, "http://id.example"+path, nil)); got != want {
			t.Errorf("%s: owned %v", path, got)
		}
	}
}
