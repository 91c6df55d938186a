package oauth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// module is one case of the table. Its name is that of the module of the OpenID Foundation's conformance suite that asks
// the same, with what is asked where that module asks several things; else it begins with the specification.
type module struct {
	name string
	ask  func(s *suite) string
	want string
}

// TestConformance asks a running server what the conformance suites of OpenID Connect, FAPI 2.0 and the logout
// specifications ask, the negative cases above all, and holds each answer against the one that is expected. The answers of
// the authorization endpoint are those of suite.told; those of the other endpoints are status and error code.
func TestConformance_OA02_OA03_OA04_OI02_TK01_DP01_PA01_LO01(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		s := furnishSuite(t, i)
		for _, m := range table() {
			t.Run(m.name, func(t *testing.T) {
				one := *s
				one.t = t
				if got := m.ask(&one); got != m.want {
					t.Errorf("%s, not %s", got, m.want)
				}
			})
		}
	}, servertest.Configure(func(c *config.Config) { c.OAuth.Registration = true }))
}

func table() (all []module) {
	for _, list := range [][]module{redirects(), requests(), people(), pushes(), codes(), refreshes(), authentications(), forgeries(), proofs(),
		bearers(), strangers(), logouts()} {
		all = append(all, list...)
	}
	return all
}

// authorize asks in the browser of somebody who is signed in; pairs change a request without a fault.
func authorize(pairs ...string) func(s *suite) string {
	return func(s *suite) string {
		asked := s.request(pairs)
		return s.told(s.ann.Open("/oauth2/authorize?"+asked.Encode(), nil), asked)
	}
}

// unknown asks in the browser of somebody who is not signed in.
func unknown(pairs ...string) func(s *suite) string {
	return func(s *suite) string {
		asked := s.request(pairs)
		return s.told(s.i.Visitor("", "").Open("/oauth2/authorize?"+asked.Encode(), nil), asked)
	}
}

// redirects: nothing is ever sent to where no client registered to be (OA-01, OA-02).
func redirects() []module {
	out := []module{
		{"OIDCCEnsureRedirectUriInAuthorizationRequest", authorize("redirect_uri", ""), "page"},
		{"OIDCCRedirectUriQueryOK", authorize("redirect_uri", rpCallback+"?known=1"), "code"},
		{"OIDCCRedirectUriQueryMismatch", authorize("redirect_uri", rpCallback+"?known=2"), "page"},
		{"OIDCCRedirectUriQueryAdded", authorize("redirect_uri", rpCallback+"?added=1"), "page"},
		{"OIDCCRedirectUriRegFrag", authorize("redirect_uri", rpCallback+"#fragment"), "page"},
		{"RFC 6749: two redirect URIs", authorize("+redirect_uri", rpCallback), "page"},
		{"RFC 6749: no client", authorize("client_id", ""), "page"},
		{"RFC 6749: an unknown client", authorize("client_id", "of-nobody"), "page"},
		{"RFC 6749: two clients", authorize("+client_id", "of-nobody"), "page"},
		{"RFC 8252: a port of the own machine", authorize("client", "native", "redirect_uri", "http://127.0.0.1:49152/back"), "asks"},
		{"RFC 8252: another path of the own machine", authorize("client", "native", "redirect_uri", "http://127.0.0.1:49152/"), "page"},
		{"RFC 8252: a name for the own machine", authorize("client", "native", "redirect_uri", "http://localhost:49152/back"), "page"},
		{"RFC 8252: a port of another host", authorize("redirect_uri", "https://rp.example:444/callback"), "page"},
	}
	for _, uri := range []string{"https://rp.example/callback/", "https://rp.example/Callback", "https://RP.example/callback", "https://rp.example:443/callback",
		"http://rp.example/callback", "https://rp.example/callback/../callback", "https://rp.example/%63allback", "https://rp.example.evil.example/callback",
		"https://rp.example@evil.example/callback", "https://evil.example/callback", "//rp.example/callback", "https://rp.example/callback\t",
		"https://rp.example\\.evil.example/callback", "javascript:alert(1)", "data:text/html,x"} {
		out = append(out, module{"OIDCCEnsureRegisteredRedirectUri " + strings.ReplaceAll(uri, "/", "|"), authorize("redirect_uri", uri), "page"})
	}
	return out
}

// requests: what is wrong with the rest of a request is told to the client, with state and iss (OA-02, OA-03, OA-07).
func requests() []module {
	return []module{
		{"OIDCCServer", authorize(), "code"},
		{"OIDCCEnsurePostRequestSucceeds", func(s *suite) string {
			asked := s.request(nil)
			return s.told(s.ann.Open("/oauth2/authorize", asked), asked)
		}, "code"},
		{"OIDCCEnsureRequestWithoutNonceSucceedsForCodeFlow", authorize("nonce", ""), "code"},
		{"OIDCCEnsureRequestWithUnknownParameterSucceeds", authorize("extra", "foobar"), "code"},
		{"OIDCCEnsureRequestWithAcrValuesSucceeds", authorize("acr_values", "aal1 1 2"), "code"},
		{"OIDCCEnsureOtherScopeOrderSucceeds", authorize("scope", "email openid profile"), "code"},
		{"OIDCCScopeAll", authorize("scope", "openid profile email address phone"), "code"},
		{"OIDCCDisplayPage", authorize("display", "page"), "code"},
		{"OIDCCDisplayPopup", authorize("display", "popup"), "code"},
		{"OIDCCUiLocales", authorize("ui_locales", "se"), "code"},
		{"OIDCCClaimsLocales", authorize("claims_locales", "se"), "code"},
		{"OIDCCClaimsEssential", authorize("claims", `{"userinfo":{"name":{"essential":true}}}`), "code"},
		{"FAPI2SPFinalEnsureAuthorizationRequestWithoutStateSuccess", authorize("state", ""), "code"},
		{"OIDCCResponseTypeMissing", authorize("response_type", ""), "invalid_request"},
		{"OpenID Core: response_type token", authorize("response_type", "token"), "unsupported_response_type"},
		{"OpenID Core: response_type id_token", authorize("response_type", "id_token"), "unsupported_response_type"},
		{"OpenID Core: response_type code id_token", authorize("response_type", "code id_token"), "unsupported_response_type"},
		{"OpenID Core: response_type none", authorize("response_type", "none"), "unsupported_response_type"},
		{"OAuth Form Post", authorize("response_mode", "form_post"), "code"},
		{"OAuth Multiple Response Types: fragment", authorize("response_mode", "fragment"), "code"},
		{"OAuth Multiple Response Types: unknown mode", authorize("response_mode", "smoke"), "invalid_request"},
		{"OIDCCUnsignedRequestObjectSupportedCorrectlyOrRejectedAsUnsupported", authorize("request", "e30.e30."), "request_not_supported"},
		{"OIDCCRequestUriUnsignedSupportedCorrectlyOrRejectedAsUnsupported", authorize("request_uri", "https://rp.example/request"), "request_uri_not_supported"},
		{"FAPI2SPFinalEnsureServerRequiresPkce", authorize("code_challenge", "", "code_challenge_method", ""), "invalid_request"},
		{"RFC 7636: a method without a challenge", authorize("code_challenge", ""), "invalid_request"},
		{"RFC 7636: plain by default", authorize("code_challenge_method", ""), "invalid_request"},
		{"FAPI2SPFinalPlainPkce", authorize("code_challenge_method", "plain"), "invalid_request"},
		{"RFC 7636: an unknown method", authorize("code_challenge_method", "S512"), "invalid_request"},
		{"RFC 7636: a short challenge", authorize("code_challenge", "abc"), "invalid_request"},
		{"RFC 6749: an unknown scope", authorize("scope", "openid everything"), "invalid_scope"},
		{"RFC 8707: an unknown resource", authorize("resource", "https://unknown.example"), "invalid_target"},
		{"RFC 8707: a scope of a resource that is not asked for", authorize("scope", "openid notes.read"), "invalid_scope"},
		{"RFC 8707: a resource with its scope", authorize("scope", "openid notes.read", "resource", notes), "code"},
		{"RFC 6749: scope twice", authorize("+scope", "openid"), "invalid_request"},
		{"RFC 6749: state twice", authorize("+state", "another"), "invalid_request"},
		{"RFC 6749: code_challenge twice", authorize("+code_challenge", "another"), "invalid_request"},
		{"RFC 6749: a grant type that was not registered", authorize("client", "robot"), "unauthorized_client"},
		{"OpenID Core: claims that are no JSON", authorize("claims", "{"), "invalid_request"},
		{"OpenID Core: claims with a member twice", authorize("claims", `{"id_token":{},"id_token":{}}`), "invalid_request"},
		{"OpenID Core: max_age below zero", authorize("max_age", "-1"), "invalid_request"},
		{"OpenID Core: max_age in words", authorize("max_age", "soon"), "invalid_request"},
		{"House: a state of 1,025 bytes", authorize("state", strings.Repeat("s", 1025)), "invalid_request"},
	}
}

