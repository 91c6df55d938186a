package federation

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// The truth table of silent linking, the provider's side: who says what about which address (FD-02).
func TestAuthority_FD02(t *testing.T) {
	provider := func(kind auth.ProviderKind, change ...func(*auth.ProviderSettings)) auth.Provider {
		p := auth.Provider{Kind: kind}
		fill(&p.Settings, kind)
		for _, c := range change {
			c(&p.Settings)
		}
		return p
	}
	elsewhere := func(s *auth.ProviderSettings) { s.Issuer = "https://evil.test" }
	listed := func(s *auth.ProviderSettings) { s.Domains = []string{"corp.example"} }
	yes, no := "verified", "not verified"
	for name, test := range map[string]struct {
		p             auth.Provider
		c             claims
		verified      string
		authoritative bool
	}{
		"google, gmail":             {provider(auth.ProviderGoogle), claims{"email": "jo@gmail.com", "email_verified": true}, yes, true},
		"google, gmail, the word":   {provider(auth.ProviderGoogle), claims{"email": "jo@GMail.com", "email_verified": "true"}, yes, true},
		"google, not verified":      {provider(auth.ProviderGoogle), claims{"email": "jo@gmail.com", "email_verified": "false"}, no, true},
		"google, no word":           {provider(auth.ProviderGoogle), claims{"email": "jo@gmail.com"}, no, true},
		"google, foreign":           {provider(auth.ProviderGoogle), claims{"email": "jo@corp.example", "email_verified": true}, yes, false},
		"google, hosted":            {provider(auth.ProviderGoogle), claims{"email": "jo@corp.example", "email_verified": true, "hd": "corp.example"}, yes, true},
		"google, hosted elsewhere":  {provider(auth.ProviderGoogle), claims{"email": "jo@corp.example", "email_verified": true, "hd": "other.example"}, yes, false},
		"google, hd of no text":     {provider(auth.ProviderGoogle), claims{"email": "jo@corp.example", "email_verified": true, "hd": true}, yes, false},
		"not google at all":         {provider(auth.ProviderGoogle, elsewhere), claims{"email": "jo@gmail.com", "email_verified": true, "hd": "gmail.com"}, yes, false},
		"microsoft":                 {provider(auth.ProviderMicrosoft), claims{"email": "jo@corp.example", "email_verified": true}, no, false},
		"microsoft, proven":         {provider(auth.ProviderMicrosoft), claims{"email": "jo@corp.example", "xms_edov": true}, yes, true},
		"microsoft, not proven":     {provider(auth.ProviderMicrosoft, listed), claims{"email": "jo@corp.example", "xms_edov": float64(0)}, no, true},
		"apple, relay":              {provider(auth.ProviderApple), claims{"email": "x@privaterelay.appleid.com", "email_verified": "true"}, yes, true},
		"apple, foreign":            {provider(auth.ProviderApple), claims{"email": "jo@corp.example", "email_verified": true}, yes, false},
		"gitlab":                    {provider(auth.ProviderGitLab), claims{"email": "jo@gmail.com", "email_verified": true}, yes, false},
		"facebook":                  {provider(auth.ProviderFacebook, listed), claims{"id": "7", "email": "jo@corp.example", "verified": true, "email_verified": true}, no, true},
		"discord":                   {provider(auth.ProviderDiscord), claims{"id": "7", "email": "jo@gmail.com", "verified": true}, yes, false},
		"any, listed":               {provider(auth.ProviderOIDC, listed), claims{"email": "jo@Corp.Example", "email_verified": true}, yes, true},
		"any, not listed":           {provider(auth.ProviderOIDC, listed), claims{"email": "jo@sub.corp.example", "email_verified": true}, yes, false},
		"any, two at signs (FD-08)": {provider(auth.ProviderOIDC, listed), claims{"email": "a@evil.test@corp.example", "email_verified": true}, no, false},
		"any, quoted (FD-08)":       {provider(auth.ProviderOIDC, listed), claims{"email": `"a@corp.example"@evil.test`, "email_verified": true}, no, false},
		"any, dot (FD-08)":          {provider(auth.ProviderOIDC, listed), claims{"email": "a@corp.example.", "email_verified": true}, no, false},
		"any, wide (FD-08)":         {provider(auth.ProviderOIDC, listed), claims{"email": "a@ｃorp.example", "email_verified": true}, no, false},
		"any, a number":             {provider(auth.ProviderOIDC, listed), claims{"email": "jo@corp.example", "email_verified": 1}, no, true},
		"any, no address":           {provider(auth.ProviderOIDC, listed), claims{"email_verified": true}, no, false},
	} {
		t.Run(name, func(t *testing.T) {
			mapping := test.p.Settings.Claims
			if test.p.Kind.OpenID() {
				mapping = standardClaims
			}
			test.c["sub"] = "7"
			up, ok := test.c.upstream(mapping)
			authority(test.p, test.c, &up)
			if !ok || up.EmailVerified != (test.verified == yes) || up.Authoritative != test.authoritative {
				t.Errorf("%+v", up)
			}
			if up.SilentlyLinks() != (test.verified == yes && test.authoritative) {
				t.Error("links silently without both")
			}
		})
	}
}

func TestHostedDomain_FD08(t *testing.T) {
	p := auth.Provider{Kind: auth.ProviderGoogle, Settings: auth.ProviderSettings{HostedDomain: "corp.example"}}
	for name, c := range map[string]claims{"none": {}, "other": {"hd": "evil.test"}, "address alone": {"email": "jo@corp.example"}, "sub": {"hd": "a.corp.example"}, "type": {"hd": []any{"corp.example"}}} {
		if admitted(p, c) {
			t.Errorf("%s is let in", name)
		}
	}
	if !admitted(p, claims{"hd": "Corp.Example"}) {
		t.Error("the organisation itself is kept out")
	}
}

