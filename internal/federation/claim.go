package federation

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const (
	maxSubject = 255 // bytes; OpenID Connect Core section 2
	maxText    = 200 // code points of a name
)

// claims is what a provider says about a person. Nothing in it is believed to have any type or size (FD-10).
type claims map[string]any

// standardClaims are where OpenID Connect Core section 5.1 puts things.
var standardClaims = auth.ClaimMapping{Subject: "sub", Email: "email", EmailVerified: "email_verified", Name: "name", GivenName: "given_name",
	FamilyName: "family_name", Username: "preferred_username", Picture: "picture", Locale: "locale"}

// readClaims reads one JSON object. Numbers stay as they are written: an id of 18 digits must not be rounded.
func readClaims(body []byte) (claims, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var out claims
	if err := d.Decode(&out); err != nil || out == nil {
		return nil, errors.New("not a JSON object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON object")
	}
	return out, nil
}

// at follows a path of member names and indexes; nil if it leads nowhere. A member whose own name holds the dots wins.
func (c claims) at(path string) any {
	if path == "" {
		return nil
	}
	if v, ok := c[path]; ok {
		return v
	}
	var v any = map[string]any(c)
	for step := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// subject is who the person is at the provider. It is taken exactly or not at all: cleaning could make one of two.
func (c claims) subject(path string) (string, bool) {
	var text string
	switch v := c.at(path).(type) {
	case string:
		text = v
	case json.Number:
		if _, err := strconv.ParseInt(v.String(), 10, 64); err != nil {
			return "", false
		}
		text = v.String()
	}
	bad := strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError })
	return text, text != "" && len(text) <= maxSubject && utf8.ValidString(text) && !bad
}

func (c claims) text(path string) string {
	text, _ := c.at(path).(string)
	return cleaned(text, maxText)
}

// yes reads a flag. Apple and others write the word; anything but true is no (FD-02).
func (c claims) yes(path string) bool {
	switch v := c.at(path).(type) {
	case bool:
		return v
	case string:
		return v == "true"
	}
	return false
}

// email is the address if it is one that the house takes; else none.
func (c claims) email(path string) string {
	text, _ := c.at(path).(string)
	text = strings.TrimSpace(text)
	if _, err := auth.CanonicalEmail(text); err != nil {
		return ""
	}
	return text
}

// picture is an https URL, for a browser to show; nobody here fetches it.
func (c claims) picture(path string) string {
	text, _ := c.at(path).(string)
	if u, err := url.Parse(text); err != nil || u.Scheme != "https" || !webURL(text, true) {
		return ""
	}
	return text
}

var localeTag = regexp.MustCompile(`^[A-Za-z]{2,8}([_-][A-Za-z0-9]{1,8}){0,3}$`)

func (c claims) locale(path string) string {
	text, _ := c.at(path).(string)
	if !localeTag.MatchString(text) {
		return ""
	}
	return strings.ReplaceAll(text, "_", "-")
}

// upstream picks what is kept. ok is false if the subject is missing.
func (c claims) upstream(m auth.ClaimMapping) (up auth.Upstream, ok bool) {
	up.Subject, ok = c.subject(m.Subject)
	up.Email = c.email(m.Email)
	up.EmailVerified = up.Email != "" && c.yes(m.EmailVerified)
	up.Name, up.GivenName, up.FamilyName = c.text(m.Name), c.text(m.GivenName), c.text(m.FamilyName)
	up.Username, up.Picture, up.Locale = c.text(m.Username), c.picture(m.Picture), c.locale(m.Locale)
	return up, ok
}

// cleaned is text without what does not show, cut to a number of code points: names are shown to other people, in
// mails too.
func cleaned(text string, longest int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs):
			return -1
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, text)
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) > longest {
		text = strings.TrimSpace(string([]rune(text)[:longest]))
	}
	return text
}
