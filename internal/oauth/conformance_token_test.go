package oauth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// userinfo asks with an access token, as Bearer.
func userinfo(token func(s *suite) string) func(s *suite) string {
	return func(s *suite) string {
		return s.ask(http.MethodGet, "/oauth2/userinfo", nil, "Authorization", "Bearer "+token(s)).String()
	}
}

// forgeries: the key and algorithm of our own record decide about a token, never its header (TK-01 to TK-05).
func forgeries() []module {
	out := []module{
		{"RFC 9068: an ID token for an access token", userinfo(func(s *suite) string { return s.tokens()["id_token"].(string) }), "401 invalid_token"},
		{"RFC 9068: a refresh token for an access token", userinfo(func(s *suite) string { return s.redeem().get("refresh_token") }), "401 invalid_token"},
		{"RFC 8725: an expired token", userinfo(func(s *suite) string {
			token := s.accessToken()
			s.i.Clock.Advance(16 * time.Minute)
			return token
		}), "401 invalid_token"},
		{"RFC 8725: a cut signature", userinfo(func(s *suite) string { token := s.accessToken(); return token[:len(token)-1] }), "401 invalid_token"},
		{"RFC 8725: no signature", userinfo(func(s *suite) string { token := s.accessToken(); return token[:strings.LastIndex(token, ".")+1] }), "401 invalid_token"},
		{"RFC 8725: five parts", userinfo(func(s *suite) string { return s.accessToken() + ".a.b" }), "401 invalid_token"},
		{"RFC 8725: a thousand dots", userinfo(func(*suite) string { return strings.Repeat(".", 1000) }), "401 invalid_token"},
		{"RFC 9068: for a resource alone", userinfo(func(s *suite) string { return s.accessToken("scope", "notes.read", "resource", notes) }), "403 insufficient_scope"},
	}
	for name, change := range map[string]alter{
		"alg none":                      func(h, _ object) { h["alg"] = "none" },
		"alg NONE":                      func(h, _ object) { h["alg"] = "NONE" },
		"HS256 with the published key":  func(h, _ object) { h["alg"] = "HS256" },
		"our kid over a key of its own": func(_, c object) { c["sub"] = "somebody-else" },
		"an unknown kid":                func(h, _ object) { h["kid"] = "unknown" },
		"no kid":                        func(h, _ object) { h["kid"] = nil },
		"a kid that is a path":          func(h, _ object) { h["kid"] = "../../../../dev/null" },
		"a kid that is SQL":             func(h, _ object) { h["kid"] = "x' OR '1'='1" },
		"jku":                           func(h, _ object) { h["jku"] = "https://evil.example/keys" },
		"x5u":                           func(h, _ object) { h["x5u"] = "https://evil.example/certificate" },
		"an unknown critical header":    func(h, _ object) { h["crit"], h["x"] = []string{"x"}, 1 },
		"zip":                           func(h, _ object) { h["zip"] = "DEF" },
		"another typ":                   func(h, _ object) { h["typ"] = "JWT" },
	} {
		out = append(out, module{"RFC 8725: an access token with " + name, userinfo(func(s *suite) string { return s.reforged(s.accessToken(), change) }), "401 invalid_token"})
	}
	return append(out, module{"RFC 8725: an access token with a key of its own in the header", userinfo(func(s *suite) string {
		return s.reforged(s.accessToken(), func(h, _ object) { h["alg"], h["jwk"] = "ES256", s.publicKey() })
	}), "401 invalid_token"})
}

// proofs: FAPI2SPFinalDpopNegativeTests (DP-01, DP-02).
func proofs() []module {
	robot := url.Values{"grant_type": {"client_credentials"}}
	ask := func(alter func(s *suite) alter) func(s *suite) string {
		return func(s *suite) string {
			var change func(header, claims object)
			if alter != nil {
				change = alter(s)
			}
			return s.send("/oauth2/token", "bound", robot, "DPoP", s.proof(s.nonce(), change)).String()
		}
	}
	plain := func(change alter) func(s *suite) alter { return func(*suite) alter { return change } }
	const bad = "400 invalid_dpop_proof"
	name := func(what string) string { return "FAPI2SPFinalDpopNegativeTests: " + what }
	return []module{
		{"RFC 9449: a proof", ask(nil), "200"},
		{"FAPI2SPFinalEnsureDpopProofWithIat10SecondsBeforeSucceeds", ask(plain(func(_, c object) { c["iat"] = c["iat"].(int64) - 10 })), "200"},
		{"FAPI2SPFinalEnsureDpopProofWithIat10SecondsAfterSucceeds", ask(plain(func(_, c object) { c["iat"] = c["iat"].(int64) + 10 })), "200"},
		{name("no proof"), func(s *suite) string { return s.send("/oauth2/token", "bound", robot).String() }, bad},
		{name("no nonce"), ask(plain(func(_, c object) { c["nonce"] = nil })), "400 use_dpop_nonce"},
		{name("another nonce"), ask(plain(func(_, c object) { c["nonce"] = "of-nobody" })), "400 use_dpop_nonce"},
		{name("an old nonce"), func(s *suite) string {
			nonce := s.nonce()
			s.i.Clock.Advance(time.Hour)
			return s.send("/oauth2/token", "bound", robot, "DPoP", s.proof(nonce, nil)).String()
		}, "400 use_dpop_nonce"},
		{name("another typ"), ask(plain(func(h, _ object) { h["typ"] = "JWT" })), bad},
		{name("no typ"), ask(plain(func(h, _ object) { h["typ"] = nil })), bad},
		{name("alg none"), ask(plain(func(h, _ object) { h["alg"] = "none" })), bad},
		{name("alg HS256"), ask(plain(func(h, _ object) { h["alg"] = "HS256" })), bad},
		{name("no key"), ask(plain(func(h, _ object) { h["jwk"] = nil })), bad},
		{name("a private key"), ask(func(s *suite) alter {
			return func(h, _ object) {
				key := s.publicKey()
				private, err := s.key.Bytes()
				s.must(err)
				key["d"] = base64.RawURLEncoding.EncodeToString(private)
				h["jwk"] = key
			}
		}), bad},
		{name("another key than its signature's"), ask(plain(func(h, _ object) {
			h["jwk"] = object{"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
		})), bad},
		{name("another htm"), ask(plain(func(_, c object) { c["htm"] = "GET" })), bad},
		{name("no htm"), ask(plain(func(_, c object) { c["htm"] = nil })), bad},
		{name("another htu"), ask(plain(func(_, c object) { c["htu"] = "https://other.example/oauth2/token" })), bad},
		{name("htu of another endpoint"), ask(plain(func(_, c object) { c["htu"] = strings.Replace(c["htu"].(string), "token", "userinfo", 1) })), bad},
		{name("no htu"), ask(plain(func(_, c object) { c["htu"] = nil })), bad},
		{name("no iat"), ask(plain(func(_, c object) { c["iat"] = nil })), bad},
		{name("an old iat"), ask(plain(func(_, c object) { c["iat"] = c["iat"].(int64) - 600 })), bad},
		{name("iat of the future"), ask(plain(func(_, c object) { c["iat"] = c["iat"].(int64) + 600 })), bad},
		{name("no jti"), ask(plain(func(_, c object) { c["jti"] = nil })), bad},
		{name("the same proof again"), func(s *suite) string {
			proof := s.proof(s.nonce(), nil)
			return s.send("/oauth2/token", "bound", robot, "DPoP", proof).String() + ", then " + s.send("/oauth2/token", "bound", robot, "DPoP", proof).String()
		}, "200, then " + bad},
		{"FAPI2SPFinalEnsureHolderOfKeyRequired", func(s *suite) string { return s.redeem("client", "bound").String() }, bad},
		{"RFC 9449: a bound token as Bearer", userinfo(func(s *suite) string { return s.boundToken() }), "401 invalid_token"},
		{"RFC 9449: a bound token without its proof", func(s *suite) string {
			return s.ask(http.MethodGet, "/oauth2/userinfo", nil, "Authorization", "DPoP "+s.boundToken()).String()
		}, "401 invalid_dpop_proof"},
		{"RFC 9449: the proof of another token", func(s *suite) string { return s.present(s.boundToken(), "of-nobody", "DPoP") }, "401 invalid_dpop_proof"},
		{"RFC 9449: a bound token with its proof", func(s *suite) string {
			token := s.boundToken()
			return s.present(token, token, "DPoP")
		}, "200"},
		{"FAPI2SPFinalAccessTokenTypeHeaderCaseSensitivity", func(s *suite) string {
			token := s.boundToken()
			return s.present(token, token, "dPoP")
		}, "200"},
		{"RFC 9449: a token that is not bound, with a proof", func(s *suite) string {
			token := s.accessToken()
			return s.present(token, token, "DPoP")
		}, "401 invalid_token"},
		{"FAPI2SPFinalEnsureMismatchedDpopJktFails", func(s *suite) string {
			code := s.code("client", "bound", "dpop_jkt", strings.Repeat("A", 43))
			form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {rpCallback}, "code_verifier": {verifier}}
			return s.send("/oauth2/token", "bound", form, "DPoP", s.proof(s.nonce(), nil)).String()
		}, bad},
	}
}

// boundToken is an access token that is bound to the table's key.
func (s *suite) boundToken() string {
	s.t.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {s.code("client", "bound")}, "redirect_uri": {rpCallback}, "code_verifier": {verifier}}
	got := s.send("/oauth2/token", "bound", form, "DPoP", s.proof(s.nonce(), nil))
	if got.get("token_type") != "DPoP" {
		s.t.Fatalf("no bound token: %s %s", got, got.text)
	}
	return got.get("access_token")
}

// present shows a token at userinfo with a proof of the table's key for the token that the proof names.
func (s *suite) present(token, named, scheme string) string {
	sum := sha256.Sum256([]byte(named))
	proof := s.proof(s.nonce(), func(_, c object) {
		c["htm"], c["htu"], c["ath"] = "GET", s.i.URL+"/oauth2/userinfo", base64.RawURLEncoding.EncodeToString(sum[:])
	})
	return s.ask(http.MethodGet, "/oauth2/userinfo", nil, "Authorization", scheme+" "+token, "DPoP", proof).String()
}

// bearers: how an access token is brought (OI-03, MD-03).
func bearers() []module {
	return []module{
		{"OIDCCUserInfoGet", userinfo(func(s *suite) string { return s.accessToken() }), "200"},
		{"OIDCCUserInfoPostHeader", func(s *suite) string {
			return s.ask(http.MethodPost, "/oauth2/userinfo", url.Values{}, "Authorization", "Bearer "+s.accessToken()).String()
		}, "200"},
		{"OIDCCUserInfoPostBody", func(s *suite) string {
			return s.ask(http.MethodPost, "/oauth2/userinfo", url.Values{"access_token": {s.accessToken()}}).String()
		}, "200"},
		{"RFC 6750: in two places", func(s *suite) string {
			token := s.accessToken()
			return s.ask(http.MethodPost, "/oauth2/userinfo", url.Values{"access_token": {token}}, "Authorization", "Bearer "+token).String()
		}, "400 invalid_request"},
		{"RFC 6750: in the address", func(s *suite) string {
			return s.ask(http.MethodGet, "/oauth2/userinfo?access_token="+s.accessToken(), nil).String()
		}, "400 invalid_request"},
		{"RFC 6750: none, so no error either", func(s *suite) string { return s.ask(http.MethodGet, "/oauth2/userinfo", nil).String() }, "401"},
		{"RFC 6750: without openid", userinfo(func(s *suite) string { return s.accessToken("scope", "email") }), "403 insufficient_scope"},
		{"OpenID Core: of a client alone", userinfo(func(s *suite) string {
			return s.send("/oauth2/token", "robot", url.Values{"grant_type": {"client_credentials"}}).get("access_token")
		}), "403 insufficient_scope"},
	}
}

