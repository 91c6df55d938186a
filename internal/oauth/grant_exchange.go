package oauth

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ostiary-id/ostiary/internal/apikey"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/store"
)

// The token types of the exchange (RFC 8693 section 3). The others of the RFC are taken for nothing: an ID token, a
// refresh token or a logout token opens no door (TX-01).
const (
	typeAccessToken = "urn:ietf:params:oauth:token-type:access_token"
	typeAPIKey      = "urn:ostiary:params:oauth:token-type:api-key"
)

const (
	// maxActors is how many act in each other's name at most.
	maxActors = 5
	// keyTokenLife is how long an access token in the stead of an API key lives at most.
	keyTokenLife = 15 * time.Minute
)

// proveExchange is the token exchange (RFC 8693): an access token for another one, of less scope, for other resources, in
// the name of who acts; or an API key for a short access token. What comes out dies with what went in. A token that is not
// taken is an invalid request (RFC 8693 section 2.2.2), not an invalid grant.
func (s *Service) proveExchange(ctx context.Context, x *exchange) (*proven, error) {
	if kind := x.Form.Get("requested_token_type"); kind != "" && kind != typeAccessToken {
		return nil, refuse(InvalidRequest, "Only access tokens are issued.")
	}
	text := x.Form.Get("subject_token")
	if text == "" {
		return nil, refuse(InvalidRequest, "subject_token is missing.")
	}
	x.Form = targeted(x.Form)
	switch x.Form.Get("subject_token_type") {
	case typeAccessToken:
		return s.exchangeToken(ctx, x, text)
	case typeAPIKey:
		return s.exchangeKey(ctx, x, text)
	}
	return nil, refuse(InvalidRequest, "subject_token_type is none that is taken.")
}

// targeted makes one list of `resource` and `audience`: here both name resources (RFC 8693 section 2.1).
func targeted(f Form) Form {
	out := maps.Clone(f)
	out["resource"] = slices.Concat(f.All("resource"), f.All("audience"))
	return out
}

func (s *Service) exchangeToken(ctx context.Context, x *exchange, text string) (*proven, error) {
	subject, err := s.brought(ctx, x, text)
	if err != nil {
		return nil, err
	}
	if subject.User.ID == "" {
		return nil, refuse(InvalidRequest, "The subject token speaks of nobody.")
	}
	own := subject.ClientID == x.client.OAuthID()
	if !own && x.client.Settings.OAuth.Public() {
		return nil, refuse(InvalidRequest, "The subject token was issued to another client.")
	}
	p := &proven{person: subject.User, amr: subject.AMR, key: subject.Key, actor: subject.Actor, issuedType: typeAccessToken,
		life: time.Unix(subject.ExpiresAt, 0).Sub(s.o.Clock())}
	if subject.AuthTime > 0 {
		p.authTime = time.Unix(subject.AuthTime, 0)
	}
	if p.actor, err = s.acting(ctx, x, subject, own); err != nil {
		return nil, err
	}
	before := subject.audienceResources(s.o.Issuer)
	if own && !mayAim(x, subject, before) {
		return nil, refuse(InvalidTarget, "Nobody let the client have this resource.")
	}
	if p.most, err = s.less(ctx, x, subject.scopes(), before); err != nil {
		return nil, err
	}
	if own && subject.Confirmation != nil { // who holds a bound token shows the key here too
		p.most.JKT = subject.Confirmation.JKT
	}
	p.commit = s.reissue(subject)
	return p, nil
}

// mayAim reports whether a client may turn a token of its own to the resources that it asks for: those that the token was for,
// or that the person let it have, and others where an administrator vouches for it, by trust or by name (TX-01, OA-13).
func mayAim(x *exchange, subject *AccessToken, before []string) bool {
	o := x.client.Settings.OAuth
	if o.Consent == auth.ConsentTrusted || subject.Key != "" {
		return true
	}
	held := slices.Concat(before, o.Resources)
	if d := subject.Session.Delegation; d != nil {
		held = append(held, d.Resources...)
	}
	return grant.Within(resourcesOf(x.Form), held)
}

// brought recognises an access token that a client brings: its own, or one that was made for a resource that it serves.
// That of somebody else is worth nothing in its hands.
func (s *Service) brought(ctx context.Context, x *exchange, text string) (*AccessToken, error) {
	t, err := s.VerifyAccess(ctx, text)
	if err == nil {
		var ok bool
		if ok, err = s.visible(ctx, x.client, t.AccessClaims); err == nil && !ok {
			err = badToken(nil)
		}
	}
	if Is(err, InvalidToken) {
		err = refuse(InvalidRequest, "The token is not valid for this client.")
	}
	return t, err
}

