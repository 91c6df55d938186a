package server_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// nasty are texts that have broken servers: NUL, broken UTF-8, markup, quotes, templates, paths, separators, large ones.
var nasty = []string{"", " ", "\x00", "a\x00b", "\xff\xfe", "\xc0\xaf", "\xed\xa0\x80", "\u202e\u2066", "İ", "ﬀ@example.com", "<script>alert(1)</script>",
	"' OR 1=1 --", `"; DROP TABLE users; --`, "{{.}}", "${jndi:ldap://x}", "../../etc/passwd", "%00", "%", "a@b@c", "@", "\"a b\"@example.com", "a@[127.0.0.1]",
	"a\r\nBcc: b@example.com", "-1", "0", "1e400", "99999999999999999999999", "NaN", "null", "true", "[]", "{}", strings.Repeat("a", 300),
	strings.Repeat("ä", 5000), strings.Repeat("9", 400), "e\u0301", "\ufeffx", "\u2028", "uid_", "user-", "00000000-0000-0000-0000-000000000000",
	"019ca945-0a00-7000-98bf-1449f9863226", "365d", "-1d", "99999999999d", "9223372036854775807s"}

// distort changes one place of a value: another type, a member more or less, deep nesting, a nasty text.
func (f *forge) distort(v any) any {
	switch v := v.(type) {
	case object:
		names := slices.Sorted(maps.Keys(v))
		if len(names) > 0 && f.chance(75) {
			name := pick(f.Rand, names)
			if f.chance(20) {
				delete(v, name)
			} else {
				v[name] = f.distort(v[name])
			}
			return v
		}
		if f.chance(70) {
			v[pick(f.Rand, []string{"role", "status", "email_verified", "app", "client_id", "csrf_token", "challenge_response", "__proto__", "id", "", "attributes", "\x00", "x-extra"})] = f.scrap()
			return v
		}
	case []any:
		if len(v) > 0 && f.chance(50) {
			n := f.IntN(len(v))
			v[n] = f.distort(v[n])
			return v
		}
	}
	return f.scrap()
}

// scrap is a value that fits nowhere in particular.
func (f *forge) scrap() any {
	switch f.IntN(10) {
	case 0:
		return nil
	case 1:
		return f.chance(50)
	case 2:
		return json.Number(pick(f.Rand, []string{"-1", "0", "1e308", "1.5", "9007199254740993", "18446744073709551616", "-0", "1E-400"}))
	case 3:
		return []any{f.scrap(), f.scrap()}
	case 4:
		return object{"a": f.scrap()}
	case 5:
		var v any = "deep"
		for range 1 + f.IntN(60) {
			v = []any{v}
		}
		return v
	}
	return pick(f.Rand, nasty)
}

