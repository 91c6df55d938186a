package auth

import (
	"strconv"
	"time"
)

// maxLifetime bounds ParseLifetime: whatever lives longer than a hundred years should have no end at all.
const maxLifetime = 100 * 365 * 24 * time.Hour

// ParseLifetime reads a duration such as `365d`: a positive whole number without leading zeros and one unit of s, m,
// h, d (24 hours) or w (7 days), at most a hundred years. The error is invalid-request on the field `expires_in`.
func ParseLifetime(text string) (time.Duration, error) {
	refusal := Invalid("expires_in", ViolationFormat, "a lifetime is a whole number and a unit: s, m, h, d or w, such as 365d")
	if len(text) < 2 || len(text) > 12 || text[0] < '1' || text[0] > '9' {
		return 0, refusal
	}
	unit, ok := lifetimeUnits[text[len(text)-1]]
	n, err := strconv.ParseInt(text[:len(text)-1], 10, 64)
	if !ok || err != nil || n > int64(maxLifetime/unit) {
		return 0, refusal
	}
	return time.Duration(n) * unit, nil
}

// FormatLifetime writes d, rounded to the second, as ParseLifetime reads it, with the largest unit that divides it.
// Durations below a second give `0s`.
func FormatLifetime(d time.Duration) string {
	d = d.Round(time.Second)
	if d <= 0 {
		return "0s"
	}
	for _, unit := range "wdhm" {
		if size := lifetimeUnits[byte(unit)]; d%size == 0 {
			return strconv.FormatInt(int64(d/size), 10) + string(unit)
		}
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + "s"
}

var lifetimeUnits = map[byte]time.Duration{
	's': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
}