// people: who is there, how they proved it, and what they said to whom (OI-02, OA-11, OA-12).
func people() []module {
	return []module{
		{"OIDCCPromptNoneNotLoggedIn", unknown("prompt", "none"), "login_required"},
		{"OIDCCPromptNoneLoggedIn", authorize("prompt", "none"), "code"},
		{"OIDCCPromptLogin", authorize("prompt", "login"), "asks"},
		{"OpenID Core: prompt=consent", authorize("prompt", "consent"), "asks"},
		{"OpenID Core: prompt=select_account", authorize("prompt", "select_account"), "asks"},
		{"OpenID Core: prompt=none with another", authorize("prompt", "none login"), "invalid_request"},
		{"OpenID Core: an unknown prompt", authorize("prompt", "shout"), "invalid_request"},
		{"OpenID Core: nobody is there", unknown(), "asks"},
		{"OIDCCLoginHint", unknown("login_hint", "ann@example.com"), "asks"},
		{"OpenID Core: consent is missing", authorize("client", "asks", "prompt", "none"), "consent_required"},
		{"OpenID Core: consent is asked for", authorize("client", "asks"), "asks"},
		{"OAuth 2.1: a native client never gets in unseen", authorize("client", "native", "prompt", "none"), "consent_required"},
		{"OpenID Core: offline access of a trusted client is asked for", authorize("scope", "openid offline_access", "prompt", "none"), "consent_required"},
		{"OIDCCMaxAge1", func(s *suite) string {
			s.i.Clock.Advance(2 * time.Second)
			return authorize("max_age", "1")(s)
		}, "asks"},
		{"OpenID Core: max_age with prompt=none", authorize("max_age", "1", "prompt", "none"), "login_required"},
		{"OIDCCMaxAge10000", authorize("max_age", "10000"), "code"},
		{"RFC 9470: a class that the person cannot reach, asked for politely", authorize("acr_values", "phr", "prompt", "none"), "code"},
		{"OpenID Core: an essential class that the person cannot reach", authorize("claims", `{"id_token":{"acr":{"essential":true,"values":["phr"]}}}`),
			"unmet_authentication_requirements"},
		{"OIDCCIdTokenHint", hinted(func(s *suite, token string) string { return token }, "prompt", "none"), "code"},
		{"OpenID Core: id_token_hint, expired", hinted(func(s *suite, token string) string {
			s.i.Clock.Advance(2 * time.Hour)
			return token
		}), "code"},
		{"OpenID Core: id_token_hint, altered", hinted(func(_ *suite, token string) string { return token[:len(token)-6] + "AAAAAA" }), "invalid_request"},
		{"OpenID Core: id_token_hint, unsigned", hinted(func(s *suite, token string) string {
			return s.reforged(token, func(h, _ object) { h["alg"] = "none" })
		}), "invalid_request"},
		{"OpenID Core: id_token_hint of another client", hinted(func(_ *suite, token string) string { return token }, "client", "other"), "invalid_request"},
		{"OpenID Core: id_token_hint that is an access token", func(s *suite) string {
			return authorize("id_token_hint", s.accessToken())(s)
		}, "invalid_request"},
		{"OpenID Core: nonce is echoed", func(s *suite) string {
			_, claims := s.read(s.tokens()["id_token"].(string))
			return claims["nonce"].(string)
		}, "n-of-the-table"},
		{"FAPI2SPFinalEnsureAuthorizationRequestWith64CharNonceSuccess", authorize("nonce", strings.Repeat("n", 64)), "code"},
	}
}

