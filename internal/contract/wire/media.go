package wire

import (
	"strconv"
	"strings"
)

// MediaType is the lower-case essence of a media type, `application/json`, of a Content-Type header. The charset
// must be UTF-8 or absent; ok is false for another one and for what is no media type.
func MediaType(header string) (essence string, ok bool) {
	essence, params, _ := strings.Cut(header, ";")
	essence = lower(strings.TrimSpace(essence))
	major, minor, found := strings.Cut(essence, "/")
	if !found || major == "" || minor == "" || strings.ContainsAny(essence, " \t,") {
		return "", false
	}
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if strings.EqualFold(name, "charset") && !strings.EqualFold(strings.Trim(value, `"`), "utf-8") {
			return "", false
		}
	}
	return essence, true
}

// lower avoids a copy for what is lower case already.
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'Z' || c >= 0x80 {
			return strings.ToLower(s)
		}
	}
	return s
}

// IsJSON reports whether an essence is JSON: application/json or a +json type (RFC 6839).
func IsJSON(essence string) bool {
	return essence == "application/json" || strings.HasSuffix(essence, "+json")
}

// FormType is the media type of HTML forms without files.
const FormType = "application/x-www-form-urlencoded"

// Negotiate picks from offers (lower-case essences, in order of preference) by the Accept header (RFC 9110
// section 12.5.1): the best q-value, the first on a tie. An absent or unreadable header takes the first. It is -1
// when nothing offered is acceptable.
func Negotiate(accept string, offers []string) int {
	if len(offers) == 0 {
		return -1
	}
	if strings.TrimSpace(accept) == "" || accept == "*/*" || accept == offers[0] {
		return 0
	}
	best, bestQ, read := -1, 0, false
	for i, offer := range offers {
		q, ok := quality(accept, offer)
		read = read || ok
		if q > bestQ {
			best, bestQ = i, q
		}
	}
	if !read {
		return 0
	}
	return best
}

// quality is the q-value, in thousandths, of the most specific range that matches the offer. ok is false when
// the header holds no readable range at all.
func quality(accept, offer string) (q int, ok bool) {
	major, _, _ := strings.Cut(offer, "/")
	specific := 0
	for part := range strings.SplitSeq(accept, ",") {
		rng, params, _ := strings.Cut(part, ";")
		rng = lower(strings.TrimSpace(rng))
		if strings.Count(rng, "/") != 1 {
			continue
		}
		ok = true
		rank := 0
		switch rng {
		case offer:
			rank = 3
		case major + "/*":
			rank = 2
		case "*/*":
			rank = 1
		}
		if rank > specific {
			specific, q = rank, qValue(params)
		}
	}
	return q, ok
}

// qValue reads the weight of a range; an unreadable one counts as none given, which is 1.
func qValue(params string) int {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		f, err := strconv.ParseFloat(value, 64)
		if err != nil || f < 0 || f > 1 {
			return 1000
		}
		return int(f * 1000)
	}
	return 1000
}
