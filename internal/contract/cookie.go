package contract

import (
	"slices"
	"strings"

	"github.com/ostiary-id/ostiary/internal/contract/document"
	"github.com/ostiary-id/ostiary/internal/httpx"
)

// cookieDefaults is what the kinds are called and how they behave where the document does not say.
func (l *loader) cookieDefaults() [cookieKinds]cookie {
	return [cookieKinds]cookie{
		cookieSession: {Cookie: httpx.Cookie{Name: "__Host-ostiary-" + string(l.plan.app)}},
		cookieAccess:  {Cookie: httpx.Cookie{Name: "access_token"}},
		cookieRefresh: {Cookie: httpx.Cookie{Name: "refresh_token"}},
		cookieCSRF:    {Cookie: httpx.Cookie{Name: "__Host-ostiary-csrf", SameSite: "strict"}},
		cookieStepUp:  {Cookie: httpx.Cookie{Name: "__Host-ostiary-step-up", SameSite: "strict", MaxAge: defaultStepUp}},
		cookieState:   {Cookie: httpx.Cookie{Name: "__Host-ostiary-state", MaxAge: defaultState}},
	}
}

// cookies reads x-contract.cookies. Lifetimes that are not given follow the tokens'.
func (l *loader) cookies(n *document.Node) {
	k := &l.plan.cookies
	k[cookieSession].MaxAge, k[cookieRefresh].MaxAge = l.plan.door.RefreshTTL, l.plan.door.RefreshTTL
	k[cookieAccess].MaxAge = l.plan.door.AccessTTL
	if n == nil || !l.strict(n, "x-contract.cookies", cookieNames[:]...) {
		return
	}
	for kind, name := range cookieNames {
		one := n.Get(name)
		if one == nil || !l.strict(one, "x-contract.cookies."+name, "name", "path", "same_site", "lifetime", "x-output") {
			continue
		}
		l.cookie(&k[kind], one)
	}
}

func (l *loader) cookie(c *cookie, n *document.Node) {
	if v := n.Get("name"); v != nil {
		c.Name = v.Str()
		if c.Name == "" || strings.ContainsAny(c.Name, " \t\"(),/:;<=>?@[\\]{}") {
			l.doc.Report(v, "a name without spaces and separators", "the cookie name %q cannot be used", v.Text)
		}
	}
	if v := n.Get("path"); v != nil {
		c.Path = v.Str()
		if !strings.HasPrefix(c.Path, "/") || strings.ContainsAny(c.Path, "; ") {
			l.doc.Report(v, "a path that starts with /", "the cookie path %q cannot be used", v.Text)
		}
		if strings.HasPrefix(c.Name, "__Host-") && c.Path != "/" {
			l.doc.Report(v, "path: /", "the cookie %s must have the path /", c.Name)
		}
	}
	if v := n.Get("same_site"); v != nil {
		c.SameSite = v.Str()
		if !slices.Contains([]string{"strict", "lax", "none"}, c.SameSite) {
			l.doc.Report(v, "strict, lax or none", "same_site has no value %q", v.Text)
		}
	}
	if v := n.Get("lifetime"); v != nil {
		c.MaxAge = l.lifetime(v)
	}
	if path, ok := l.text(n, "x-output"); ok {
		c.from = path
	}
}

// kinds reads a list of cookie kinds beside a response.
func (l *loader) kinds(n *document.Node, key string) []cookieKind {
	var out []cookieKind
	for _, name := range l.names(n, key) {
		i := slices.Index(cookieNames[:], name)
		if i < 0 {
			l.doc.Report(n.Get(key), "one of "+strings.Join(cookieNames[:], ", "), "there is no cookie kind %q", name)
			continue
		}
		out = append(out, cookieKind(i))
	}
	return out
}
