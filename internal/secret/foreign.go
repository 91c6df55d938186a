package secret

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/ostiary-id/ostiary/internal/secret/argon2"
)

// verifier is a stored hash that a password can be compared with.
type verifier interface {
	// matches costs one evaluation, in m if it is one of ours. An error says that the password can never match, whatever it is.
	matches(password string, m *argon2.Memory) (bool, error)
	// outdated reports whether a new hash should take its place after a success.
	outdated(current PasswordParams) bool
}

// foreign is embedded by every verifier that is not ours: a success always brings a new hash.
type foreign struct{}

func (foreign) outdated(PasswordParams) bool { return true }

// maxHash is the longest stored hash, in bytes.
const maxHash = 512

var (
	errHashForm = errors.New("not a password hash in a form that is known here")
	errHashCost = errors.New("the hash costs more to compute than this server allows")
	// errPasswordLength says that the format cannot tell such a long password from others, or makes it too costly.
	errPasswordLength = errors.New("the password is longer than the format of the hash allows")
)

// hashForm is one way in which a hash is stored.
type hashForm struct {
	prefix string
	name   string // as imports and exports call it
	parse  func(text string) (verifier, error)
}

// hashForms are all of them. No prefix begins with another.
func hashForms() [17]hashForm {
	return [...]hashForm{
		{"$argon2id$", "argon2id", func(text string) (verifier, error) { return parsePHC(text) }},
		{"$argon2i$", "argon2i", parseOldArgon2},
		{"$argon2d$", "argon2d", parseOldArgon2},
		{"$2a$", "bcrypt", parseBcrypt},
		{"$2b$", "bcrypt", parseBcrypt},
		{"$2y$", "bcrypt", parseBcrypt},
		{djangoBcrypt, "django-bcrypt-sha256", parseDjangoBcrypt},
		{"$scrypt$", "scrypt", parseScrypt},
		{"$firebase-scrypt$", "firebase-scrypt", parseFirebase},
		{"$pbkdf2-sha1$", "pbkdf2-sha1", parsePBKDF2},
		{"$pbkdf2-sha256$", "pbkdf2-sha256", parsePBKDF2},
		{"$pbkdf2-sha512$", "pbkdf2-sha512", parsePBKDF2},
		{"$5$", "sha256-crypt", parseSHACrypt},
		{"$6$", "sha512-crypt", parseSHACrypt},
		{"$P$", "phpass", parsePHPass},
		{"$H$", "phpass", parsePHPass},
		{"{SSHA", "ssha", parseSSHA},
	}
}

// parseHash reads any stored hash within the bounds of its format (PW-13). Errors wrap errHashForm or errHashCost.
func parseHash(text string) (verifier, error) {
	form, ok := formOf(text)
	if !ok || len(text) > maxHash {
		return nil, errHashForm
	}
	return form.parse(text)
}

func formOf(text string) (hashForm, bool) {
	for _, form := range hashForms() {
		if strings.HasPrefix(text, form.prefix) {
			return form, true
		}
	}
	return hashForm{}, false
}

// PasswordFormat names the format of a stored hash, in the words of imports and exports; empty if it is none.
func PasswordFormat(stored string) string {
	form, _ := formOf(stored)
	if form.name == "ssha" {
		scheme, _, _ := strings.Cut(strings.TrimPrefix(stored, "{"), "}")
		return strings.ToLower(scheme)
	}
	return form.name
}

// fields cuts `$name$costs$salt$key` into what follows the name, and reads the base64 of the last two.
func fields(text string, leastSalt, leastKey, mostKey int) (costs []string, salt, key []byte, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 5 || parts[0] != "" {
		return nil, nil, nil, errHashForm
	}
	salt, okSalt := parseBytes(parts[3], leastSalt, maxForeignSalt)
	key, okKey := parseBytes(parts[4], leastKey, mostKey)
	if !okSalt || !okKey {
		return nil, nil, nil, errHashForm
	}
	return strings.Split(parts[2], ","), salt, key, nil
}

// maxForeignSalt is the longest salt of a foreign hash, in bytes.
const maxForeignSalt = 128

// bounded reads `n=1000` and tells a number that is too large from one that is none.
func bounded(field, name string, most uint64) (uint64, error) {
	n, ok := cost(field, name, 1<<32-1)
	switch {
	case !ok:
		return 0, errHashForm
	case uint64(n) > most:
		return 0, errHashCost
	}
	return uint64(n), nil
}

func b64(b []byte) string { return base64.RawStdEncoding.EncodeToString(b) }
