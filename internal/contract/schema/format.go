package schema

import (
	"encoding/base64"
	"math"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// format is one enforced format. A format with neither check says something about the meaning only.
type format struct {
	name   string
	code   string
	say    string // ends "must be ..."
	fits   func(string) bool
	number func(float64) bool
}

var (
	uuidPattern = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
	hostPattern = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
)

// formats is the closed list of formats.
var formats = map[string]format{
	"email":         {"email", auth.ViolationEmail, "an e-mail address", isEmail, nil},
	"uri":           {"uri", auth.ViolationFormat, "an absolute URI", isURI, nil},
	"uri-reference": {"uri-reference", auth.ViolationFormat, "a URI reference", isURIReference, nil},
	"date-time":     {"date-time", auth.ViolationFormat, "a time like 2026-01-31T12:00:00Z", isTime(time.RFC3339), nil},
	"date":          {"date", auth.ViolationFormat, "a date like 2026-01-31", isTime(time.DateOnly), nil},
	"time":          {"time", auth.ViolationFormat, "a time of day like 12:00:00Z", isTime("15:04:05Z07:00"), nil},
	"uuid":          {"uuid", auth.ViolationFormat, "a UUID", uuidPattern.MatchString, nil},
	"ipv4":          {"ipv4", auth.ViolationFormat, "an IPv4 address", isIP(netip.Addr.Is4), nil},
	"ipv6":          {"ipv6", auth.ViolationFormat, "an IPv6 address", isIP(netip.Addr.Is6), nil},
	"hostname":      {"hostname", auth.ViolationFormat, "a host name", isHost, nil},
	"byte":          {"byte", auth.ViolationFormat, "base64 text", isBase64, nil},
	"int32":         {"int32", auth.ViolationFormat, "a 32-bit integer", nil, within(math.MinInt32, math.MaxInt32)},
	"int64":         {"int64", auth.ViolationFormat, "a 64-bit integer", nil, within(math.MinInt64, math.MaxInt64)},
	"float":         {name: "float"},
	"double":        {name: "double"},
	"password":      {name: "password"},
	"binary":        {name: "binary"},
}

func formatNames() string {
	names := make([]string, 0, len(formats))
	for name := range formats {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func isEmail(s string) bool {
	_, err := auth.CanonicalEmail(s)
	return err == nil
}

func isURI(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.IsAbs() && !strings.ContainsAny(s, " <>\"{}|\\^`")
}

func isURIReference(s string) bool {
	_, err := url.Parse(s)
	return err == nil && !strings.ContainsAny(s, " <>\"{}|\\^`")
}

func isTime(layout string) func(string) bool {
	return func(s string) bool {
		_, err := time.Parse(layout, s)
		return err == nil
	}
}

func isIP(family func(netip.Addr) bool) func(string) bool {
	return func(s string) bool {
		a, err := netip.ParseAddr(s)
		return err == nil && a.Zone() == "" && family(a)
	}
}

func isHost(s string) bool { return len(s) <= 253 && hostPattern.MatchString(s) }

func isBase64(s string) bool {
	_, err := base64.StdEncoding.DecodeString(s)
	return err == nil
}

func within(low, high float64) func(float64) bool {
	return func(f float64) bool { return f >= low && f <= high }
}
