package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/web"
)

// Document is something that is published: the same bytes for everybody. Do not change them.
type Document struct {
	Body []byte
	Tag  string // of this very text, fit for an entity tag (RFC 9110 section 8.8.3)
}

func documentOf(v any) (*Document, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write a document: %w", err)
	}
	sum := sha256.Sum256(body)
	return &Document{Body: body, Tag: base64.RawURLEncoding.EncodeToString(sum[:12])}, nil
}

// serverMetadata is the metadata of the authorization server (RFC 8414 section 2) and of the OpenID provider (OpenID
// Discovery section 3); one document serves both. Everything in it works here (MD-01).
type serverMetadata struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	JWKS          string `json:"jwks_uri"`
	Userinfo      string `json:"userinfo_endpoint"`
	PAR           string `json:"pushed_authorization_request_endpoint"`
	Device        string `json:"device_authorization_endpoint"`
	Introspection string `json:"introspection_endpoint"`
	Revocation    string `json:"revocation_endpoint"`
	EndSession    string `json:"end_session_endpoint"`
	Registration  string `json:"registration_endpoint,omitempty"`

	Scopes        []string `json:"scopes_supported"`
	ResponseTypes []string `json:"response_types_supported"`
	ResponseModes []string `json:"response_modes_supported"`
	GrantTypes    []string `json:"grant_types_supported"`
	ACRs          []string `json:"acr_values_supported"`
	SubjectTypes  []string `json:"subject_types_supported"`
	Prompts       []string `json:"prompt_values_supported"`
	Claims        []string `json:"claims_supported"`
	ClaimTypes    []string `json:"claim_types_supported"`
	UILocales     []string `json:"ui_locales_supported"`
	PKCE          []string `json:"code_challenge_methods_supported"`

	TokenAuth             []auth.ClientAuthMethod `json:"token_endpoint_auth_methods_supported"`
	TokenAuthAlgs         []string                `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectionAuth     []auth.ClientAuthMethod `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAuthAlgs []string                `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevocationAuth        []auth.ClientAuthMethod `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAuthAlgs    []string                `json:"revocation_endpoint_auth_signing_alg_values_supported"`

	IDTokenAlgs       []string `json:"id_token_signing_alg_values_supported"`
	UserinfoAlgs      []string `json:"userinfo_signing_alg_values_supported"`
	IntrospectionAlgs []string `json:"introspection_signing_alg_values_supported"` // RFC 9701 section 7
	DPoPAlgs          []string `json:"dpop_signing_alg_values_supported"`          // RFC 9449 section 5.1

	ClaimsParameter     bool `json:"claims_parameter_supported"`
	RequestParameter    bool `json:"request_parameter_supported"`
	RequestURIParameter bool `json:"request_uri_parameter_supported"`
	IssParameter        bool `json:"authorization_response_iss_parameter_supported"` // RFC 9207 section 3
	RequirePAR          bool `json:"require_pushed_authorization_requests"`          // RFC 9126 section 5
	BackchannelLogout   bool `json:"backchannel_logout_supported"`
	BackchannelSid      bool `json:"backchannel_logout_session_supported"`
	FrontchannelLogout  bool `json:"frontchannel_logout_supported"`
	FrontchannelSid     bool `json:"frontchannel_logout_session_supported"`
	MetadataDocuments   bool `json:"client_id_metadata_document_supported"`
}

// Metadata is the document of the authorization server, which is one for all apps. It never speaks of the host that a
// request came for.
func (s *Service) Metadata(ctx context.Context) (*Document, error) {
	return s.metadata.Get(ctx, string(auth.DefaultApp), func(tx *store.Tx) (*Document, error) {
		documents, err := takesDocuments(tx)
		if err != nil {
			return nil, err
		}
		return documentOf(s.serverMetadata(documents))
	})
}

// takesDocuments reports whether some app knows clients by their documents.
func takesDocuments(tx *store.Tx) (bool, error) {
	q := store.AppQuery{Limit: 500}
	for {
		apps, err := tx.Apps(q)
		if err != nil {
			return false, fmt.Errorf("list the apps: %w", err)
		}
		for _, a := range apps {
			if a.Settings.MetadataDocuments && a.Status == auth.AppActive {
				return true, nil
			}
			q.AfterTime, q.AfterID = a.CreatedAt, a.ID
		}
		if len(apps) < q.Limit {
			return false, nil
		}
	}
}

