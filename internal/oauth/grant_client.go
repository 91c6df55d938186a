package oauth

import (
	"context"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// personal are the scopes that speak of a person, so a client alone gets none of them.
func personal() []string {
	return []string{auth.ScopeOpenID, auth.ScopeProfile, auth.ScopeEmail, auth.ScopePhone, auth.ScopeAddress, auth.ScopeOfflineAccess,
		auth.ScopeRoles, auth.ScopeAccount, auth.ScopePermissions}
}

// proveClient is the client credentials grant (RFC 6749 section 4.4): the client has proven itself before, and acts for
// nobody else. Its subject is its own id, which no user has (OA-14).
func (s *Service) proveClient(ctx context.Context, x *exchange) (*proven, error) {
	if x.client.Settings.OAuth.Public() {
		return nil, refuse(UnauthorizedClient, "A client that can keep no secret cannot act by itself.")
	}
	scopes := x.Form.Words("scope")
	if len(scopes) == 0 {
		scopes = slices.DeleteFunc(slices.Clone(x.client.Settings.OAuth.DefaultScopes), func(w string) bool { return slices.Contains(personal(), w) })
	}
	if slices.ContainsFunc(scopes, func(w string) bool { return slices.Contains(personal(), w) }) {
		return nil, refuse(InvalidScope, "These scopes speak of a person, and there is none.")
	}
	most, err := s.asked(ctx, x.client, scopes, resourcesOf(x.Form))
	if err != nil {
		return nil, err
	}
	return &proven{most: most, commit: func(context.Context, *exchange) (issued, error) { return issued{}, nil }}, nil
}