// hinted asks with an ID token of the client `shop` as the hint, after something was done to it.
func hinted(alter func(s *suite, token string) string, pairs ...string) func(s *suite) string {
	return func(s *suite) string {
		return authorize(append(pairs, "id_token_hint", alter(s, s.tokens()["id_token"].(string)))...)(s)
	}
}

// pushes: a pushed request is checked at once, of one client, used once, and soon (PA-01).
func pushes() []module {
	push := func(pairs ...string) func(s *suite) string {
		return func(s *suite) string {
			name, pairs := pick(pairs, "as", "pushes")
			return s.send("/oauth2/par", name, s.request(append(pairs, "client", name))).String()
		}
	}
	bring := func(by string, before func(s *suite, uri string), pairs ...string) func(s *suite) string {
		return func(s *suite) string {
			uri := s.send("/oauth2/par", "pushes", s.request([]string{"client", "pushes"})).get("request_uri")
			if before != nil {
				before(s, uri)
			}
			asked := change(url.Values{"client_id": {s.clients[by].id}, "request_uri": {uri}}, pairs)
			return s.told(s.ann.Open("/oauth2/authorize?"+asked.Encode(), nil), s.request(nil))
		}
	}
	use := func(s *suite, uri string) {
		s.ann.Open("/oauth2/authorize?"+url.Values{"client_id": {s.clients["pushes"].id}, "request_uri": {uri}}.Encode(), nil)
	}
	return []module{
		{"FAPI2SPFinal", push(), "201"},
		{"FAPI2SPFinalParWithoutDuplicateParameters", bring("pushes", nil), "code"},
		{"FAPI2SPFinalPARAttemptReuseRequestUri", bring("pushes", use), "page"},
		{"FAPI2SPFinalPARAttemptToUseExpiredRequestUri", bring("pushes", func(s *suite, _ string) { s.i.Clock.Advance(10 * time.Minute) }), "page"},
		{"FAPI2SPFinalPARAttemptToUseRequestUriForDifferentClient", bring("other", nil), "page"},
		{"RFC 9126: what stands beside the name counts for nothing", bring("pushes", nil, "redirect_uri", "https://evil.example/", "scope", "everything"), "code"},
		{"FAPI2SPFinalEnsureUnsignedAuthorizationRequestWithoutUsingParFails", authorize("client", "pushes"), "invalid_request"},
		{"FAPI2SPFinalPARAuthorizationRequestContainingRequestUri", push("request_uri", "urn:ietf:params:oauth:request_uri:x"), "400 invalid_request"},
		{"FAPI2SPFinalPARAttemptInvalidHttpMethod", func(s *suite) string { return s.ask(http.MethodPut, "/oauth2/par", url.Values{}).String() }, "405"},
		{"FAPI2SPFinalPARAttemptInvalidRedirectUri", push("redirect_uri", "https://evil.example/"), "400 invalid_request"},
		{"FAPI2SPFinalPARWithoutPkce", push("code_challenge", ""), "400 invalid_request"},
		{"FAPI2SPFinalPARPlainPkce", push("code_challenge_method", "plain"), "400 invalid_request"},
		{"RFC 9126: an unknown scope", push("scope", "everything"), "400 invalid_scope"},
		{"RFC 9126: nobody pushes", func(s *suite) string {
			return s.ask(http.MethodPost, "/oauth2/par", s.request([]string{"client", "pushes"})).String()
		}, "401 invalid_client"},
		{"RFC 9126: a request of another client", func(s *suite) string {
			return s.send("/oauth2/par", "other", s.request([]string{"client", "pushes"})).String()
		}, "401 invalid_client"},
		{"RFC 9126: an unknown name", authorize("client", "pushes", "request_uri", "urn:ietf:params:oauth:request_uri:"+strings.Repeat("A", 43)), "page"},
	}
}

