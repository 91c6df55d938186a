// Package client is the Go client of Ostiary's own API (contracts/ostiary.yaml): one method for each of its
// operations, typed answers, and errors that carry the server's code.
//
//	c := &client.Client{BaseURL: "https://id.example.com"}
//	in, err := c.SignIn(ctx, client.SignIn{Identifier: "john@example.com", Password: password})
//	me, err := c.WithToken(in.Tokens.AccessToken).GetMe(ctx)
//
// It needs nothing but the standard library, keeps no state and renews no token by itself: what a refresh returns
// has to be stored by whoever owns the session.
package client
