package secret

import (
	"fmt"
	"hash/crc32"
	"io"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const (
	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

	keyRandom   = 30 // characters; 178 bits
	keyChecksum = 6  // characters; 62^6 holds a CRC-32
	maxPrefix   = 16
	shownChars  = 3 // of the random part, in lists
)

// ValidKeyPrefix reports whether p may stand before an API key: 2 to 16 lower-case letters, digits and underscores,
// a letter first and an underscore last.
func ValidKeyPrefix(p string) bool {
	if len(p) < 2 || len(p) > maxPrefix || p[0] < 'a' || p[0] > 'z' || p[len(p)-1] != '_' {
		return false
	}
	for i := range len(p) {
		c := p[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// NewAPIKey makes a long-lived secret: the prefix, 30 random characters and a checksum of both, so that scanners of
// leaked text and our own door can tell a key from garbage without a look-up. A bad prefix gives invalid-request on
// the field `prefix`.
func NewAPIKey(r io.Reader, prefix string) (string, error) {
	if !ValidKeyPrefix(prefix) {
		return "", auth.Invalid("prefix", auth.ViolationPattern,
			"a key prefix has 2 to 16 lower-case letters, digits or underscores, begins with a letter and ends with an underscore")
	}
	key := make([]byte, 0, len(prefix)+keyRandom+keyChecksum)
	key = append(key, prefix...)
	var err error
	if key, err = appendRandom62(key, r, keyRandom); err != nil {
		return "", err
	}
	return string(appendChecksum(key, key)), nil
}

// appendRandom62 appends n uniformly random base-62 characters: a byte of 248 or more would favour the first eight.
func appendRandom62(out []byte, r io.Reader, n int) ([]byte, error) {
	var buf [keyRandom + 10]byte
	for n > 0 {
		if _, err := io.ReadFull(r, buf[:]); err != nil {
			return nil, fmt.Errorf("read random bytes: %w", err)
		}
		for _, b := range buf {
			if b < 4*62 && n > 0 {
				out = append(out, base62[b%62])
				n--
			}
		}
	}
	return out, nil
}

func appendChecksum(out, of []byte) []byte {
	sum := crc32.ChecksumIEEE(of)
	var digits [keyChecksum]byte
	for i := keyChecksum - 1; i >= 0; i-- {
		digits[i] = base62[sum%62]
		sum /= 62
	}
	return append(out, digits[:]...)
}

// CheckAPIKey reports whether key has the form of NewAPIKey and its checksum is right. It proves nothing else.
func CheckAPIKey(key string) bool {
	split := len(key) - keyRandom - keyChecksum
	if split < 2 || split > maxPrefix || !ValidKeyPrefix(key[:split]) {
		return false
	}
	for i := split; i < len(key); i++ {
		c := key[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	body := []byte(key[:len(key)-keyChecksum])
	return string(appendChecksum(nil, body)) == key[len(body):]
}

// KeyPrefix is what lists show of a key: its prefix and the first 3 random characters.
func KeyPrefix(key, prefix string) string { return key[:min(len(key), len(prefix)+shownChars)] }