// codes: a code is bound to client, redirect and challenge, each by itself, and good once (OA-03 to OA-05).
func codes() []module {
	redeem := func(pairs ...string) func(s *suite) string {
		return func(s *suite) string { return s.redeem(pairs...).String() }
	}
	again := func(wait time.Duration) func(s *suite) string {
		return func(s *suite) string {
			code := s.code()
			first := s.redeem("code", code)
			s.i.Clock.Advance(wait)
			second := s.redeem("code", code).String()
			token := first.get("access_token")
			return second + ", then " + s.ask(http.MethodGet, "/oauth2/userinfo", nil, "Authorization", "Bearer "+token).String()
		}
	}
	return []module{
		{"OIDCCServerClientSecretPost", redeem("client", "post"), "200"},
		{"OIDCCAuthCodeReuse", again(0), "400 invalid_grant, then 401 invalid_token"},
		{"OIDCCAuthCodeReuseAfter30Seconds", again(30 * time.Second), "400 invalid_grant, then 401 invalid_token"},
		{"FAPI2SPFinalAttemptToUseExpiredAuthCode", func(s *suite) string {
			code := s.code()
			s.i.Clock.Advance(time.Minute)
			return s.redeem("code", code).String()
		}, "400 invalid_grant"},
		{"FAPI2SPFinalEnsureAuthorizationCodeIsBoundToClient", redeem("as", "other"), "400 invalid_grant"},
		{"OAuth 2.1: a code of a confidential client brought without its secret", func(s *suite) string {
			form := url.Values{"grant_type": {"authorization_code"}, "code": {s.code()}, "redirect_uri": {rpCallback}, "code_verifier": {verifier},
				"client_id": {s.clients["shop"].id}}
			return s.ask(http.MethodPost, "/oauth2/token", form).String()
		}, "401 invalid_client"},
		{"FAPI2SPFinalIncorrectPkceCodeVerifierRejected", redeem("code_verifier", strings.Repeat("x", 43)), "400 invalid_grant"},
		{"FAPI2SPFinalEnsurePKCECodeVerifierRequired", redeem("code_verifier", ""), "400 invalid_grant"},
		{"RFC 7636: a verifier of 42 characters", redeem("code_verifier", strings.Repeat("x", 42)), "400 invalid_grant"},
		{"RFC 7636: a verifier of 129 characters", redeem("code_verifier", strings.Repeat("x", 129)), "400 invalid_grant"},
		{"RFC 7636: the challenge for the verifier", func(s *suite) string {
			sum := sha256.Sum256([]byte(verifier))
			return s.redeem("code_verifier", base64.RawURLEncoding.EncodeToString(sum[:])).String()
		}, "400 invalid_grant"},
		{"RFC 6749: another redirect URI than before", redeem("redirect_uri", rpCallback+"?known=1"), "400 invalid_grant"},
		{"RFC 6749: no redirect URI, though one was there", redeem("redirect_uri", ""), "400 invalid_grant"},
		{"RFC 6749: no code", redeem("code", ""), "400 invalid_request"},
		{"RFC 6749: no code of ours", redeem("code", "of-nobody"), "400 invalid_grant"},
		{"RFC 6749: grant_type twice", redeem("+grant_type", "authorization_code"), "400 invalid_request"},
		{"RFC 6749: no grant_type", redeem("grant_type", ""), "400 invalid_request"},
		{"RFC 6749: an unknown grant_type", redeem("grant_type", "magic"), "400 unsupported_grant_type"},
		{"RFC 9700: the password is no grant", redeem("grant_type", "password", "username", "ann@example.com", "password", phrase), "400 unsupported_grant_type"},
		{"RFC 8707: a resource that was not granted", redeem("+resource", notes), "400 invalid_target"},
		{"RFC 6749: parameters in the address", func(s *suite) string {
			return s.send("/oauth2/token?grant_type=client_credentials", "robot", url.Values{"grant_type": {"client_credentials"}}).String()
		}, "400 invalid_request"},
		{"RFC 6749: GET", func(s *suite) string {
			return s.ask(http.MethodGet, "/oauth2/token?grant_type=client_credentials", nil).String()
		}, "405"},
		{"RFC 6749: JSON", func(s *suite) string {
			return s.send("/oauth2/token", "robot", url.Values{"grant_type": {"client_credentials"}}, "Content-Type", "application/json").String()
		}, "400 invalid_request"},
	}
}