// strangers: what a client may learn of, end or trade (IR-01, IR-02, TX-01, DV-01, CR-01).
func strangers() []module {
	about := func(path, as string, token func(s *suite) string) func(s *suite) string {
		return func(s *suite) string {
			got := s.send(path, as, url.Values{"token": {token(s)}})
			return strings.TrimSpace(got.String() + " " + got.text)
		}
	}
	mine := func(s *suite) string { return s.accessToken() }
	nobodys := func(*suite) string { return "of-nobody" }
	const inactive = `200 {"active":false}`
	return []module{
		{"RFC 7662: of another client", about("/oauth2/introspect", "other", mine), inactive},
		{"RFC 7662: of nobody", about("/oauth2/introspect", "shop", nobodys), inactive},
		{"RFC 7662: by nobody", func(s *suite) string {
			return s.ask(http.MethodPost, "/oauth2/introspect", url.Values{"token": {"x"}}).String()
		}, "401 invalid_client"},
		{"RFC 7662: by a public client", func(s *suite) string {
			return s.send("/oauth2/introspect", "spa", url.Values{"token": {mine(s)}}).String()
		}, "401 invalid_client"},
		{"RFC 7662: no token", func(s *suite) string { return s.send("/oauth2/introspect", "shop", url.Values{}).String() }, "400 invalid_request"},
		{"RFC 7009: of nobody", about("/oauth2/revoke", "shop", nobodys), "200"},
		{"RFC 7009: of another client, which lives on", func(s *suite) string {
			token := s.accessToken()
			s.send("/oauth2/revoke", "other", url.Values{"token": {token}})
			return userinfo(func(*suite) string { return token })(s)
		}, "200"},
		{"RFC 7009: the refresh token ends the access token", func(s *suite) string {
			got := s.redeem()
			s.send("/oauth2/revoke", "shop", url.Values{"token": {got.get("refresh_token")}})
			return userinfo(func(*suite) string { return got.get("access_token") })(s)
		}, "401 invalid_token"},
		{"RFC 7009: by a public client", func(s *suite) string {
			got := s.redeem("client", "spa")
			return s.send("/oauth2/revoke", "spa", url.Values{"token": {got.get("refresh_token")}}).String()
		}, "200"},
		{"RFC 8693: of a client that did not register it", func(s *suite) string { return s.trade("shop", s.accessToken(), "access_token") }, "400 unauthorized_client"},
		{"RFC 8693: an ID token", func(s *suite) string { return s.trade("trades", s.tokens()["id_token"].(string), "id_token") }, "400 invalid_request"},
		{"RFC 8693: an ID token as an access token", func(s *suite) string { return s.trade("trades", s.tokens()["id_token"].(string), "access_token") }, "400 invalid_request"},
		{"RFC 8693: a refresh token as an access token", func(s *suite) string { return s.trade("trades", s.redeem().get("refresh_token"), "access_token") }, "400 invalid_request"},
		{"RFC 8628: not yet", func(s *suite) string { return s.poll() }, "400 authorization_pending"},
		{"RFC 8628: too soon", func(s *suite) string { return s.poll(0) }, "400 slow_down"},
		{"RFC 8628: too late", func(s *suite) string { return s.poll(time.Hour) }, "400 expired_token"},
		{"RFC 8628: of nobody", func(s *suite) string {
			return s.send("/oauth2/token", "device", url.Values{"grant_type": {auth.GrantDeviceCode}, "device_code": {"of-nobody"}}).String()
		}, "400 invalid_grant"},
		{"RFC 8628: of a client that did not register it", func(s *suite) string {
			return s.send("/oauth2/device_authorization", "shop", url.Values{"scope": {"openid"}}).String()
		}, "400 unauthorized_client"},
		{"RFC 7591: without an initial token", func(s *suite) string {
			return s.ask(http.MethodPost, "/oauth2/register", nil, "Content-Type", "application/json").String()
		}, "401 invalid_token"},
	}
}

