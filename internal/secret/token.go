package secret

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// TokenBytes is the entropy of Token in bytes, and TokenLength what it looks like from outside in characters.
const (
	TokenBytes  = 32
	TokenLength = 43
)

// NewID makes an identifier: a UUID version 7 (RFC 9562 section 5.7) whose twelve bits after the millisecond carry
// the fraction of it (section 6.2, method 3), so that rows made one after another stay close in an index. It is no
// secret. A random source that fails ends the caller with a panic, for nothing safe can be done without one.
func NewID(r io.Reader, now time.Time) string {
	var b [16]byte
	if _, err := io.ReadFull(r, b[8:]); err != nil {
		panic(fmt.Errorf("the random source failed: %w", err))
	}
	ms := now.UnixMilli()
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	fraction := (now.UnixNano() - ms*int64(time.Millisecond)) * 4096 / int64(time.Millisecond)
	b[6] = 0x70 | byte(fraction>>8)&0x0f
	b[7] = byte(fraction)
	b[8] = 0x80 | b[8]&0x3f
	var out [36]byte
	hex.Encode(out[0:8], b[0:4])
	hex.Encode(out[9:13], b[4:6])
	hex.Encode(out[14:18], b[6:8])
	hex.Encode(out[19:23], b[8:10])
	hex.Encode(out[24:36], b[10:16])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

// Token makes a secret of 256 random bits in base64url without padding. Only its Hash may be stored.
func Token(r io.Reader) (string, error) {
	var b [TokenBytes]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// TokenShaped reports whether s could have come from Token, so that garbage costs no look-up.
func TokenShaped(s string) bool {
	if len(s) != TokenLength {
		return false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(b) == TokenBytes
}

// Hash is the SHA-256 of a generated secret: what a row holds instead of it. It is not for passwords.
func Hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// Equal compares two secrets in constant time.
func Equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// Redacted is what a secret looks like in every print, log line and document.
const Redacted = "[redacted]"

// Secret is a string that no print, log or encoder shows. Reveal is the one way to its text.
type Secret string

// Reveal is the text itself.
func (s Secret) Reveal() string { return string(s) }

// String is Redacted, or empty for an empty secret, so that a missing setting can be seen.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return Redacted
}

// GoString is String.
func (s Secret) GoString() string { return s.String() }

// Format answers every verb with String; without it a verb such as %d would print the text.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue is String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is String; it also serves encoding/json and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON is String in quotes.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }
