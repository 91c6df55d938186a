package limit

import (
	"net/netip"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// Network is the subject of a client address: an IPv4 address, or the /64 of an IPv6 one, for that is what one
// customer gets (RL-02). IPv4 addresses mapped into IPv6 are folded. An unknown address is a subject too.
func Network(ip netip.Addr) string {
	ip = ip.Unmap().WithZone("")
	if !ip.IsValid() {
		return "unknown"
	}
	if ip.Is4() {
		return ip.String()
	}
	prefix, _ := ip.Prefix(64) // 64 is within the 128 bits of an IPv6 address
	return prefix.String()
}

// Account is the subject of a known user, however it was named (RL-01).
func Account(app auth.AppID, user auth.UserID) string {
	return "user/" + string(app) + "/" + string(user)
}

// AccountFrom is the subject of a known user at a network that the user signed in from before: whoever guesses from
// elsewhere does not use it up (RL-07).
func AccountFrom(app auth.AppID, user auth.UserID, network string) string {
	return Account(app, user) + "/from/" + network
}

// Identifier is the subject of a canonical address or username that belongs to nobody, so that guessing at unknown
// accounts is answered like guessing at known ones. It also names the recipient of a mail.
func Identifier(app auth.AppID, canonical string) string {
	return "identifier/" + string(app) + "/" + canonical
}

// App is the subject of a whole app.
func App(app auth.AppID) string { return "app/" + string(app) }