// trade exchanges a token of a person.
func (s *suite) trade(as, token, kind string) string {
	return s.send("/oauth2/token", as, url.Values{"grant_type": {auth.GrantTokenExchange}, "subject_token": {token},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:" + kind}}).String()
}

// poll begins a device authorization, asks for its tokens, and again after each wait.
func (s *suite) poll(waits ...time.Duration) string {
	begun := s.send("/oauth2/device_authorization", "device", url.Values{"scope": {"openid"}})
	form := url.Values{"grant_type": {auth.GrantDeviceCode}, "device_code": {begun.get("device_code")}}
	got := s.send("/oauth2/token", "device", form)
	for _, wait := range waits {
		s.i.Clock.Advance(wait)
		got = s.send("/oauth2/token", "device", form)
	}
	return got.String()
}

// logouts: who signs out, and where they are sent (LO-01, LO-02). Each has a browser of its own.
func logouts() []module {
	leave := func(query func(s *suite, hint string) url.Values) func(s *suite) string {
		return func(s *suite) string {
			own := *s
			own.ann = s.i.Visitor("ann@example.com", phrase)
			own.ann.Go("/sign-in")
			hint, _ := own.tokens()["id_token"].(string)
			page := own.ann.Go("/oauth2/logout?"+query(&own, hint).Encode(), "yes")
			if page.Away == nil {
				return "page"
			}
			return page.Away.String()
		}
	}
	with := func(pairs ...string) func(s *suite, hint string) url.Values {
		return func(_ *suite, hint string) url.Values {
			return change(url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {rpHome}, "state": {"s 1"}}, pairs)
		}
	}
	altered := func(change func(s *suite, hint string) string) func(s *suite, hint string) url.Values {
		return func(s *suite, hint string) url.Values { return with("id_token_hint", change(s, hint))(s, hint) }
	}
	return []module{
		{"OIDCCRpInitiatedLogout", leave(with()), rpHome + "?state=s+1"},
		{"OIDCCRpInitiatedLogoutNoState", leave(with("state", "")), rpHome},
		{"OIDCCRpInitiatedLogoutNoParams", leave(func(*suite, string) url.Values { return nil }), "page"},
		{"OIDCCRpInitiatedLogoutOnlyState", leave(func(*suite, string) url.Values { return url.Values{"state": {"s"}} }), "page"},
		{"OIDCCRpInitiatedLogoutNoPostLogoutRedirectUri", leave(with("post_logout_redirect_uri", "")), "page"},
		{"OIDCCRpInitiatedLogoutNoIdTokenHint", leave(with("id_token_hint", "")), "page"},
		{"OIDCCRpInitiatedLogoutBadIdTokenHint", leave(with("id_token_hint", "of-nobody")), "page"},
		{"OIDCCRpInitiatedLogoutModifiedIdTokenHint", leave(altered(func(s *suite, hint string) string {
			header, claims, _ := strings.Cut(hint, ".")
			return header + "." + strings.Replace(claims, ".", "A.", 1)
		})), "page"},
		{"OpenID RP-Initiated Logout: a hint without a signature", leave(altered(func(s *suite, hint string) string {
			return s.reforged(hint, func(h, _ object) { h["alg"] = "none" })
		})), "page"},
		{"OpenID RP-Initiated Logout: an old hint", leave(func(s *suite, hint string) url.Values {
			s.i.Clock.Advance(3 * time.Hour)
			return with()(s, hint)
		}), rpHome + "?state=s+1"},
		{"OIDCCRpInitiatedLogoutBadLogoutRedirectUri", leave(with("post_logout_redirect_uri", "https://evil.example/")), "page"},
		{"OIDCCRpInitiatedLogoutQueryAddedToLogoutRedirectUri", leave(with("post_logout_redirect_uri", rpHome+"?added=1")), "page"},
		{"OpenID RP-Initiated Logout: a redirect URI of sign-ins", leave(with("post_logout_redirect_uri", rpCallback)), "page"},
	}
}