// refreshes: a refresh token is of one client, and one that was stolen ends what it came from (RT-01 to RT-05).
func refreshes() []module {
	refresh := func(s *suite, as, token string, pairs ...string) answered {
		return s.send("/oauth2/token", as, change(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}, pairs))
	}
	return []module{
		{"OIDCCRefreshToken", func(s *suite) string {
			return refresh(s, "shop", s.redeem().get("refresh_token")).String()
		}, "200"},
		{"OIDCCRefreshToken: of another client", func(s *suite) string {
			token := s.redeem().get("refresh_token")
			return refresh(s, "other", token).String() + ", then " + refresh(s, "shop", token).String()
		}, "400 invalid_grant, then 200"},
		{"RFC 6749: more scope than was granted", func(s *suite) string {
			return refresh(s, "shop", s.redeem().get("refresh_token"), "scope", "openid email").String()
		}, "400 invalid_scope"},
		{"RFC 6749: an access token to refresh with", func(s *suite) string { return refresh(s, "shop", s.accessToken()).String() }, "400 invalid_grant"},
		{"RFC 9700: a retry gets the same successor", func(s *suite) string {
			token := s.redeem().get("refresh_token")
			first, second := refresh(s, "shop", token), refresh(s, "shop", token)
			if first.get("refresh_token") != second.get("refresh_token") {
				return "two successors"
			}
			return second.String()
		}, "200"},
		{"RFC 9700: a token from before ends the session", func(s *suite) string {
			first := s.redeem().get("refresh_token")
			second := refresh(s, "shop", first).get("refresh_token")
			third := refresh(s, "shop", second).get("refresh_token")
			s.i.Clock.Advance(3 * time.Minute)
			return refresh(s, "shop", first).String() + ", then " + refresh(s, "shop", third).String()
		}, "400 invalid_grant, then 400 invalid_grant"},
	}
}

// authentications: a client proves who it is by the one way that it registered (OA-08).
func authentications() []module {
	robot := url.Values{"grant_type": {"client_credentials"}}
	as := func(s *suite, form url.Values, headers ...string) string {
		return s.ask(http.MethodPost, "/oauth2/token", form, headers...).String()
	}
	signed := func(alter alter) func(s *suite) string {
		return func(s *suite) string {
			return s.send("/oauth2/token", "signs", change(robot, []string{"client_assertion", s.assertion(alter)})).String()
		}
	}
	return []module{
		{"RFC 6749: client credentials", func(s *suite) string { return s.send("/oauth2/token", "robot", robot).String() }, "200"},
		{"RFC 6749: nobody", func(s *suite) string { return as(s, robot) }, "401 invalid_client"},
		{"RFC 6749: a wrong secret", func(s *suite) string {
			return as(s, robot, "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(s.clients["robot"].id+":wrong")))
		}, "401 invalid_client"},
		{"RFC 6749: two ways at once", func(s *suite) string {
			return s.send("/oauth2/token", "robot", change(robot, []string{"client_id", s.clients["robot"].id, "client_secret", s.clients["robot"].secret})).String()
		}, "400 invalid_request"},
		{"RFC 6749: the secret in the body of a client that registered Basic", func(s *suite) string {
			return as(s, change(robot, []string{"client_id", s.clients["robot"].id, "client_secret", s.clients["robot"].secret}))
		}, "401 invalid_client"},
		{"RFC 6749: two clients at once", func(s *suite) string {
			return s.send("/oauth2/token", "robot", change(robot, []string{"client_id", s.clients["shop"].id})).String()
		}, "401 invalid_client"},
		{"RFC 6749: a public client by itself", func(s *suite) string { return s.send("/oauth2/token", "spa", robot).String() }, "400 unauthorized_client"},
		{"OAuth 2.1: a client that cannot keep a secret asks for a person's scope", func(s *suite) string {
			return s.send("/oauth2/token", "robot", change(robot, []string{"scope", "openid"})).String()
		}, "400 invalid_scope"},
		{"FAPI2SPFinalEnsureClientAssertionWithIssAudSucceeds", signed(nil), "200"},
		{"FAPI2SPFinalEnsureClientAssertionWithNoSubFails", signed(func(_, c object) { c["sub"] = nil }), "401 invalid_client"},
		{"FAPI2SPFinalEnsureClientAssertionWithWrongAudFails", signed(func(_, c object) { c["aud"] = "https://other.example" }), "401 invalid_client"},
		{"RFC 7523: no aud", signed(func(_, c object) { c["aud"] = nil }), "401 invalid_client"},
		{"RFC 7523: a second audience", signed(func(_, c object) { c["aud"] = []any{c["aud"], "https://other.example"} }), "401 invalid_client"},
		{"FAPI2SPFinalEnsureClientAssertionWithExpIs5MinutesInPastFails", signed(func(_, c object) {
			c["exp"], c["iat"] = c["iat"].(int64)-300, c["iat"].(int64)-360
		}), "401 invalid_client"},
		{"RFC 7523: no exp", signed(func(_, c object) { c["exp"] = nil }), "401 invalid_client"},
		{"House: an assertion for a day", signed(func(_, c object) { c["exp"] = c["iat"].(int64) + 86400 }), "401 invalid_client"},
		{"RFC 7523: no jti", signed(func(_, c object) { c["jti"] = nil }), "401 invalid_client"},
		{"RFC 7523: another iss", signed(func(_, c object) { c["iss"] = "of-nobody" }), "401 invalid_client"},
		{"RFC 7523: of the future", signed(func(_, c object) { c["nbf"] = c["iat"].(int64) + 120 }), "401 invalid_client"},
		{"RFC 8725: alg none", signed(func(h, _ object) { h["alg"] = "none" }), "401 invalid_client"},
		{"RFC 8725: alg nOnE", signed(func(h, _ object) { h["alg"] = "nOnE" }), "401 invalid_client"},
		{"RFC 8725: HS256 with a public key", signed(func(h, _ object) { h["alg"] = "HS256" }), "401 invalid_client"},
		{"RFC 8725: an unknown kid", signed(func(h, _ object) { h["kid"] = "../../dev/null" }), "401 invalid_client"},
		{"RFC 8725: a key in the header", func(s *suite) string { return signed(func(h, _ object) { h["jwk"] = s.publicKey() })(s) }, "401 invalid_client"},
		{"RFC 8725: a proof of possession for an assertion", signed(func(h, _ object) { h["typ"] = "dpop+jwt" }), "401 invalid_client"},
		{"FAPI2SPFinalClientAssertionReuse", func(s *suite) string {
			form := change(robot, []string{"client_assertion", s.assertion(nil)})
			return s.send("/oauth2/token", "signs", form).String() + ", then " + s.send("/oauth2/token", "signs", form).String()
		}, "200, then 401 invalid_client"},
		{"RFC 7523: an assertion of another client", func(s *suite) string {
			form := change(robot, []string{"client_id", s.clients["robot"].id})
			return s.send("/oauth2/token", "signs", form).String()
		}, "401 invalid_client"},
	}
}
