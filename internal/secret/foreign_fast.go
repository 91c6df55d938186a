package secret

import (
	"crypto/md5"  //nolint:gosec // phpass hashes of other systems have to be recognised
	"crypto/sha1" //nolint:gosec // SSHA hashes of other systems have to be recognised
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-crypt/crypt/algorithm/shacrypt"

	"github.com/ostiary-id/ostiary/internal/secret/argon2"
)

// Bounds of SHA-crypt and phpass (SECURITY PW-13). Both hash the password again in every round, so that a long one
// multiplies the cost.
const (
	minSHARounds  = 1000
	maxSHARounds  = 1000000
	maxSHABytes   = 256
	minPHPassLog  = 7
	maxPHPassLog  = 20
	minSSHASalt   = 1
	phpassLetters = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// shaCrypt is `$5$rounds=5000$salt$key` or `$6$...` of crypt(3).
type shaCrypt struct {
	foreign
	text string
}

var shaCryptForm = regexp.MustCompile(`^\$(?:5\$(?:rounds=([1-9][0-9]{3,8})\$)?[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{43}` +
	`|6\$(?:rounds=([1-9][0-9]{3,8})\$)?[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{86})$`)

func parseSHACrypt(text string) (verifier, error) {
	m := shaCryptForm.FindStringSubmatch(text)
	if m == nil {
		return nil, errHashForm
	}
	if digits := m[1] + m[2]; digits != "" {
		if rounds, err := strconv.Atoi(digits); err != nil || rounds < minSHARounds || rounds > maxSHARounds {
			return nil, errHashCost
		}
	}
	return shaCrypt{text: text}, nil
}

func (h shaCrypt) matches(password string, _ *argon2.Memory) (bool, error) {
	if len(password) > maxSHABytes {
		return false, errPasswordLength
	}
	digest, err := shacrypt.Decode(h.text)
	if err != nil {
		return false, fmt.Errorf("read a SHA-crypt hash: %w", err)
	}
	return digest.MatchBytesAdvanced([]byte(password))
}

// phpass is `$P$B` (or `$H$B`) with 8 characters of salt and 22 of key: MD5 over salt and password, then again over
// the sum and the password, 2^n times. The letter after the prefix is n.
type phpass struct {
	foreign
	rounds int
	salt   string
	key    string
}

var phpassForm = regexp.MustCompile(`^\$[PH]\$([./0-9A-Za-z])([./0-9A-Za-z]{8})([./0-9A-Za-z]{22})$`)

func parsePHPass(text string) (verifier, error) {
	m := phpassForm.FindStringSubmatch(text)
	if m == nil {
		return nil, errHashForm
	}
	log := strings.Index(phpassLetters, m[1])
	switch {
	case log < minPHPassLog:
		return nil, errHashForm
	case log > maxPHPassLog:
		return nil, errHashCost
	}
	return phpass{rounds: 1 << log, salt: m[2], key: m[3]}, nil
}

func (h phpass) matches(password string, _ *argon2.Memory) (bool, error) {
	sum := md5.Sum([]byte(h.salt + password)) //nolint:gosec // the format is what it is
	buffer := make([]byte, md5.Size+len(password))
	copy(buffer[md5.Size:], password)
	for range h.rounds {
		copy(buffer, sum[:])
		sum = md5.Sum(buffer) //nolint:gosec // the format is what it is
	}
	return Equal([]byte(phpassText(sum[:])), []byte(h.key)), nil
}

// phpassText writes bytes in groups of three as four letters, the lowest six bits first.
func phpassText(b []byte) string {
	var out strings.Builder
	for i := 0; i < len(b); i += 3 {
		group, letters := 0, 1
		for j := range min(3, len(b)-i) {
			group |= int(b[i+j]) << (8 * j)
			letters++
		}
		for range letters {
			out.WriteByte(phpassLetters[group&63])
			group >>= 6
		}
	}
	return out.String()
}

// ssha is `{SSHA}`, `{SSHA256}` or `{SSHA512}` with the base64 of the digest of password and salt, then the salt.
type ssha struct {
	foreign
	digest func(b []byte) []byte
	key    []byte
	salt   []byte
}

func parseSSHA(text string) (verifier, error) {
	scheme, body, _ := strings.Cut(text, "}")
	var h ssha
	size := 0
	switch scheme {
	case "{SSHA":
		h.digest, size = func(b []byte) []byte { s := sha1.Sum(b); return s[:] }, sha1.Size //nolint:gosec // the format is what it is
	case "{SSHA256":
		h.digest, size = func(b []byte) []byte { s := sha256.Sum256(b); return s[:] }, sha256.Size
	case "{SSHA512":
		h.digest, size = func(b []byte) []byte { s := sha512.Sum512(b); return s[:] }, sha512.Size
	default:
		return nil, errHashForm
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(body)
	if err != nil || strings.ContainsAny(body, "\r\n") || len(raw) < size+minSSHASalt || len(raw) > size+maxForeignSalt {
		return nil, errHashForm
	}
	h.key, h.salt = raw[:size], raw[size:]
	return h, nil
}

func (h ssha) matches(password string, _ *argon2.Memory) (bool, error) {
	return Equal(h.digest(append([]byte(password), h.salt...)), h.key), nil
}
