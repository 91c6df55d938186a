package oauth

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// registered reports whether a redirect URI is one of the client's: the very text that was registered (OA-01, RFC 9700
// section 2.1). Programs on a device get a port from the system when they start, so for native clients the port after the
// address of the own machine may be any (RFC 8252 section 7.3). A name for it, localhost, is no address (section 8.3): it may
// have any port where a public client registered it without one, for people are asked each time (docs/adr/0007).
func registered(client auth.Client, uri string) bool {
	if uri == "" {
		return false
	}
	list := client.Settings.RedirectURIs
	if slices.Contains(list, uri) {
		return true
	}
	if client.Settings.OAuth.ApplicationType != auth.ApplicationNative {
		return false
	}
	host, rest, ok := loopbackParts(uri)
	return ok && slices.ContainsFunc(list, func(one string) bool {
		h, r, ok := loopbackParts(one)
		return ok && h == host && r == rest && (host != localhost || one == localhost+rest && client.Settings.OAuth.Public())
	})
}

// localhost is what programs call the own machine.
const localhost = "http://localhost"

// loopbackParts cuts the port out of a redirect URI to the own machine, written as RFC 8252 sections 7.3 and 8.3 write it.
func loopbackParts(uri string) (host, rest string, ok bool) {
	for _, host := range []string{"http://127.0.0.1", "http://[::1]", localhost} {
		rest, found := strings.CutPrefix(uri, host)
		if !found {
			continue
		}
		if port, found := strings.CutPrefix(rest, ":"); found {
			end := strings.IndexFunc(port, func(r rune) bool { return r < '0' || r > '9' })
			if end < 0 {
				end = len(port)
			}
			if n, err := strconv.Atoi(port[:end]); err != nil || n < 1 || n > 65535 || port[0] == '0' {
				return "", "", false
			}
			rest = port[end:]
		}
		return host, rest, rest == "" || rest[0] == '/' || rest[0] == '?'
	}
	return "", "", false
}

// onDevice reports whether whatever program runs on the person's device may get what is sent to a redirect URI: no name
// and no certificate stand for the client there (RFC 8252 section 8.6).
func onDevice(uri string) bool { return !strings.HasPrefix(uri, "https://") }

// formSource is how a Content-Security-Policy names where a form may lead (WB-05): the origin of a URI, the scheme of an
// app's own. Nothing that could end the source, or the policy, gets into it; the answer is then empty.
func formSource(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return u.Scheme + ":" // letters, digits, +, - and . alone, as url.Parse sees to
	case strings.HasPrefix(u.Host, "["):
		return u.Scheme + ":" // the grammar of sources has no such addresses (CSP3 section 2.3.1)
	case u.Host == "" || strings.ContainsFunc(u.Host, func(r rune) bool { return r != ':' && r != '-' && r != '.' && !alphanumeric(r) }):
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func alphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// hostOf is what people are told of where they will be sent: the host, or the whole address of an app's own scheme.
func hostOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return uri
	}
	return u.Host
}
