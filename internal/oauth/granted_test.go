package oauth

import (
	"testing"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/store"
)

// What a person takes back ends what the client was given, offline or not (RT-08).
func TestConsentIsTakenBack_RT08_OA11(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, u := t.Context(), h.person()
		browser := h.signedIn(u)
		c, password := h.client()
		h.write(func(tx *store.Tx) error {
			return grant.Remember(tx, u.App, u.ID, c.ID, auth.Delegation{Scopes: []string{auth.ScopeOpenID}})
		})
		tokens := must(t)(h.redeem(c, password, h.code(c, browser, auth.ScopeOpenID)))
		list, err := h.Consents(ctx, u.App, u.ID)
		if err != nil || len(list) != 1 || list[0].Holder.ID != c.ID {
			t.Fatalf("%+v %v", list, err)
		}
		if err := h.RevokeConsent(ctx, operator, "nobody", c.ID); !auth.Is(err, auth.CodeNotFound) {
			t.Fatal(err)
		}
		by := operator
		by.App = u.App
		if err := h.RevokeConsent(ctx, by, u.ID, c.ID); err != nil {
			t.Fatal(err)
		}
		if row := h.row(sid(t, tokens)); row.EndReason != auth.EndConsentRevoked {
			t.Fatalf("%+v", row)
		}
		_, err = h.refresh(c, password, tokens.RefreshToken)
		wantCode(t, err, InvalidGrant)
		if list, err := h.Consents(ctx, u.App, u.ID); err != nil || len(list) != 0 {
			t.Fatalf("%+v %v", list, err)
		}
		if err := h.RevokeConsent(ctx, by, u.ID, c.ID); !auth.Is(err, auth.CodeNotFound) {
			t.Fatal(err)
		}
	})
}

// Custom claims stand in each token, beside what the server says and never in its place (TK-09).
func TestCustomClaims_TK09(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.person()
		c, password := h.client(func(o *auth.OAuthSettings) {
			o.Claims = map[string]string{"team": `"red"`, "sub": `"other"`, "who": `user.id`, "broken": `user.attributes.none`}
		})
		tokens := must(t)(h.redeem(c, password, h.code(c, h.signedIn(u), auth.ScopeOpenID)))
		for _, token := range []string{tokens.AccessToken, tokens.IDToken} {
			got := claims(t, token)
			if got["team"] != "red" || got["who"] != string(u.ID) || got["sub"] != string(u.ID) || got["broken"] != nil {
				t.Fatalf("%v", got)
			}
		}
		p, err := h.Preview(t.Context(), operator, PreviewInput{App: c.App, Client: c.ID, User: u.ID, Scopes: []string{auth.ScopeOpenID}})
		if err != nil || p.AccessToken["team"] != "red" || p.IDToken["who"] != string(u.ID) || p.Userinfo["sub"] != string(u.ID) || p.Failed["broken"] == "" {
			t.Fatalf("%+v %v", p, err)
		}
		_, err = h.Preview(t.Context(), operator, PreviewInput{App: c.App, Client: c.ID, User: "nobody"})
		if !auth.Is(err, auth.CodeNotFound) {
			t.Fatal(err)
		}
	})
}

// A pairwise subject is made for one sector (OI-05).
func TestSector_OI05(t *testing.T) {
	for want, c := range map[string]auth.Client{
		"a.example": {Settings: auth.ClientSettings{RedirectURIs: []string{"com.example:/cb", "https://a.example:8443/cb"}}},
		"b.example": {Settings: auth.ClientSettings{RedirectURIs: []string{"https://a.example/cb"}, OAuth: auth.OAuthSettings{Sector: "b.example"}}},
		"id":        {ID: "id"},
	} {
		if got := sectorOf(c); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