// acting is who acts in the new token (RFC 8693 section 4.1): the subject of the actor token, else the client if the token
// was another's. Who acted before stands behind.
func (s *Service) acting(ctx context.Context, x *exchange, subject *AccessToken, own bool) (*actor, error) {
	text, kind := x.Form.Get("actor_token"), x.Form.Get("actor_token_type")
	out := subject.Actor
	switch {
	case text == "" && kind != "", text != "" && kind != typeAccessToken:
		return nil, refuse(InvalidRequest, "actor_token and actor_token_type do not fit together.")
	case text != "":
		t, err := s.brought(ctx, x, text)
		if err != nil {
			return nil, err
		}
		out = &actor{Subject: t.Subject, Actor: subject.Actor}
	case !own:
		out = &actor{Subject: x.client.OAuthID(), Actor: subject.Actor}
	}
	depth := 0
	for a := out; a != nil; a = a.Actor {
		depth++
	}
	if depth > maxActors {
		return nil, refuse(InvalidRequest, "Too many act in each other's name.")
	}
	return out, nil
}

// less is what may come out of an exchange: of the scopes that went in those that the client, or a resource that it asks
// for, knows; none that would need somebody at a browser. Without a target it is for whom the token was before.
func (s *Service) less(ctx context.Context, x *exchange, held, before []string) (auth.Delegation, error) {
	resources := resourcesOf(x.Form)
	if len(resources) == 0 {
		resources = before
	}
	known, err := s.knownScopes(ctx, x.client, resources)
	if err != nil {
		return auth.Delegation{}, err
	}
	scopes := slices.DeleteFunc(slices.Clone(held), func(w string) bool { return unattended(w) || !slices.Contains(known, w) })
	return auth.Delegation{Scopes: scopes, Resources: resources}, nil
}

// audienceResources are the resources among whom a token is for.
func (c AccessClaims) audienceResources(issuer string) []string {
	return slices.DeleteFunc(slices.Clone(c.Audience), func(a string) bool { return a == issuer })
}

// reissue commits an exchange: who stands behind the token is asked again, and the exchange is recorded.
func (s *Service) reissue(subject *AccessToken) func(context.Context, *exchange) (issued, error) {
	return func(ctx context.Context, x *exchange) (out issued, err error) {
		err = s.o.DB.Write(ctx, func(tx *store.Tx) error {
			out = issued{session: subject.Session}
			if out.user, err = s.standsFor(tx, subject); err != nil {
				return err
			}
			if out.member, err = session.Membership(tx, subject.Session); err != nil {
				return err
			}
			return s.o.Audit.Record(tx, x.Caller, auth.Event{App: x.client.App, Action: "token.exchanged", Outcome: "ok", User: out.user.ID,
				Session: subject.SessionID, Target: string(x.client.ID), Data: map[string]string{"jti": subject.ID, "key": string(subject.Key)}})
		})
		return out, err
	}
}

// exchangeKey is the exchange of an API key of ours: `sub` is its owner, `act` the key, and the key's scopes are the most.
func (s *Service) exchangeKey(ctx context.Context, x *exchange, text string) (*proven, error) {
	if x.Form.Get("actor_token") != "" || x.Form.Get("actor_token_type") != "" {
		return nil, refuse(InvalidRequest, "A key acts by itself.")
	}
	id, err := s.o.APIKeys.Authenticate(ctx, text)
	if e := AsError(err); e != nil && e.Code == InvalidGrant {
		err = &Error{Code: InvalidRequest, Description: e.Description, Err: err}
	}
	if err != nil {
		return nil, err
	}
	if id.App != x.client.App {
		return nil, refuse(InvalidRequest, "The key is not valid for this client.")
	}
	p := &proven{person: id.UserRow, key: id.Key, actor: &actor{Subject: keySubject(id)}, issuedType: typeAccessToken, life: keyTokenLife}
	if until := id.KeyRow.ExpiresAt; !until.IsZero() {
		p.life = min(p.life, until.Sub(s.o.Clock()))
	}
	if p.most, err = s.less(ctx, x, id.Scopes, nil); err != nil {
		return nil, err
	}
	p.commit = s.reissue(&AccessToken{AccessClaims: AccessClaims{App: id.App, Key: id.Key}, User: id.UserRow})
	return p, nil
}

// keySubject names a key so that it can be taken for no user and no client.
func keySubject(id apikey.Identity) string { return "api-key:" + string(id.Key) }