func TestGitHubsAddresses(t *testing.T) {
	for body, want := range map[string]string{
		`[{"email":"a@x.test","primary":false,"verified":true},{"email":"b@x.test","primary":true,"verified":true}]`: "b@x.test true",
		`[{"email":"b@x.test","primary":true,"verified":false}]`:                                                     "b@x.test false",
		`[{"email":"a@x.test","primary":false,"verified":true}]`:                                                     " false",
		`[{"email":"no address","primary":true,"verified":true}]`:                                                    " false",
		`{"message":"Not Found"}`: " false", ``: " false", `[]`: " false",
	} {
		address, verified := primaryEmail([]byte(body))
		if got := address + map[bool]string{true: " true", false: " false"}[verified]; got != want {
			t.Errorf("%s: %s", body, got)
		}
	}
}

func TestAppleName(t *testing.T) {
	if given, family := appleName(`{"name":{"firstName":"Jo\u0000","lastName":"Doe"},"email":"boss@corp.example"}`); given != "Jo" || family != "Doe" {
		t.Errorf("%q %q", given, family)
	}
	for _, form := range []string{"", "{", `{"name":[]}`, `{"name":{"firstName":7}}`, `{"name":{"firstName":"` + strings.Repeat("x", 5000) + `"}}`} {
		if given, family := appleName(form); given+family != "" {
			t.Errorf("%.20q: %q %q", form, given, family)
		}
	}
}

func TestPathsOfClaims(t *testing.T) {
	c, err := readClaims([]byte(`{"id":9007199254740993,"a":{"b":[{"c":"deep"}],"d.e":"x"},"a.b":"dotted","real":1.5,"neg":-1,"empty":""}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := c.subject("id"); !ok || got != "9007199254740993" {
		t.Errorf("%q: an id was rounded", got)
	}
	for _, path := range []string{"real", "empty", "none", "a", "a.b.1.c", "a.b.-1.c", "a.b.x", ""} {
		if got, ok := c.subject(path); ok {
			t.Errorf("%s is the subject %q", path, got)
		}
	}
	if c.text("a.b") != "dotted" || c.text("a.b.0.c") != "deep" || c.text("a.d.e") != "" {
		t.Errorf("%q %q", c.text("a.b"), c.text("a.b.0.c"))
	}
	for _, body := range []string{"", "[]", "null", "7", `{} {}`, `{"a":1`, `{"a":}`} {
		if _, err := readClaims([]byte(body)); err == nil {
			t.Errorf("%q is an object", body)
		}
	}
}

// Whatever a user endpoint answers, what is kept is bounded and clean (FD-10), and what is no address is none.
func FuzzClaims_FD10(f *testing.F) {
	f.Add([]byte(`{"sub":"jo","email":"jo@example.com","email_verified":"true","name":"Jo \u202e","locale":"de_DE","picture":"https://a.test/x"}`), "sub")
	f.Add([]byte(`{"id":12345678901234567890,"a":[{"b":1}]}`), "a.0.b")
	f.Add([]byte(`{"sub":{"sub":"x"}}`), "sub.sub")
	f.Fuzz(func(t *testing.T, body []byte, path string) {
		c, err := readClaims(body)
		if err != nil {
			return
		}
		mapping := standardClaims
		mapping.Subject, mapping.Name = path, path
		up, ok := c.upstream(mapping)
		if ok && up.Subject == "" {
			t.Error("a subject of nothing")
		}
		if ok && (len(up.Subject) > maxSubject || strings.ContainsRune(up.Subject, 0) || !utf8.ValidString(up.Subject)) {
			t.Errorf("subject %q", up.Subject)
		}
		for _, text := range []string{up.Name, up.GivenName, up.FamilyName, up.Username, up.Locale, up.Picture} {
			if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) || len(text) > maxURL {
				t.Errorf("%q is kept", text)
			}
		}
		if _, err := auth.CanonicalEmail(up.Email); up.Email != "" && err != nil || up.Email == "" && up.EmailVerified {
			t.Errorf("%+v", up)
		}
		if up.Picture != "" && !strings.HasPrefix(up.Picture, "https://") {
			t.Errorf("picture %q", up.Picture)
		}
	})
}

func FuzzPublishedKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AAAA"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, err := readKeys(body)
		if (err == nil) != (len(keys) > 0) {
			t.Errorf("%d keys, %v", len(keys), err)
		}
		for _, k := range keys {
			if !k.IsPublic() {
				t.Error("a key that is no public one")
			}
		}
	})
}

func FuzzDiscovery(f *testing.F) {
	f.Add([]byte(`{"issuer":"https://a.test","authorization_endpoint":"https://a.test/a","token_endpoint":"https://a.test/t","jwks_uri":"https://a.test/k"}`))
	p := auth.Provider{Kind: auth.ProviderOIDC, Settings: auth.ProviderSettings{Issuer: "https://a.test"}}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := readMetadata(p, body)
		if err != nil {
			return
		}
		for _, target := range []string{m.AuthorizationEndpoint, m.TokenEndpoint, m.JWKSURI} {
			if m.Issuer != "https://a.test" || !strings.HasPrefix(strings.ToLower(target), "https:") {
				t.Errorf("%+v", m)
			}
		}
	})
}

func FuzzAppleName(f *testing.F) {
	f.Add(`{"name":{"firstName":"Jo","lastName":"Doe"}}`)
	f.Fuzz(func(t *testing.T, form string) {
		given, family := appleName(form)
		if utf8.RuneCountInString(given) > maxText || utf8.RuneCountInString(family) > maxText || strings.ContainsFunc(given+family, unicode.IsControl) {
			t.Errorf("%q %q", given, family)
		}
	})
}
