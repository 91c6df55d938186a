// Package httpx owns what every request meets before a door and after it: the limits on URL and headers, the real
// client address behind trusted proxies, the request id, shedding, recovery from panics, security headers, and
// the one wide log event. It also holds the small HTTP rules that doors share: which origin may write with a
// cookie, and how a cookie is built.
//
// It knows no operation and no contract. A door fills the event of its request and answers its own errors; what
// httpx refuses itself it answers as a plain problem (RFC 9457).
package httpx
