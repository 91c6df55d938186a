// Package federation owns the connections of apps to identity providers and the identities that tie people there to
// users here. It sends a person off to a provider (Begin), judges what comes back (Finish), and says who that is: an
// auth.Upstream.
//
// What follows from that (who signs in, who is linked, who becomes a user) is a flow of package login, which also owns
// the state, its cookie and its single use. Outbound calls go through package outbound alone.
//
// What is believed (SECURITY section 1.11):
//
//   - A person is provider, issuer and subject; never an address (FD-01). An address counts as verified only if the
//     provider says so in so many words, and links silently only if the provider is the authority for it (FD-02).
//   - PKCE and nonce are always used. Both are derived from the state by a key of the server, so nothing secret is stored
//     for a journey, and both are worthless at another provider (FD-04).
//   - An ID token is signed by a key of exactly the configured issuer, with an algorithm that is asymmetric, and is for us,
//     for this journey, for now (FD-05).
//   - A provider is read again at the end of a journey and once more in the transaction that acts on it (FD-06).
//   - Claims are bounded text. They grant nothing (FD-10).
package federation
