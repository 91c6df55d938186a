package session

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"strconv"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
)

// A refresh token is `ort1.<key id>.<family>.<generation>.<tag>`. The family is the session's id as 16 bytes, the
// tag two halves of 128 bits: see docs/adr/0002-refresh-token-tag.md for why there are two.
const (
	tokenVersion  = "ort1"
	halfTag       = 16
	outerPurpose  = "refresh-token.outer"
	innerPurpose  = "refresh-token.inner"
	maxTokenBytes = 200
)

// tokenText is base64url without padding and with no second spelling of the same bytes.
var tokenText = base64.RawURLEncoding.Strict()

// refreshToken is a parsed token; nothing in it is proven.
type refreshToken struct {
	keyID      string
	family     [16]byte
	generation int64
	tag        [2 * halfTag]byte
}

// parse reads a token. There is exactly one text for each value, so a token cannot be respelled.
func parse(text string) (refreshToken, bool) {
	var t refreshToken
	if len(text) > maxTokenBytes {
		return t, false
	}
	parts := strings.Split(text, ".")
	if len(parts) != 5 || parts[0] != tokenVersion || parts[1] == "" {
		return t, false
	}
	t.keyID = parts[1]
	generation, err := strconv.ParseInt(parts[3], 10, 64)
	if err != nil || generation < 0 || generation == math.MaxInt64 || strconv.FormatInt(generation, 10) != parts[3] {
		return t, false
	}
	t.generation = generation
	return t, decode(t.family[:], parts[2]) && decode(t.tag[:], parts[4])
}

// decode fills all of into from text, or fails.
func decode(into []byte, text string) bool {
	if tokenText.EncodedLen(len(into)) != len(text) {
		return false
	}
	n, err := tokenText.Decode(into, []byte(text))
	return err == nil && n == len(into)
}

func (t refreshToken) String() string {
	return strings.Join([]string{tokenVersion, t.keyID, tokenText.EncodeToString(t.family[:]),
		strconv.FormatInt(t.generation, 10), tokenText.EncodeToString(t.tag[:])}, ".")
}

// session is the id that the family stands for.
func (t refreshToken) session() auth.SessionID {
	h := hex.EncodeToString(t.family[:])
	return auth.SessionID(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:])
}

// familyOf is the inverse of session; ok is false for an id that is no UUID.
func familyOf(id auth.SessionID) (family [16]byte, ok bool) {
	n, err := hex.Decode(family[:], []byte(strings.ReplaceAll(string(id), "-", "")))
	return family, err == nil && n == len(family)
}

// mint makes the refresh token of the session's current generation. It draws no randomness: the same generation
// always gives the same token, which is how a lost answer can be repeated without storing it.
func (s *Service) mint(session auth.Session) string {
	family, _ := familyOf(session.ID)
	t := refreshToken{keyID: s.keyID, family: family, generation: session.Generation}
	copy(t.tag[:halfTag], s.keys.MAC(outerPurpose, outerParts(t)...))
	copy(t.tag[halfTag:], s.keys.MAC(innerPurpose, innerParts(t, session.App, session.Client, session.Salt)...))
	return t.String()
}

// outerParts are what the half binds that needs no row: it refuses garbage before the database is asked.
func outerParts(t refreshToken) []string {
	return []string{tokenVersion, t.keyID, string(t.family[:]), strconv.FormatInt(t.generation, 10)}
}

// innerParts are what the other half binds beside that: app, client and the row's salt (RT-05).
func innerParts(t refreshToken, app auth.AppID, client auth.ClientID, salt []byte) []string {
	return append(outerParts(t), string(app), string(client), string(salt))
}

// accept parses a token and checks its outer half, under any master key that is held.
func (s *Service) accept(text string) (refreshToken, bool) {
	t, ok := parse(text)
	return t, ok && s.checks(outerPurpose, t.tag[:halfTag], outerParts(t))
}

// bound reports whether the token was made for this app, client and salt.
func (s *Service) bound(t refreshToken, app auth.AppID, client auth.ClientID, salt []byte) bool {
	return s.checks(innerPurpose, t.tag[halfTag:], innerParts(t, app, client, salt))
}

// checks compares half a tag with the MACs of the parts, in constant time for each.
func (s *Service) checks(purpose string, half []byte, parts []string) bool {
	for _, mac := range s.keys.MACs(purpose, parts...) {
		if secret.Equal(mac[:halfTag], half) {
			return true
		}
	}
	return false
}
