// Package oauth is the door of the OAuth 2 and OpenID documents that other servers read. For now that is the JWKS
// alone. It owns paths, headers and caching; the keys belong to package signer.
package oauth
