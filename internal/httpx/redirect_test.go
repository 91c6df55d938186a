package httpx

import (
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"testing"
)

// No text that a link can carry makes a page send a browser elsewhere.
func TestReturnPath_WB09(t *testing.T) {
	for _, good := range []string{"/", "/my", "/my/sessions?page=2", "/a%20b", "/a/b/?x=%2F%2Fevil.example", "/%C3%A9", "/a:b", "/a@b", "/my?u=https://x.example"} {
		if got := ReturnPath(good); got != good {
			t.Errorf("%q became %q", good, got)
		}
	}
	data, err := os.ReadFile("testdata/open-redirects.json")
	if err != nil {
		t.Fatal(err)
	}
	var bad []string
	if err := json.Unmarshal(data, &bad); err != nil {
		t.Fatal(err)
	}
	bad = append(bad, "/"+strings.Repeat("x", maxReturn))
	if len(bad) < 60 {
		t.Fatalf("only %d attempts", len(bad))
	}
	for _, text := range bad {
		if got := ReturnPath(text); got != "" {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func FuzzReturnPath_WB09(f *testing.F) {
	for _, s := range []string{"/my", "//x", "/%2f", `/\x`, "/a?b#c"} {
		f.Add(s)
	}
	base := &url.URL{Scheme: "https", Host: "id.example"}
	f.Fuzz(func(t *testing.T, text string) {
		got := ReturnPath(text)
		if got == "" {
			return
		}
		to, err := base.Parse(got)
		if err != nil || to.Host != base.Host || to.Scheme != base.Scheme || ReturnPath(got) != got {
			t.Errorf("%q became %q", text, got)
		}
	})
}
