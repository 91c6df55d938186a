package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary-id/ostiary/internal/app"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/outbound"
)

const (
	maxKeySet   = 64 << 10 // bytes
	maxDocument = 5 << 10  // bytes of a client metadata document (CR-02)
)

// documents are remote documents that others publish: key sets of clients and issuers, and the metadata of clients that
// nobody registered. Who sends requests with invented addresses pushes no key set out, for each kind has its own place.
type documents struct {
	keySets  *outbound.Documents
	metadata *outbound.Documents
}

func newDocuments(o *outbound.Client, clock func() time.Time) *documents {
	return &documents{
		keySets: outbound.NewDocuments(o, clock, outbound.Keep{MaxBody: maxKeySet, Fresh: time.Hour, Least: 5 * time.Minute, Most: 24 * time.Hour,
			Stale: 24 * time.Hour, Renew: time.Minute, Retry: 10 * time.Second, Count: 500, Concurrent: 16}),
		metadata: outbound.NewDocuments(o, clock, outbound.Keep{MaxBody: maxDocument, Fresh: time.Hour, Least: 5 * time.Minute, Most: 24 * time.Hour,
			Renew: time.Minute, Retry: time.Minute, Count: 500, Concurrent: 16, JSON: true}),
	}
}

// keys answers the public keys of a client or issuer: those that it registered, else those that it publishes. A key id
// that is not among those at hand asks for newer ones, once a minute at most, so that a new key works at once and
// invented ids cost nothing; empty: any key will do. Error: that the set cannot be had, or is none.
func (d *documents) keys(ctx context.Context, inline json.RawMessage, uri, kid string) (jose.JSONWebKeySet, error) {
	if len(inline) > 0 {
		return readKeySet(inline)
	}
	if uri == "" {
		return jose.JSONWebKeySet{}, errors.New("there are no keys")
	}
	set, err := d.published(ctx, uri, false)
	if err != nil || kid == "" || len(set.Key(kid)) > 0 {
		return set, err
	}
	return d.published(ctx, uri, true)
}

func (d *documents) published(ctx context.Context, uri string, renew bool) (set jose.JSONWebKeySet, err error) {
	body, err := d.keySets.Get(ctx, uri, renew, func(b []byte) error { _, err := readKeySet(b); return err })
	if err == nil {
		set, err = readKeySet(body)
	}
	if err != nil {
		err = fmt.Errorf("read published keys: %w", err)
	}
	return set, err
}

// readKeySet reads the public keys for signatures of a set and passes over all others: a set may hold more than we know,
// and a symmetric or private key proves nothing (TK-02).
func readKeySet(body []byte) (jose.JSONWebKeySet, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	var out jose.JSONWebKeySet
	if err := json.Unmarshal(body, &set); err != nil {
		return out, errors.New("not a JSON Web Key Set")
	}
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && key.Valid() && key.IsPublic() && (key.Use == "" || key.Use == "sig") {
			out.Keys = append(out.Keys, key)
		}
	}
	if len(out.Keys) == 0 {
		return out, errors.New("no public key for signatures in the set")
	}
	return out, nil
}

// clientDocument is a client ID metadata document: what the client says, at the URL that is its client id.
type clientDocument struct {
	ClientID string `json:"client_id"`
	Secret   string `json:"client_secret"`
	clientMetadata
}

// documentURL reports whether a client id can be the URL of a metadata document: https, a path, and nothing in it that
// could be written in two ways or lead elsewhere.
func documentURL(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	if err != nil || len(text) > 2000 || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.ContainsAny(text, "#\\*") ||
		strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, false
	}
	return u, u.Host == strings.ToLower(u.Host) && len(u.Path) > 1 && path.Clean(u.Path) == strings.TrimSuffix(u.Path, "/")
}

