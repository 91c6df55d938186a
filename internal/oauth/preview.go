package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ostiary-id/ostiary/internal/app"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// PreviewInput asks what a client would get.
type PreviewInput struct {
	App       auth.AppID
	Client    auth.ClientID
	User      auth.UserID // empty: the client acts by itself
	Scopes    []string    // empty: those that it asks for by default
	Resources []string
}

// Preview is what a client would get: the claims of its tokens and what userinfo tells.
type Preview struct {
	AccessToken map[string]any
	IDToken     map[string]any // nil without a user or the scope openid
	Userinfo    map[string]any // likewise
	// Failed are the custom claims that would be left out, with the reason.
	Failed map[string]string
}

// Preview tells an administrator what a client would get for a user and scopes. Nothing is issued, and nobody is asked for
// consent; ids and times are examples. Errors: CodeForbidden, CodeNotFound (the client or the user), CodeInvalidRequest
// (scopes, resources), CodeConflict (no OAuth client).
func (s *Service) Preview(ctx context.Context, c auth.Caller, in PreviewInput) (Preview, error) {
	t, err := s.pretend(ctx, c, in)
	if err != nil {
		return Preview{}, err
	}
	out := Preview{Failed: map[string]string{}}
	h := holder{t.client, t.user, t.member, t.granted.Scopes}
	custom, failed, err := s.evaluate(ctx, h)
	if err != nil {
		return Preview{}, err
	}
	for name, why := range failed {
		out.Failed[name] = why.Error()
	}
	access := s.accessClaims(t)
	if out.AccessToken, err = told(access, custom); err != nil {
		return Preview{}, err
	}
	if t.user.ID == "" || !slices.Contains(t.granted.Scopes, auth.ScopeOpenID) {
		return out, nil
	}
	if out.IDToken, err = told(s.idClaims(t, ""), custom); err != nil {
		return Preview{}, err
	}
	email, err := s.primaryEmail(ctx, t.user)
	if err != nil {
		return Preview{}, err
	}
	out.Userinfo = personClaims(t.user, email, t.granted.Scopes)
	for _, name := range []string{"role", "account", "account_role", "permissions"} {
		if v, ok := out.AccessToken[name]; ok {
			out.Userinfo[name] = v
		}
	}
	out.Userinfo = allowedBeside(out.Userinfo, custom)
	out.Userinfo["sub"] = access.Subject
	return out, nil
}

// told is a token's claims as a client reads them.
func told(claims any, custom map[string]any) (out map[string]any, err error) {
	text, err := merged(claims, custom)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, fmt.Errorf("read the claims: %w", err)
	}
	return out, nil
}

// pretend makes the facts that tokens would be made from.
func (s *Service) pretend(ctx context.Context, c auth.Caller, in PreviewInput) (t tokenFacts, err error) {
	if err := app.Manages(c, in.App); err != nil {
		return t, err
	}
	client, err := s.o.Apps.Client(ctx, in.App, in.Client)
	if err != nil {
		return t, err
	}
	if client.Settings.OAuth.AuthMethod == "" {
		return t, auth.E(auth.CodeConflict, "No OAuth endpoint serves this client.")
	}
	if in.User == "" && !client.Settings.OAuth.Allows(auth.GrantClientCredentials) {
		return t, auth.Invalid("user_id", auth.ViolationRequired, "The client acts for people alone: name one of them.")
	}
	granted, err := s.asked(ctx, client, in.Scopes, plainResources(in.Resources))
	if err != nil {
		e := AsError(err)
		field := "scopes"
		if e.Code == InvalidTarget {
			field = "resources"
		}
		return t, auth.Invalid(field, auth.ViolationInvalid, e.Description)
	}
	home, err := s.o.Apps.Get(ctx, in.App)
	if err != nil {
		return t, err
	}
	now := s.o.Clock()
	t = tokenFacts{exchange: &exchange{client: client, granted: granted}, proven: &proven{amr: []string{auth.AMRPassword}, authTime: now}, app: home, now: now}
	if in.User != "" {
		if t.issued, err = s.standIn(ctx, in); err != nil {
			return t, err
		}
	}
	t.life, err = s.lifeOf(ctx, t)
	return t, err
}

func (s *Service) standIn(ctx context.Context, in PreviewInput) (out issued, err error) {
	err = s.o.DB.Read(ctx, func(tx *store.Tx) error {
		if out.user, err = tx.User(in.App, in.User); err != nil {
			return noUser(err)
		}
		out.member, err = tx.OldestMembership(in.App, in.User)
		if isMissing(err) {
			out.member, err = auth.Membership{}, nil
		}
		return err
	})
	return out, err
}

func isMissing(err error) bool { return errors.Is(err, store.ErrNotFound) }

func noUser(err error) error {
	if isMissing(err) {
		return auth.E(auth.CodeNotFound, "There is no such user.")
	}
	return fmt.Errorf("read a user: %w", err)
}
