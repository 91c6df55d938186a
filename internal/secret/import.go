package secret

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// ForeignPassword is a password hash as another system hands it out (docs/import.md).
type ForeignPassword struct {
	// Hash carries its salt and costs itself, in one of the forms of crypt(3), PHC, Django, passlib or LDAP; or it is
	// the bare key, and Parameters tell the rest.
	Hash string
	// Format is needed with Parameters; with a hash that tells it, it is checked against that. Empty: the hash tells.
	Format     string
	Parameters *ForeignParameters
}

// ForeignParameters are what a bare key was made with.
type ForeignParameters struct {
	Salt         string `json:"salt"`
	SaltEncoding string `json:"salt_encoding"` // base64 (default), hex or text
	HashEncoding string `json:"hash_encoding"` // base64 (default) or hex
	Iterations   int    `json:"iterations"`    // of PBKDF2
	N            int    `json:"n"`             // of scrypt: a power of two
	R            int    `json:"r"`             // of scrypt
	P            int    `json:"p"`             // of scrypt; 0 means 1
	// Those of a Firebase project, as its console shows them.
	SignerKey     string `json:"signer_key"`
	SaltSeparator string `json:"salt_separator"`
	Rounds        int    `json:"rounds"`
	MemCost       int    `json:"mem_cost"`
}

// ImportPassword brings a foreign hash into the form in which it is stored, which Pool.Verify understands. What it
// would cost to compute is bounded here as there (PW-13). Code: invalid-request on `password.hash`,
// `password.format` or `password.parameters`; no message holds a part of the hash.
func ImportPassword(in ForeignPassword) (stored string, err error) {
	if len(in.Hash) > maxHash {
		return "", auth.Invalid("password.hash", auth.ViolationTooLong, fmt.Sprintf("A hash has at most %d bytes.", maxHash))
	}
	if in.Parameters != nil {
		stored, err = bare(in)
	} else {
		stored, err = selfTold(in.Hash)
	}
	if err == nil {
		_, err = parseHash(stored)
	}
	switch {
	case errors.Is(err, errHashCost):
		return "", auth.Invalid("password.hash", auth.ViolationTooLarge, "This hash costs more to compute than this server allows.")
	case errors.Is(err, errHashForm):
		return "", auth.Invalid("password.hash", auth.ViolationFormat, "This is not a password hash in a form that is known here.")
	case err != nil:
		return "", err
	}
	format := PasswordFormat(stored)
	if in.Format == "" || in.Format == format || in.Format == "django" && isDjango(in.Hash) {
		return stored, nil
	}
	return "", auth.Invalid("password.format", auth.ViolationMismatch, "The hash is one of "+format+".")
}

// isDjango reports whether a hash has the form of Django, `algorithm$...`.
func isDjango(hash string) bool {
	name, _, ok := strings.Cut(hash, "$")
	return ok && name != "" && !strings.HasPrefix(name, "{")
}

// selfTold brings a hash that tells everything itself into our spelling.
func selfTold(hash string) (string, error) {
	if isDjango(hash) {
		return django(hash)
	}
	if strings.HasPrefix(hash, "{") {
		return ldap(hash)
	}
	if parts := strings.Split(hash, "$"); len(parts) == 5 && strings.HasPrefix(parts[1], "pbkdf2") && !strings.Contains(parts[2], "=") {
		return passlib(parts)
	}
	return hash, nil
}

// django reads `algorithm$costs$salt$key`, whose salts are text and whose keys are padded base64.
func django(hash string) (string, error) {
	name, rest, _ := strings.Cut(hash, "$")
	parts := strings.Split(rest, "$")
	switch {
	case name == "bcrypt_sha256":
		return hash, nil
	case name == "bcrypt", name == "argon2":
		if name == "argon2" {
			rest = "$" + rest
		}
		return rest, nil
	case strings.HasPrefix(name, "pbkdf2_") && len(parts) == 3:
		return rebuilt(parts[2], func(key []byte) (string, error) {
			n, err := strconv.Atoi(parts[0])
			return pbkdf2Hash{name: strings.TrimPrefix(name, "pbkdf2_"), iterations: n, salt: []byte(parts[1]), key: key}.String(), err
		})
	case name == "scrypt" && len(parts) == 5:
		return rebuilt(parts[4], func(key []byte) (string, error) {
			n, errN := strconv.Atoi(parts[0])
			r, errR := strconv.Atoi(parts[2])
			p, errP := strconv.Atoi(parts[3])
			if errN != nil || errR != nil || errP != nil {
				return "", errHashForm
			}
			return plainScrypt(n, r, p, []byte(parts[1]), key)
		})
	}
	return "", errHashForm
}