// readClientDocument reads the document at a URL and makes the settings of its client (CR-02). A document holds no secret
// and proves the client by none: everybody can read it.
func readClientDocument(id string, body []byte) (app.ClientInput, error) {
	var out app.ClientInput
	u, ok := documentURL(id)
	if !ok {
		return out, errors.New("the client id is no URL of a document")
	}
	var d clientDocument
	if err := readMetadata(body, &d); err != nil {
		return out, err
	}
	if d.ClientID != id {
		return out, errors.New("the document is of another client")
	}
	if d.AuthMethod == "" {
		d.AuthMethod = string(auth.ClientAuthNone)
	}
	if d.Secret != "" || d.AuthMethod != string(auth.ClientAuthNone) && d.AuthMethod != string(auth.ClientAuthPrivateKeyJWT) {
		return out, errors.New("a client that is known by a document has no secret")
	}
	for _, uri := range d.RedirectURIs {
		if !ownRedirect(u, uri) {
			return out, errors.New("a redirect URI is of another origin than the document")
		}
	}
	settings, err := d.settings()
	if err != nil {
		return out, err
	}
	settings.OAuth.MetadataURL = id
	return app.ClientInput{Name: d.name(u.Hostname()), Settings: settings}, nil
}

// ownRedirect reports whether a client at u may be returned to at uri: its own origin, or the machine of the person. Else
// anybody could publish a document that borrows the name of another's redirect.
func ownRedirect(u *url.URL, uri string) bool {
	r, err := url.Parse(uri)
	if err != nil {
		return false
	}
	if r.Scheme == "http" {
		host := r.Hostname()
		return host == "127.0.0.1" || host == "::1" || host == "localhost"
	}
	return r.Scheme == "https" && r.Host == u.Host
}

// documented finds the client of an app that is known by the document at its id, fetches the document when it is due, and
// keeps the client's row as the document is. Only apps that allow it know such clients. Error: invalid_client, whatever is wrong with
// the document; temporarily_unavailable.
func (s *Service) documented(ctx context.Context, at auth.AppID, id string) (auth.Client, error) {
	u, ok := documentURL(id)
	if !ok {
		return auth.Client{}, unknownClient()
	}
	home, err := s.o.Apps.Get(ctx, at)
	if err != nil {
		return auth.Client{}, fmt.Errorf("read the app of a client: %w", err)
	}
	if !home.Settings.MetadataDocuments || home.Status != auth.AppActive {
		return auth.Client{}, unknownClient()
	}
	body, err := s.remote.metadata.Get(ctx, u.String(), false, func(b []byte) error { _, err := readClientDocument(id, b); return err })
	if errors.Is(err, outbound.ErrBusy) {
		return auth.Client{}, &Error{Code: TemporarilyUnavailable, Description: "Too many documents of clients are being fetched.", Err: err}
	}
	var in app.ClientInput
	if err == nil {
		in, err = readClientDocument(id, body)
	}
	in.App = home.ID
	var made auth.Client
	if err == nil {
		made, err = s.o.Apps.PrepareClient(in)
	}
	if err != nil {
		return auth.Client{}, &Error{Code: InvalidClient, Description: "The document of the client cannot be had, or is not valid.", Err: err}
	}
	made.ID = documentID(home.ID, id)
	return s.adopted(ctx, made)
}

// adopted is the stored client of a document; it is stored anew if the document says something else.
func (s *Service) adopted(ctx context.Context, made auth.Client) (auth.Client, error) {
	held, err := s.o.Apps.ClientByID(ctx, made.ID)
	if err == nil && held.Status == auth.ClientActive && app.Adopted(held, made) {
		return held, nil
	}
	if err != nil && !auth.Is(err, auth.CodeNotFound) {
		return auth.Client{}, fmt.Errorf("read the client of a document: %w", err)
	}
	out, err := s.o.Apps.Adopt(ctx, auth.Caller{Kind: auth.CallerAnonymous, App: made.App, Client: made.ID, Door: door()}, made)
	switch {
	case auth.Is(err, auth.CodeNotFound), auth.Is(err, auth.CodeLimitReached):
		return auth.Client{}, unknownClient()
	case err != nil:
		return auth.Client{}, fmt.Errorf("store the client of a document: %w", err)
	}
	return out, nil
}

// documentID is the id of the row of a client that is known by a document: the same on every node, and no other client's,
// for those are made at random (UUID version 8, RFC 9562 section 5.8).
func documentID(home auth.AppID, id string) auth.ClientID {
	sum := sha256.Sum256([]byte("client-id-metadata-document\n" + string(home) + "\n" + id))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return auth.ClientID(fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]))
}
