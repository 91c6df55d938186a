package outbound

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// ErrRefused is in the chain of an error when a guard of this package refused the call before a byte was sent.
var ErrRefused = errors.New("the address may not be called")

// notPublic are the networks of the IANA special-purpose registries that are not reachable from everywhere, or that
// reach something else than they say (RFC 6890, RFC 3056, RFC 6052), and the address at which a large cloud serves its
// machines' metadata. Of IPv6 only 2000::/3 is public at all.
var notPublic = prefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
	"172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")

// global is what IANA has given out of IPv6. Everything else of it (loopback, mapped, NAT64, unique local, link-local,
// site-local, multicast) is not public.
var global = netip.MustParsePrefix("2000::/3")

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, p := range list {
		out[i] = netip.MustParsePrefix(p)
	}
	return out
}

// Public reports whether an address is on the public internet.
func Public(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsValid() || a.Zone() != "" || a.Is6() && !global.Contains(a) {
		return false
	}
	return !slices.ContainsFunc(notPublic, func(p netip.Prefix) bool { return p.Contains(a) })
}

// publicPorts are those at which a public address may be called: an inner service that is published by mistake is
// rarely at one of them.
var publicPorts = []uint16{443, 8443}

// gate decides which address may be dialled, and dials it.
type gate struct {
	allow   []netip.Prefix
	resolve func(context.Context, string) ([]netip.Addr, error)
	plain   bool // without TLS: allowed addresses only
}

func (g gate) allowed(a netip.Addr) bool {
	a = a.Unmap()
	return slices.ContainsFunc(g.allow, func(p netip.Prefix) bool { return p.Contains(a) })
}

// admit answers nil, or why the address may not be dialled.
func (g gate) admit(a netip.Addr, port uint16) error {
	switch {
	case g.allowed(a):
		return nil
	case !Public(a):
		return fmt.Errorf("%w: %s is not public, and outbound.allow does not list it", ErrRefused, a)
	case g.plain:
		return fmt.Errorf("%w: plain http goes to addresses of outbound.allow only, and %s is none", ErrRefused, a)
	case !slices.Contains(publicPorts, port):
		return fmt.Errorf("%w: port %d is for addresses of outbound.allow only, and %s is none", ErrRefused, port, a)
	}
	return nil
}

// dial resolves once, checks every address and tries them in turn. It is the DialContext of the transports.
func (g gate) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, err
	}
	addrs, err := g.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, a := range addrs {
		if err := g.admit(a, uint16(port)); err != nil {
			return nil, err
		}
	}
	var failures []error
	for i, a := range addrs {
		d := net.Dialer{Timeout: share(ctx, len(addrs)-i)}
		conn, err := d.DialContext(ctx, network, netip.AddrPortFrom(a, uint16(port)).String())
		if err == nil {
			return conn, nil
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

func (g gate) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	found, err := g.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, &net.DNSError{Err: "no address", Name: host, IsNotFound: true}
	}
	for i := range found {
		found[i] = found[i].Unmap()
	}
	return found, nil
}

// dialTime bounds one attempt to connect.
const dialTime = 5 * time.Second

// share is the time that one of n attempts gets, so that an address which swallows packets leaves time for the next.
func share(ctx context.Context, n int) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return dialTime
	}
	return min(dialTime, time.Until(deadline)/time.Duration(n))
}
