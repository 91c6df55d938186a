package httpx

import (
	"net/url"
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
	bad := []string{
		"", " ", "my", "?x", "#x", ".", "..", "https://evil.example", "http://evil.example", "HTTPS://evil.example", "https:evil.example",
		"https:/evil.example", "https:///evil.example", "//evil.example", "///evil.example", "////evil.example", "//evil.example/%2f..",
		`/\evil.example`, `\\evil.example`, `\/evil.example`, `/\/evil.example`, `//\evil.example`, `/a\b`, "/\tevil.example", "/\t/evil.example",
		"\t//evil.example", "/\n/evil.example", "/\r/evil.example", "/\r\nLocation: //evil.example", "/\x00/evil.example", "\x00//evil.example",
		"/\u00a0/x", "/\u2028", "/é", "\u3000//evil.example", "/\u2215evil.example", "/%2f/evil.example", "/%2fevil.example", "/%2Fevil.example",
		"/%252fevil.example", "/%25252fevil.example", "/%5cevil.example", "/%5c/evil.example", "/%255cevil.example", "/%09/evil.example",
		"/%0a/evil.example", "/%0d%0aLocation:x", "/%00", "/..//evil.example", "/../x", "/./x", "/a/../b", "/%2e%2e/x", "/%2e%2e%2f%2fevil.example",
		"/.%2e/x", "/a/%2e%2e//evil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", " javascript:alert(1)",
		"data:text/html,x", "vbscript:x", "file:///etc/passwd", "blob:x", "mailto:a@evil.example", "ftp://evil.example", "//evil.example@id.example",
		"//id.example@evil.example", "https://id.example@evil.example", "https://evil.example#id.example", "//[::1]/", "//127.1/", "http:evil.example",
		"/%", "/%zz", "/x#y", "/x y", "/" + strings.Repeat("x", maxReturn), "@evil.example", ":evil.example", ";//evil.example", "/;@evil.example\\",
	}
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