// breakIt damages the request as it goes over the wire.
func (f *forge) breakIt() {
	s := f.shot
	switch f.IntN(16) {
	case 0, 1, 2:
		s.body = f.torn(s.body)
	case 3:
		s.header.Set("Content-Type", pick(f.Rand, []string{"", "text/plain", "application/xml", "application/json; charset=utf-16", "application/json; charset=utf-8",
			"application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=a", "application/merge-patch+json", "json", ";;;", "application/json, text/html", "*/*"}))
	case 4:
		s.header.Set("Accept", pick(f.Rand, []string{"text/html", "text/html,*/*;q=0.8", "application/json", "image/png", "*/*;q=0", "application/json;q=2", ";;;,,,", "a/b;q=\x80", "text/javascript", strings.Repeat("a/b,", 2000)}))
	case 5:
		s.header.Add("Cookie", pick(f.Rand, []string{"=", "a", "ostiary-default=" + f.canary(), "phala_session=" + f.canary(), "refresh_token=x; refresh_token=y",
			"access_token=" + f.canary(), "ostiary-csrf=\"", strings.Repeat("a=b; ", 90), strings.Repeat("a=b; ", 200), "a=" + strings.Repeat("x", 5000), "\x80=\xff"}))
	case 6:
		s.header.Set("Origin", pick(f.Rand, []string{"null", "https://evil.example", "https://shop.example", "http://", "://", "http://127.0.0.1:1", "\x80"}))
	case 7:
		h := pick(f.Rand, [][2]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "navigate"}, {"X-Forwarded-For", "a, b"}, {"X-Forwarded-Host", "evil.example"},
			{"Forwarded", "for=\"["}, {"If-Match", `W/"`}, {"If-Match", `"99"`}, {"If-None-Match", "*"}, {"Range", "bytes=0-"}, {"Expect", "100-continue"},
			{"X-HTTP-Method-Override", "DELETE"}, {"X-Phala-Version", "2025-10-28"}, {"X-Phala-Version", "never"}, {"X-CSRF-Token", f.canary()}, {"X-Request-Id", "a b"},
			{"Accept-Language", strings.Repeat("x-", 900)}, {"User-Agent", "\x80\xff"}, {"Traceparent", "00-0-0-0"}, {"Content-Encoding", "gzip"}})
		s.header.Set(h[0], h[1])
	case 8:
		s.target += pick(f.Rand, []string{"?", "?a=1&a=2", "?access_token=" + f.canary(), "?%zz", "?%00=%00", "?a=%ff", "/", "//", "/%2e%2e/", ";a=b", "%00", "%ff", "?" + strings.Repeat("a=b&", 1500), "?cursor=" + strings.Repeat("A", 500), "?limit=-1", "?page=99999999999"})
	case 9:
		cut := strings.LastIndex(s.target, "/")
		s.target = s.target[:cut+1] + pick(f.Rand, []string{"%00", "%ff%fe", "..", "%2e%2e", ".", "%2F", "%20", "a%0d%0ab", "ä", strings.Repeat("x", 9000), "'", "%5c"})
	case 10:
		s.method = pick(f.Rand, []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "PROPFIND"})
	case 11:
		s.header.Add("Authorization", pick(f.Rand, []string{"Bearer " + f.canary(), "Bearer " + strings.Repeat("x", 9000), "Basic Og==", "\xff"}))
	case 12:
		s.chunked = true
	case 13:
		c := pick(f.Rand, f.w.credentials)
		text := []byte(c[1])
		text[f.IntN(len(text))] ^= byte(1 + f.IntN(15)) // a token with one character wrong
		s.header.Set(c[0], printable(string(text)))
	case 14:
		f.hostInText()
	case 15:
		s.header.Set("Access-Control-Request-Method", pick(f.Rand, []string{s.method, "\x80", "TRACE"}))
	}
}

// torn damages a body.
func (f *forge) torn(body string) string {
	switch f.IntN(12) {
	case 0:
		return body[:f.IntN(len(body)+1)]
	case 1:
		return body + pick(f.Rand, []string{"x", "{}", "\x00", "&a=b", "]"})
	case 2:
		return "\ufeff" + body
	case 3:
		return strings.Replace(body, "{", `{"email":"a@example.com","email":"b@example.com","password":"x","password":"y",`, 1)
	case 4:
		return strings.Repeat("[", 100000)
	case 5:
		return strings.Replace(body, `":"`, `":"\u0000\ud800`, 1)
	case 6:
		return strings.Replace(body, `":"`, "\":\"\xff", 1)
	case 7:
		return strings.Replace(body, "=", "=%00%ff", 1)
	case 8:
		return body + "&" + body
	case 9:
		return strings.Replace(body, `"`, `'`, 2)
	case 10:
		return body + strings.Repeat(" ", 70<<10)
	}
	return pick(f.Rand, []string{"", "null", "0", `""`, "[]", "{}", "[[]]", `{"":""}`, "%", "=", "&&&", "a[b]=c", "\x00"})
}

// hostInText puts a nasty text where a good one stood.
func (f *forge) hostInText() {
	var o object
	if json.Unmarshal([]byte(f.shot.body), &o) != nil || len(o) == 0 {
		return
	}
	o[pick(f.Rand, slices.Sorted(maps.Keys(o)))] = pick(f.Rand, nasty)
	text, err := json.Marshal(o)
	if err == nil {
		f.shot.body = string(text)
	}
}
