// Package outbound owns the one HTTP client for calls that leave the house: upstream providers, webhooks, challenge
// verifiers, every URL that somebody else may have chosen. It does not own what is asked or answered there.
//
// Whoever can make a server fetch a URL can make it talk to its neighbours: databases, cloud metadata, its own command
// socket (SSRF, SECURITY SS-01). The guards:
//
//   - A host name is resolved once; every address that it has is checked; one of exactly these is dialled. A name that
//     means something else a moment later (DNS rebinding) gains nothing.
//   - Addresses that are not on the public internet are refused unless the operator lists them (setting outbound.allow).
//   - Plain http, and ports other than 443 and 8443, are for listed addresses only.
//   - Redirects are answers like others and never followed, so credentials do not travel either (SS-02).
//   - Nothing is read from the environment. A forward proxy is used only if the operator names it; it then resolves
//     names, and has to keep the same rules, for only it knows the addresses.
//   - A call ends within its time (10 s) and its size (1 MiB), after decompression.
package outbound