func (s *Service) serverMetadata(documents bool) serverMetadata {
	at := func(path string) string { return s.o.Issuer + path }
	confidential := []auth.ClientAuthMethod{auth.ClientAuthBasic, auth.ClientAuthPost, auth.ClientAuthPrivateKeyJWT}
	everybody := append(slices.Clone(confidential), auth.ClientAuthNone)
	ours := []string{auth.AlgorithmRS256, auth.AlgorithmES256, auth.AlgorithmEdDSA}
	m := serverMetadata{
		Issuer: s.o.Issuer, Authorization: at(AuthorizePath), Token: at(TokenPath), JWKS: at(JWKSPath), Userinfo: at(UserinfoPath),
		PAR: at(PARPath), Device: at(DevicePath), Introspection: at(IntrospectPath), Revocation: at(RevokePath), EndSession: at(LogoutPath),

		Scopes: auth.StandardScopes(), ResponseTypes: []string{"code"}, ResponseModes: auth.ResponseModes(),
		GrantTypes: auth.GrantTypes(), ACRs: auth.ACRs(), SubjectTypes: []string{auth.SubjectPublic, auth.SubjectPairwise},
		Prompts: knownPrompts(),
		Claims: []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash", "name", "given_name",
			"family_name", "preferred_username", "locale", "updated_at", "email", "email_verified", "phone_number", "address", "role",
			"account", "account_role", "permissions"},
		ClaimTypes: []string{"normal"}, UILocales: web.Languages(), PKCE: []string{"S256"},

		TokenAuth: everybody, TokenAuthAlgs: inboundAlgorithms(), IntrospectionAuth: confidential, IntrospectionAuthAlgs: inboundAlgorithms(),
		RevocationAuth: everybody, RevocationAuthAlgs: inboundAlgorithms(),
		IDTokenAlgs: ours, UserinfoAlgs: ours, IntrospectionAlgs: []string{auth.AlgorithmRS256}, DPoPAlgs: inboundAlgorithms(),

		ClaimsParameter: true, IssParameter: true, BackchannelLogout: true, BackchannelSid: true, FrontchannelLogout: true,
		FrontchannelSid: true, MetadataDocuments: documents,
	}
	if s.o.Settings.Registration {
		m.Registration = at(RegisterPath)
	}
	return m
}

// resourceMetadata is the metadata of a protected resource (RFC 9728 section 2).
type resourceMetadata struct {
	Resource      string   `json:"resource"`
	Servers       []string `json:"authorization_servers"`
	Name          string   `json:"resource_name,omitempty"`
	Scopes        []string `json:"scopes_supported,omitempty"`
	BearerMethods []string `json:"bearer_methods_supported"`
	DPoPAlgs      []string `json:"dpop_signing_alg_values_supported"`
}

// ResourceMetadata is the document of a registered resource that has one: of the one that stands at the path below the
// issuer, or of the one whose host and path follow (RFC 9728 section 3.1; http is registered for the own machine alone). nil:
// there is none.
func (s *Service) ResourceMetadata(ctx context.Context, path string) (*Document, error) {
	for _, uri := range []string{s.o.Issuer + path, "https:/" + path, "http:/" + path} {
		uri = strings.TrimSuffix(uri, "/")
		doc, err := s.published.Get(ctx, uri, func(tx *store.Tx) (*Document, error) {
			r, err := tx.ResourceByURI(uri)
			if err != nil || !r.Document {
				return nil, err
			}
			return documentOf(resourceMetadata{Resource: r.URI, Servers: []string{s.o.Issuer}, Name: r.Name,
				Scopes: slices.Sorted(maps.Keys(r.Scopes)), BearerMethods: []string{"header"}, DPoPAlgs: inboundAlgorithms()})
		})
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return nil, fmt.Errorf("read the metadata of a resource: %w", err)
		case doc != nil:
			return doc, nil
		}
	}
	return nil, nil
}