// rebuilt decodes a key of base64 and makes a hash of it.
func rebuilt(key string, build func(key []byte) (string, error)) (string, error) {
	raw, err := decode(key, "")
	if err != nil {
		return "", errHashForm
	}
	text, err := build(raw)
	if err != nil {
		return "", errHashForm
	}
	return text, nil
}

// passlib reads `$pbkdf2-sha256$29000$salt$key`, whose base64 has a dot for the plus. Without a digest it is SHA-1.
func passlib(parts []string) (string, error) {
	plus := func(s string) string { return strings.ReplaceAll(s, ".", "+") }
	salt, err := decode(plus(parts[3]), "")
	if err != nil {
		return "", errHashForm
	}
	name := strings.TrimPrefix(strings.TrimPrefix(parts[1], "pbkdf2"), "-")
	if name == "" {
		name = "sha1"
	}
	return rebuilt(plus(parts[4]), func(key []byte) (string, error) {
		n, err := strconv.Atoi(parts[2])
		return pbkdf2Hash{name: name, iterations: n, salt: salt, key: key}.String(), err
	})
}

// ldap reads `{SCHEME}value` in any case; `{CRYPT}` holds a hash of crypt(3).
func ldap(hash string) (string, error) {
	scheme, body, ok := strings.Cut(strings.TrimPrefix(hash, "{"), "}")
	scheme = strings.ToUpper(scheme)
	switch {
	case !ok:
		return "", errHashForm
	case scheme == "CRYPT":
		return body, nil
	}
	raw, err := decode(body, "")
	if err != nil {
		return "", errHashForm
	}
	return "{" + scheme + "}" + base64.StdEncoding.EncodeToString(raw), nil
}

// bare makes a hash of a key and its parameters.
func bare(in ForeignPassword) (string, error) {
	p := in.Parameters
	key, err := decode(in.Hash, p.HashEncoding)
	if err != nil {
		return "", auth.Invalid("password.hash", auth.ViolationFormat, "The key is not "+encoding(p.HashEncoding)+".")
	}
	salt, err := decode(p.Salt, p.SaltEncoding)
	if err != nil {
		return "", auth.Invalid("password.parameters", auth.ViolationFormat, "The salt is not "+encoding(p.SaltEncoding)+".")
	}
	switch {
	case strings.HasPrefix(in.Format, "pbkdf2-"):
		return pbkdf2Hash{name: strings.TrimPrefix(in.Format, "pbkdf2-"), iterations: p.Iterations, salt: salt, key: key}.String(), nil
	case in.Format == "scrypt":
		return plainScrypt(p.N, p.R, max(p.P, 1), salt, key)
	case in.Format == "firebase-scrypt":
		return firebase(p, salt, key)
	}
	return "", auth.Invalid("password.format", auth.ViolationEnum,
		"Parameters go with the formats pbkdf2-sha1, pbkdf2-sha256, pbkdf2-sha512, scrypt and firebase-scrypt.")
}

func plainScrypt(n, r, p int, salt, key []byte) (string, error) {
	if n < 2 || n&(n-1) != 0 {
		return "", errHashForm
	}
	return scryptHash{log: bits.Len(uint(n)) - 1, r: r, p: p, salt: salt, key: key}.String(), nil
}

// firebase keeps what the signer key was encrypted with instead of the key itself (see scryptHash).
func firebase(p *ForeignParameters, salt, hash []byte) (string, error) {
	signer, errSigner := decode(p.SignerKey, "")
	separator, errSeparator := decode(p.SaltSeparator, "")
	if errSigner != nil || errSeparator != nil || len(signer) != len(hash) {
		return "", auth.Invalid("password.parameters", auth.ViolationFormat, "signer_key and salt_separator are base64, and the signer key is as long as the hash.")
	}
	stream := make([]byte, len(hash))
	for i := range stream {
		stream[i] = hash[i] ^ signer[i]
	}
	return scryptHash{log: p.MemCost, r: p.Rounds, p: 1, salt: append(salt, separator...), key: stream, firebase: true}.String(), nil
}

// decode reads hexadecimal, text, or base64 of either alphabet with or without padding.
func decode(text, form string) ([]byte, error) {
	switch form {
	case "hex":
		return hex.DecodeString(text)
	case "text":
		return []byte(text), nil
	case "", "base64":
		text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
		if strings.ContainsAny(text, "\r\n") {
			return nil, errHashForm
		}
		return base64.RawStdEncoding.DecodeString(text)
	}
	return nil, errHashForm
}

func encoding(form string) string {
	switch form {
	case "hex":
		return "hexadecimal"
	case "", "base64":
		return "base64"
	}
	return "in an encoding that is known here: base64, hex or text"
}
