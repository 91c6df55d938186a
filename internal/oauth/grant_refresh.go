package oauth

import (
	"context"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// proveRefresh is the refresh token grant (RFC 6749 section 6). Rotation, grace and reuse are those of sessions; the
// refresh token keeps the whole of what was granted, whatever one access token asks for (RT-09).
func (s *Service) proveRefresh(ctx context.Context, x *exchange) (*proven, error) {
	text := x.Form.Get("refresh_token")
	if text == "" {
		return nil, refuse(InvalidRequest, "refresh_token is missing.")
	}
	held, _, err := s.o.Sessions.Holder(ctx, text)
	if err != nil {
		return nil, err
	}
	if held.App != x.client.App || held.Client != x.client.ID || held.Delegation == nil {
		return nil, badRefresh()
	}
	p := &proven{most: *held.Delegation, refresh: true, amr: held.AMR, authTime: held.AuthTime}
	p.identify = slices.Contains(p.most.Scopes, auth.ScopeOpenID)
	p.commit = func(ctx context.Context, x *exchange) (issued, error) {
		renewed, err := s.o.Sessions.Renew(ctx, x.Caller, text, func(now auth.Session) error {
			if now.Delegation == nil {
				return badRefresh()
			}
			return nil
		})
		return issued{session: renewed.Session, user: renewed.User, member: renewed.Member}, err
	}
	return p, nil
}

func badRefresh() *Error {
	return refuse(InvalidGrant, "The refresh token is not valid for this client.")
}
