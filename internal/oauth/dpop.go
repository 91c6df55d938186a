package oauth

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	strict "github.com/go-jose/go-jose/v4/json"

	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	proofType = "dpop+jwt" // RFC 9449 section 4.2
	// proofWindow is how far `iat` of a proof may be from our clock, either way.
	proofWindow = time.Minute

	noncePurpose = "dpop-nonce"
	// nonceSlot is how long one nonce is handed out; it is taken in the slot after its own too.
	nonceSlot = 2 * time.Minute
	nonceMAC  = 16
)

// ProofCheck is a proof of possession and what it must be of (RFC 9449 section 4.3).
type ProofCheck struct {
	Headers     []string // as they came: one must be there
	Method, URL string   // of the request, the URL as the public one
	Token       string   // the access token that the proof must be for (`ath`); empty: none
	JKT         string   // the key that it must be of; empty: any
}

// proofClaims are those of a proof (RFC 9449 section 4.2).
type proofClaims struct {
	ID        string `json:"jti"`
	Method    string `json:"htm"`
	URL       string `json:"htu"`
	IssuedAt  int64  `json:"iat"`
	TokenHash string `json:"ath"`
	Nonce     string `json:"nonce"`
}

// CheckProof checks a proof of possession and answers the thumbprint of its key. A proof is taken once. Errors:
// invalid_dpop_proof, use_dpop_nonce (the answer carries Nonce).
func (s *Service) CheckProof(ctx context.Context, c ProofCheck) (jkt string, err error) {
	if len(c.Headers) != 1 {
		return "", badProof("There must be exactly one DPoP header.")
	}
	in, err := readInbound(c.Headers[0], maxProof)
	if err != nil {
		return "", badProof("The proof cannot be read.")
	}
	if !strings.EqualFold(in.header.Type, proofType) {
		return "", badProof("The proof is not of the type dpop+jwt.")
	}
	key, ok := embeddedKey(in.header.JWK)
	if !ok {
		return "", badProof("The proof holds no public key.")
	}
	var claims proofClaims
	if err := in.verify(key, &claims); err != nil {
		return "", badProof("The proof is not signed by its key.")
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", badProof("The proof holds no public key.")
	}
	jkt = base64.RawURLEncoding.EncodeToString(sum)
	if err := s.fitsRequest(claims, c, jkt); err != nil {
		return "", err
	}
	return jkt, s.spendProof(ctx, claims, jkt)
}

func badProof(why string) *Error { return refuse(InvalidDPoPProof, why) }

// embeddedKey reads the key of a proof's header. Who puts a private key there has told it to everybody.
func embeddedKey(text json.RawMessage) (key jose.JSONWebKey, ok bool) {
	var members map[string]strict.RawMessage
	if len(text) == 0 || strict.Unmarshal(text, &members) != nil {
		return key, false
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if _, there := members[private]; there {
			return key, false
		}
	}
	if key.UnmarshalJSON(text) != nil || !key.IsPublic() || !key.Valid() {
		return key, false
	}
	return key, true
}

// fitsRequest compares a proof with the request that it came with.
func (s *Service) fitsRequest(claims proofClaims, c ProofCheck, jkt string) error {
	now := s.o.Clock()
	age := now.Sub(time.Unix(claims.IssuedAt, 0))
	switch {
	case claims.ID == "" || len(claims.ID) > maxJTI:
		return badProof("The proof has no jti.")
	case claims.Method != c.Method:
		return badProof("The proof is for another method.")
	case claims.URL == "" || !sameTarget(claims.URL, c.URL):
		return badProof("The proof is for another URL.")
	case claims.IssuedAt <= 0 || age > proofWindow || age < -proofWindow:
		return badProof("The proof is too old, or from the future.")
	case c.Token != "" && !secret.Equal([]byte(claims.TokenHash), []byte(tokenThumbprint(c.Token))):
		return badProof("The proof is for another access token.")
	case c.JKT != "" && c.JKT != jkt:
		return badProof("The proof is of another key than the token's.")
	}
	if claims.Nonce == "" && s.o.Settings.NonceOff || s.knowsNonce(claims.Nonce) {
		return nil
	}
	return refuse(UseDPoPNonce, "The proof needs the nonce of the DPoP-Nonce header.")
}

// spendProof takes the proof's identifier. That is a relaxed Write (docs/adr/0004): whoever could cut the power could use a
// copied proof once more, within the minute that it lives.
func (s *Service) spendProof(ctx context.Context, claims proofClaims, jkt string) error {
	fresh := false
	err := s.o.DB.WriteRelaxed(ctx, func(tx *store.Tx) (err error) {
		fresh, err = grant.Spend(tx, grant.KindProof, time.Unix(claims.IssuedAt, 0).Add(2*proofWindow), jkt, claims.ID)
		return err
	})
	if err == nil && !fresh {
		err = badProof("The proof was used before.")
	}
	return err
}

// tokenThumbprint is `ath` (RFC 9449 section 4.2).
func tokenThumbprint(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// sameTarget compares URLs without query and fragment (RFC 9449 section 4.3, point 9), scheme and host in lower case and
// without a default port (RFC 3986 section 6.2).
func sameTarget(given, ours string) bool {
	a, ok := target(given)
	b, known := target(ours)
	return ok && known && a == b
}

func target(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	host, path := strings.ToLower(u.Host), u.EscapedPath()
	if name, port, err := net.SplitHostPort(host); err == nil &&
		(u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80") {
		if host = name; strings.Contains(name, ":") {
			host = "[" + name + "]"
		}
	}
	if path == "" {
		path = "/"
	}
	return u.Scheme + "://" + host + path, true
}

// Nonce is what proofs have to hold from now on; empty if they need none. It is a MAC over a slot of time, so every node
// knows it and nothing is stored.
func (s *Service) Nonce() string {
	if s.o.Settings.NonceOff {
		return ""
	}
	return s.nonceOf(s.slot())
}

func (s *Service) slot() int64 { return s.o.Clock().Unix() / int64(nonceSlot/time.Second) }

func (s *Service) nonceOf(slot int64) string {
	return base64.RawURLEncoding.EncodeToString(s.o.Keys.MAC(noncePurpose, strconv.FormatInt(slot, 10))[:nonceMAC])
}

// knowsNonce takes the nonces of this slot, of the one before, and of the next one, should another node's clock be ahead.
func (s *Service) knowsNonce(text string) bool {
	now, known := s.slot(), false
	for slot := now - 1; slot <= now+1; slot++ {
		known = secret.Equal([]byte(text), []byte(s.nonceOf(slot))) || known
	}
	return known
}

// Possession is how an access token was presented (RFC 9449 section 7.1).
type Possession struct {
	Scheme      string   // of the Authorization header, in any case; empty: the token came in the body
	Proofs      []string // DPoP headers
	Method, URL string
}

// held refuses an access token that was presented in another way than it is bound: as Bearer though it is bound to a key,
// or with a proof though it is bound to none (DP-02). Errors: invalid_token, invalid_dpop_proof, use_dpop_nonce.
func (s *Service) held(ctx context.Context, t *AccessToken, token string, p Possession) error {
	withProof := strings.EqualFold(p.Scheme, dpopType)
	switch {
	case t.Confirmation == nil && !withProof:
		return nil
	case t.Confirmation == nil || !withProof:
		return refuse(InvalidToken, "The token was presented with another scheme than its own.")
	}
	_, err := s.CheckProof(ctx, ProofCheck{Headers: p.Proofs, Method: p.Method, URL: p.URL, Token: token, JKT: t.Confirmation.JKT})
	return err
}
