package factor

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// loopbackName is what browsers take for this machine: they make passkeys for names only, never for addresses.
const loopbackName = "localhost"

// PartyOptions say for whom passkeys are made.
type PartyOptions struct {
	PublicURL string
	// ID is the relying party id; empty: the host of PublicURL. It is that host or a domain above it, and every passkey is
	// lost for good when it changes.
	ID string
	// Related are origins on other domains that may use the passkeys too (WebAuthn L3 section 5.11).
	Related []string
	// AllowClones lets a passkey in whose counter went back. It is recorded and told in any case.
	AllowClones bool
}

// Party is the relying party: one for the whole house, whose apps share one public URL.
type Party struct {
	ID          string
	Related     []string // what /.well-known/webauthn lists
	allowClones bool
	lib         *webauthn.WebAuthn
}

// NewParty makes the relying party of a server. It is nil where there can be no passkeys: under an address without a
// name. An address of this machine counts as localhost, under which a browser on it reaches the server as well. The
// error says which setting is wrong.
func NewParty(o PartyOptions) (*Party, error) {
	public, err := url.Parse(o.PublicURL)
	if err != nil || public.Host == "" {
		return nil, errors.New("passkeys need a public_url")
	}
	host, origins := strings.ToLower(public.Hostname()), []string{strings.TrimRight(o.PublicURL, "/")}
	if addr, err := netip.ParseAddr(host); err == nil {
		if !addr.Unmap().IsLoopback() {
			if o.ID != "" {
				return nil, errors.New("passkeys.rp_id: public_url names an address; passkeys need a host name")
			}
			return nil, nil
		}
		host, public.Host = loopbackName, rehost(public, loopbackName)
		origins = []string{public.Scheme + "://" + public.Host}
	}
	p := &Party{ID: host, Related: o.Related, allowClones: o.AllowClones}
	if o.ID != "" {
		if host != o.ID && !strings.HasSuffix(host, "."+o.ID) || o.ID != loopbackName && !strings.Contains(o.ID, ".") {
			return nil, fmt.Errorf("passkeys.rp_id: want %s or a domain above it", host)
		}
		p.ID = o.ID
	}
	for _, origin := range o.Related {
		if !relatedOrigin(origin) {
			return nil, errors.New("passkeys.related_origins: want https://host with an optional port and nothing behind it")
		}
		origins = append(origins, origin)
	}
	p.lib, err = webauthn.New(&webauthn.Config{RPID: p.ID, RPDisplayName: "Ostiary", RPOrigins: origins,
		AttestationPreference: protocol.PreferNoAttestation,
		// What an extension answers is never looked at; password managers answer some that nobody asked for.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore})
	if err != nil {
		return nil, fmt.Errorf("passkeys: %w", err)
	}
	return p, nil
}

// rehost is the host of a URL with another name and the same port.
func rehost(u *url.URL, name string) string {
	if u.Port() == "" {
		return name
	}
	return net.JoinHostPort(name, u.Port())
}

func relatedOrigin(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.Host != "" && text == "https://"+strings.ToLower(u.Host)
}

// Origins are those in which the passkeys may be used, that of the server first.
func (p *Party) Origins() []string { return slices.Clone(p.lib.Config.RPOrigins) }
