// Package oauth is the door of OAuth 2.1 and OpenID Connect: it reads the requests of clients and browsers at /oauth2/*
// and serves the documents under /.well-known/. It owns paths, headers, caching and the shapes of answers; every decision
// is package oauth's below it (internal/oauth), and the keys are package signer's.
package oauth
