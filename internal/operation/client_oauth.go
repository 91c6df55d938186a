package operation

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// ClientOAuth is what an OAuth client registered, by the names of RFC 7591 where it has one.
type ClientOAuth struct {
	AuthMethod             string            `json:"token_endpoint_auth_method,omitempty"`
	ApplicationType        string            `json:"application_type,omitempty"`
	GrantTypes             []string          `json:"grant_types"`
	Scopes                 []string          `json:"scopes"`
	DefaultScopes          []string          `json:"default_scopes"`
	Resources              []string          `json:"resources"`
	JWKSURI                string            `json:"jwks_uri,omitempty"`
	TokenFormat            string            `json:"access_token_format,omitempty"`
	IDTokenAlg             string            `json:"id_token_signed_response_alg,omitempty"`
	UserinfoAlg            string            `json:"userinfo_signed_response_alg,omitempty"`
	SubjectType            string            `json:"subject_type,omitempty"`
	Sector                 string            `json:"sector,omitempty"`
	RequirePAR             bool              `json:"require_pushed_authorization_requests"`
	DPoPBound              bool              `json:"dpop_bound_access_tokens"`
	Consent                string            `json:"consent,omitempty"`
	ResponseModes          []string          `json:"response_modes"`
	PostLogoutRedirectURIs []string          `json:"post_logout_redirect_uris"`
	BackchannelLogoutURI   string            `json:"backchannel_logout_uri,omitempty"`
	FrontchannelLogoutURI  string            `json:"frontchannel_logout_uri,omitempty"`
	ClientURI              string            `json:"client_uri,omitempty"`
	LogoURI                string            `json:"logo_uri,omitempty"`
	PolicyURI              string            `json:"policy_uri,omitempty"`
	TOSURI                 string            `json:"tos_uri,omitempty"`
	JWKS                   map[string]any    `json:"jwks,omitempty"`
	Claims                 map[string]string `json:"claims"`            // CEL expressions
	AssertionIssuers       map[string]any    `json:"assertion_issuers"` // by issuer: jwks or jwks_uri, subject
	MetadataURL            string            `json:"metadata_url,omitempty"`
	Dynamic                bool              `json:"dynamic"`
}

// NewClient is a client with its secret, which is shown this once.
type NewClient struct {
	Client
	Secret string `json:"client_secret,omitempty"`
}

func oauthView(o auth.OAuthSettings) ClientOAuth {
	out := ClientOAuth{
		AuthMethod:             string(o.AuthMethod),
		ApplicationType:        o.ApplicationType,
		GrantTypes:             some(o.GrantTypes),
		Scopes:                 some(o.Scopes),
		DefaultScopes:          some(o.DefaultScopes),
		Resources:              some(o.Resources),
		JWKSURI:                o.JWKSURI,
		TokenFormat:            o.TokenFormat,
		IDTokenAlg:             o.IDTokenAlg,
		UserinfoAlg:            o.UserinfoAlg,
		SubjectType:            o.SubjectType,
		Sector:                 o.Sector,
		RequirePAR:             o.RequirePAR,
		DPoPBound:              o.DPoPBound,
		Consent:                string(o.Consent),
		ResponseModes:          some(o.ResponseModes),
		PostLogoutRedirectURIs: some(o.PostLogoutRedirectURIs),
		BackchannelLogoutURI:   o.BackchannelLogoutURI,
		FrontchannelLogoutURI:  o.FrontchannelLogoutURI,
		ClientURI:              o.ClientURI,
		LogoURI:                o.LogoURI,
		PolicyURI:              o.PolicyURI,
		TOSURI:                 o.TOSURI,
		Claims:                 o.Claims, AssertionIssuers: map[string]any{}, MetadataURL: o.MetadataURL, Dynamic: o.Dynamic,
	}
	if out.Claims == nil {
		out.Claims = map[string]string{}
	}
	out.JWKS = object(o.JWKS)
	for _, i := range o.AssertionIssuers {
		one := map[string]any{}
		if i.Subject != "" {
			one["subject"] = i.Subject
		}
		if i.JWKSURI != "" {
			one["jwks_uri"] = i.JWKSURI
		} else {
			one["jwks"] = object(i.JWKS)
		}
		out.AssertionIssuers[i.Issuer] = one
	}
	return out
}

// object is a JSON object that was checked when it was stored; nil for none.
func object(text json.RawMessage) (out map[string]any) {
	if json.Unmarshal(text, &out) != nil {
		return nil
	}
	return out
}

// ClientOAuthChange is what may be set of an OAuth client; null puts back the default.
type ClientOAuthChange struct {
	AuthMethod             Optional[string]         `input:"token_endpoint_auth_method"`
	ApplicationType        Optional[string]         `input:"application_type"`
	GrantTypes             Optional[[]string]       `input:"grant_types"`
	Scopes                 Optional[[]string]       `input:"scopes"`
	DefaultScopes          Optional[[]string]       `input:"default_scopes"`
	Resources              Optional[[]string]       `input:"resources"`
	JWKSURI                Optional[string]         `input:"jwks_uri"`
	TokenFormat            Optional[string]         `input:"access_token_format"`
	IDTokenAlg             Optional[string]         `input:"id_token_signed_response_alg"`
	UserinfoAlg            Optional[string]         `input:"userinfo_signed_response_alg"`
	SubjectType            Optional[string]         `input:"subject_type"`
	Sector                 Optional[string]         `input:"sector"`
	RequirePAR             Optional[bool]           `input:"require_pushed_authorization_requests"`
	DPoPBound              Optional[bool]           `input:"dpop_bound_access_tokens"`
	Consent                Optional[string]         `input:"consent"`
	ResponseModes          Optional[[]string]       `input:"response_modes"`
	PostLogoutRedirectURIs Optional[[]string]       `input:"post_logout_redirect_uris"`
	BackchannelLogoutURI   Optional[string]         `input:"backchannel_logout_uri"`
	FrontchannelLogoutURI  Optional[string]         `input:"frontchannel_logout_uri"`
	ClientURI              Optional[string]         `input:"client_uri"`
	LogoURI                Optional[string]         `input:"logo_uri"`
	PolicyURI              Optional[string]         `input:"policy_uri"`
	TOSURI                 Optional[string]         `input:"tos_uri"`
	JWKS                   Optional[map[string]any] `input:"jwks"`
	Claims                 Optional[map[string]any] `input:"claims"`            // merged; a null member clears it
	AssertionIssuers       Optional[map[string]any] `input:"assertion_issuers"` // merged; a null member clears it
}

