package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // PBKDF2-HMAC-SHA1 hashes of other systems have to be recognised
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"regexp"
	"strings"

	foreignargon2 "github.com/go-crypt/crypt/algorithm/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"

	"github.com/ostiary-id/ostiary/internal/secret/argon2"
)

// Bounds of foreign hashes (SECURITY PW-13). What one evaluation may cost is about that of the heaviest argon2id hash
// that is accepted: 256 MiB, a few seconds of one core.
const (
	maxBcryptCost   = 14
	maxBcryptBytes  = 72      // of a password; bcrypt ignores what follows (PW-12)
	maxPBKDF2       = 5000000 // iterations, over all blocks of the key
	maxScryptBlocks = 1 << 21 // N*r: 128 bytes each, 256 MiB
	maxScryptWork   = 1 << 22 // N*r*p
	maxScryptLog    = 20
	maxScryptFactor = 64 // r and p
)

// oldArgon2 is argon2i or argon2d, in the PHC form.
type oldArgon2 struct {
	foreign
	text string
}

func parseOldArgon2(text string) (verifier, error) {
	for _, variant := range []string{"argon2i", "argon2d"} {
		if _, err := parseArgon2(text, variant); err == nil {
			return oldArgon2{text: text}, nil
		}
	}
	if costly(text) {
		return nil, errHashCost
	}
	return nil, errHashForm
}

func (h oldArgon2) matches(password string, _ *argon2.Memory) (bool, error) {
	digest, err := foreignargon2.Decode(h.text)
	if err != nil {
		return false, fmt.Errorf("read an argon2 hash: %w", err)
	}
	return digest.MatchBytesAdvanced([]byte(password))
}

// bcryptHash is `$2b$12$` with 22 characters of salt and 31 of key. prehash says that the password is first turned into
// the hexadecimal SHA-256 of it, as Django's bcrypt_sha256 does.
type bcryptHash struct {
	foreign
	text    string
	prehash bool
}

var bcryptForm = regexp.MustCompile(`^\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}$`)

const djangoBcrypt = "bcrypt_sha256$"

func parseBcrypt(text string) (verifier, error) {
	m := bcryptForm.FindStringSubmatch(text)
	switch {
	case m == nil || m[1] < "04":
		return nil, errHashForm
	case m[1] > fmt.Sprint(maxBcryptCost):
		return nil, errHashCost
	}
	return bcryptHash{text: text}, nil
}

func parseDjangoBcrypt(text string) (verifier, error) {
	inner, err := parseBcrypt(strings.TrimPrefix(text, djangoBcrypt))
	if err != nil {
		return nil, err
	}
	h := inner.(bcryptHash)
	h.prehash = true
	return h, nil
}

// matches never compares a part of a password: one that bcrypt would cut is wrong (PW-12).
func (h bcryptHash) matches(password string, _ *argon2.Memory) (bool, error) {
	if h.prehash {
		sum := sha256.Sum256([]byte(password))
		password = hex.EncodeToString(sum[:])
	}
	if len(password) > maxBcryptBytes {
		return false, errPasswordLength
	}
	return bcrypt.CompareHashAndPassword([]byte(h.text), []byte(password)) == nil, nil
}

// pbkdf2Hash is `$pbkdf2-sha256$i=600000$salt$key`.
type pbkdf2Hash struct {
	foreign
	name       string
	iterations int
	salt, key  []byte
}

// digests of PBKDF2, by the name of the hash function.
func pbkdf2Digest(name string) func() hash.Hash {
	switch name {
	case "sha1":
		return sha1.New
	case "sha256":
		return sha256.New
	case "sha512":
		return sha512.New
	}
	return nil
}

func parsePBKDF2(text string) (verifier, error) {
	costs, salt, key, err := fields(text, 1, minKey, maxKey)
	if err != nil || len(costs) != 1 {
		return nil, errHashForm
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(text, "$pbkdf2-"), "$")
	digest := pbkdf2Digest(name)
	if digest == nil {
		return nil, errHashForm
	}
	blocks := (len(key) + digest().Size() - 1) / digest().Size()
	n, err := bounded(costs[0], "i=", uint64(maxPBKDF2/blocks))
	if err != nil {
		return nil, err
	}
	return pbkdf2Hash{name: name, iterations: int(n), salt: salt, key: key}, nil
}

func (h pbkdf2Hash) String() string {
	return fmt.Sprintf("$pbkdf2-%s$i=%d$%s$%s", h.name, h.iterations, b64(h.salt), b64(h.key))
}

func (h pbkdf2Hash) matches(password string, _ *argon2.Memory) (bool, error) {
	got, err := pbkdf2.Key(pbkdf2Digest(h.name), password, h.salt, h.iterations, len(h.key))
	if err != nil {
		return false, fmt.Errorf("derive a PBKDF2 key: %w", err)
	}
	return Equal(got, h.key), nil
}

// scryptHash is `$scrypt$ln=17,r=8,p=1$salt$key`, or with firebase set `$firebase-scrypt$ln=14,r=8,p=1$salt$stream`.
//
// Firebase encrypts the signer key of the project by AES-CTR, with a zero nonce, under the scrypt key, and shows the
// result as the hash. We keep the key stream alone, hash XOR signer key: it tells the right password as well, and the
// signer key is not needed again.
type scryptHash struct {
	foreign
	log       int
	r, p      int
	salt, key []byte
	firebase  bool
}

// The length of a signer key, and so of a Firebase key stream, in bytes.
const (
	minStream = 32
	maxStream = 128
)

func parseScrypt(text string) (verifier, error) { return readScrypt(text, false) }

func parseFirebase(text string) (verifier, error) { return readScrypt(text, true) }

func readScrypt(text string, firebase bool) (verifier, error) {
	least, most := minKey, maxKey
	if firebase {
		least, most = minStream, maxStream
	}
	costs, salt, key, err := fields(text, 1, least, most)
	if err != nil || len(costs) != 3 {
		return nil, errHashForm
	}
	h := scryptHash{salt: salt, key: key, firebase: firebase}
	for i, f := range []struct {
		name string
		most uint64
		into *int
	}{{"ln=", maxScryptLog, &h.log}, {"r=", maxScryptFactor, &h.r}, {"p=", maxScryptFactor, &h.p}} {
		n, err := bounded(costs[i], f.name, f.most)
		if err != nil {
			return nil, err
		}
		*f.into = int(n)
	}
	if h.r<<h.log > maxScryptBlocks || h.r*h.p<<h.log > maxScryptWork {
		return nil, errHashCost
	}
	return h, nil
}

func (h scryptHash) String() string {
	name := "scrypt"
	if h.firebase {
		name = "firebase-scrypt"
	}
	return fmt.Sprintf("$%s$ln=%d,r=%d,p=%d$%s$%s", name, h.log, h.r, h.p, b64(h.salt), b64(h.key))
}

func (h scryptHash) matches(password string, _ *argon2.Memory) (bool, error) {
	size := len(h.key)
	if h.firebase {
		size = 32 // an AES-256 key
	}
	got, err := scrypt.Key([]byte(password), h.salt, 1<<h.log, h.r, h.p, size)
	if err != nil {
		return false, fmt.Errorf("derive a scrypt key: %w", err)
	}
	if h.firebase {
		block, err := aes.NewCipher(got)
		if err != nil {
			return false, fmt.Errorf("use a scrypt key: %w", err)
		}
		got = make([]byte, len(h.key))
		cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(got, got) //nolint:gosec // the format says a nonce of zeros; the key is new for every salt
	}
	return Equal(got, h.key), nil
}
