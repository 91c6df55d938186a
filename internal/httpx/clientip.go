package httpx

import (
	"net/http"
	"net/netip"
	"strings"
)

// maxHops bounds how many forwarded addresses are looked at; no chain of proxies is that long.
const maxHops = 32

// Proxies are the networks whose forwarding headers are believed. The zero value trusts nobody.
type Proxies []netip.Prefix

// Trusts reports whether the address belongs to a trusted proxy.
func (p Proxies) Trusts(addr netip.Addr) bool {
	addr = addr.Unmap()
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// ClientIP finds the address of the client (RL-03). The headers count only when the TCP peer is a trusted proxy;
// then it is the right-most address of X-Forwarded-For that is no trusted proxy, for everything left of it was
// written by whoever that is. If an element cannot be read, nothing left of it can be believed either, and the
// last hop that was readable is the client. The peer is the answer for everybody else. The result is never an
// IPv4-mapped address and has no zone; it is invalid only if the peer's own address is (unix sockets).
func (p Proxies) ClientIP(r *http.Request) netip.Addr {
	last := peer(r.RemoteAddr)
	if !last.IsValid() || !p.Trusts(last) {
		return last
	}
	hops := forwarded(r.Header)
	for i := len(hops) - 1; i >= 0 && i >= len(hops)-maxHops; i-- {
		addr, ok := parseHop(hops[i])
		if !ok {
			return last
		}
		if last = addr; !p.Trusts(addr) {
			return addr
		}
	}
	return last
}

// forwarded lists the elements of X-Forwarded-For, left to right, over all its lines. The standard Forwarded
// header is not read: proxies that set only one of the two would let a client choose the other.
func forwarded(h http.Header) []string {
	lines := h.Values("X-Forwarded-For")
	if len(lines) == 0 {
		return nil
	}
	if len(lines) == 1 && !strings.Contains(lines[0], ",") {
		return lines
	}
	return strings.Split(strings.Join(lines, ","), ",")
}

// parseHop reads one element: an address, with a port or in brackets as some proxies write it.
func parseHop(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if addr, err := netip.ParseAddr(text); err == nil {
		return clean(addr)
	}
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return clean(ap.Addr())
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); ok {
			if addr, err := netip.ParseAddr(inner); err == nil {
				return clean(addr)
			}
		}
	}
	return netip.Addr{}, false
}

func clean(addr netip.Addr) (netip.Addr, bool) {
	addr = addr.Unmap().WithZone("")
	return addr, addr.IsValid() && !addr.IsUnspecified()
}

func peer(remote string) netip.Addr {
	if ap, err := netip.ParseAddrPort(remote); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}
