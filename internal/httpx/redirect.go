package httpx

import (
	"net/url"
	"strings"
)

// maxReturn is the longest path to return to, in bytes: a query of 4 kB, such as an authorization request has, after a path.
// Escaped once more in a link of ours it must stay below MaxURL.
const maxReturn = 4<<10 + 256

// ReturnPath takes the path on this server to which a page shall return, as a request asked for it, and answers it as it
// is to be sent, or "" if it leads anywhere else (WB-09). It is one path with perhaps a query. What browsers read as the
// start of another origin (`//host`, `/\host`, a scheme, control characters that they drop) is refused however it is
// written, for some server or proxy on the way may unescape it.
func ReturnPath(text string) string {
	if text == "" || len(text) > maxReturn || text[0] != '/' {
		return ""
	}
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c >= 0x7f || c == '\\' {
			return ""
		}
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || u.Fragment != "" || !staysHere(u.EscapedPath()) {
		return ""
	}
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String()
}

// staysHere looks at a path as it is and as often unescaped as it can be.
func staysHere(path string) bool {
	for {
		plain, err := url.PathUnescape(path)
		if err != nil || !samePath(path) {
			return false
		}
		if plain == path {
			return true
		}
		path = plain
	}
}

// samePath reports whether no reader can take the path for one of another origin, or for one outside of what it names.
func samePath(path string) bool {
	if strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\x00\t\r\n") {
		return false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return true
}