// edit is the change of the settings. Code: invalid-request (jwks, claims, assertion_issuers).
func (in *ClientOAuthChange) edit() (func(*auth.OAuthSettings), error) {
	jwks, err := json.Marshal(in.JWKS.Value)
	if err != nil {
		return nil, auth.Invalid("jwks", auth.ViolationInvalid, "It is a JSON Web Key Set.")
	}
	claims, err := textChanges("claims", in.Claims)
	if err != nil {
		return nil, err
	}
	issuers, err := issuerChanges(in.AssertionIssuers)
	if err != nil {
		return nil, err
	}
	return func(o *auth.OAuthSettings) {
		in.plain(o)
		if in.JWKS.Present {
			if o.JWKS = jwks; in.JWKS.Null {
				o.JWKS = nil
			}
		}
		o.Claims = claims(o.Claims)
		o.AssertionIssuers = issuers(o.AssertionIssuers)
	}, nil
}

func (in *ClientOAuthChange) plain(o *auth.OAuthSettings) {
	setTo((*string)(&o.AuthMethod), in.AuthMethod)
	setTo(&o.ApplicationType, in.ApplicationType)
	setTo(&o.GrantTypes, in.GrantTypes)
	setTo(&o.Scopes, in.Scopes)
	setTo(&o.DefaultScopes, in.DefaultScopes)
	setTo(&o.Resources, in.Resources)
	setTo(&o.JWKSURI, in.JWKSURI)
	setTo(&o.TokenFormat, in.TokenFormat)
	setTo(&o.IDTokenAlg, in.IDTokenAlg)
	setTo(&o.UserinfoAlg, in.UserinfoAlg)
	setTo(&o.SubjectType, in.SubjectType)
	setTo(&o.Sector, in.Sector)
	setTo(&o.RequirePAR, in.RequirePAR)
	setTo(&o.DPoPBound, in.DPoPBound)
	setTo((*string)(&o.Consent), in.Consent)
	setTo(&o.ResponseModes, in.ResponseModes)
	setTo(&o.PostLogoutRedirectURIs, in.PostLogoutRedirectURIs)
	setTo(&o.BackchannelLogoutURI, in.BackchannelLogoutURI)
	setTo(&o.FrontchannelLogoutURI, in.FrontchannelLogoutURI)
	setTo(&o.ClientURI, in.ClientURI)
	setTo(&o.LogoURI, in.LogoURI)
	setTo(&o.PolicyURI, in.PolicyURI)
	setTo(&o.TOSURI, in.TOSURI)
}

// textChanges checks the members of a map of texts and answers what they make of one; a null member clears it.
func textChanges(name string, in Optional[map[string]any]) (func(map[string]string) map[string]string, error) {
	for _, value := range in.Value {
		if _, isText := value.(string); !isText && value != nil {
			return nil, auth.Invalid(name, auth.ViolationType, "The members are texts.")
		}
	}
	return func(before map[string]string) map[string]string {
		if !in.Present {
			return before
		}
		out := map[string]string{}
		if !in.Null {
			maps.Copy(out, before)
		}
		for key, value := range in.Value {
			if delete(out, key); value != nil {
				out[key] = value.(string)
			}
		}
		return out
	}, nil
}

// issuerChanges reads the issuers whose assertions a client may bring; a null member clears it.
func issuerChanges(in Optional[map[string]any]) (func([]auth.AssertionIssuer) []auth.AssertionIssuer, error) {
	made := map[string]auth.AssertionIssuer{}
	for issuer, value := range in.Value {
		if value == nil {
			continue
		}
		text, err := json.Marshal(value)
		one := auth.AssertionIssuer{}
		if err != nil || json.Unmarshal(text, &one) != nil {
			return nil, auth.Invalid("assertion_issuers", auth.ViolationInvalid, "An issuer has jwks or jwks_uri, and subject.")
		}
		one.Issuer = issuer
		made[issuer] = one
	}
	return func(before []auth.AssertionIssuer) []auth.AssertionIssuer {
		if !in.Present {
			return before
		}
		var out []auth.AssertionIssuer
		for _, one := range before {
			if _, named := in.Value[one.Issuer]; !named && !in.Null {
				out = append(out, one)
			}
		}
		for _, issuer := range slices.Sorted(maps.Keys(made)) {
			out = append(out, made[issuer])
		}
		return out
	}, nil
}

// presetOf are the settings that a client of a type begins with; none without a type.
func presetOf(kind string) (auth.OAuthSettings, error) {
	if kind == "" {
		return auth.OAuthSettings{}, nil
	}
	o, ok := auth.ClientType(kind).Preset()
	if !ok {
		return o, auth.Invalid("type", auth.ViolationEnum, "A client is of the type web, browser, native or service.")
	}
	return o, nil
}
