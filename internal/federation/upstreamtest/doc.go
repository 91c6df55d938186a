// Package upstreamtest starts identity providers outside the house for tests: a real OpenID provider (the npm package
// oidc-provider) and a plain OAuth 2.0 server that checks what the standard says. Walk leads a browser through their
// pages.
//
// Without Node.js a test that needs the OpenID provider is skipped visibly, and fails if CI=true. Its packages are
// installed into web/tests/upstream the first time. The package is for tests only.
package upstreamtest
