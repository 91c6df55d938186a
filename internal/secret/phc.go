package secret

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/ostiary-id/ostiary/internal/secret/argon2"
)

// PasswordParams is the cost of one argon2id evaluation (RFC 9106).
type PasswordParams struct {
	Memory  uint32 // KiB
	Time    uint32 // passes
	Threads uint8  // lanes
}

// DefaultPasswordParams are 19 MiB, 2 passes, 1 lane: OWASP's password storage minimum for argon2id (SECURITY PW-09).
func DefaultPasswordParams() PasswordParams {
	return PasswordParams{Memory: 19456, Time: 2, Threads: 1}
}

// Strong reports whether p is at least one of OWASP's equivalent settings for argon2id: 46 MiB and 1 pass, 19 and 2,
// 12 and 3, 9 and 4, 7 and 5.
func (p PasswordParams) Strong() bool {
	for _, floor := range [...]PasswordParams{{Memory: 47104, Time: 1}, {Memory: 19456, Time: 2},
		{Memory: 12288, Time: 3}, {Memory: 9216, Time: 4}, {Memory: 7168, Time: 5}} {
		if p.Memory >= floor.Memory && p.Time >= floor.Time {
			return true
		}
	}
	return false
}

// Bounds of what Verify accepts from a stored hash, so that an imported one cannot stall the server
// (SECURITY PW-13). The lower bound of memory is that of RFC 9106 section 3.1.
const (
	maxMemory  = 256 * 1024 // KiB
	maxTime    = 10
	maxThreads = 16
	minSalt    = 8
	maxSalt    = 64
	minKey     = 16
	maxKey     = 64
	maxPHC     = 256 // bytes
	saltBytes  = 16
	keyBytes   = 32
)

var errPHC = fmt.Errorf("%w: no argon2 hash within bounds", errHashForm)

// phc is a stored hash: `$argon2id$v=19$m=19456,t=2,p=1$salt$key`.
type phc struct {
	params    PasswordParams
	salt, key []byte
}

func (h phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		h.params.Memory, h.params.Time, h.params.Threads, b64.EncodeToString(h.salt), b64.EncodeToString(h.key))
}

// parsePHC reads exactly what String writes, within the bounds above: one spelling for each hash.
func parsePHC(text string) (phc, error) {
	h, err := parseArgon2(text, "argon2id")
	if err != nil && costly(text) {
		return phc{}, errHashCost
	}
	return h, err
}

// parseArgon2 is parsePHC for any variant of argon2.
func parseArgon2(text, variant string) (phc, error) {
	parts := strings.Split(text, "$")
	if len(text) > maxPHC || len(parts) != 6 || parts[0] != "" || parts[1] != variant || parts[2] != "v=19" {
		return phc{}, errPHC
	}
	params, okParams := parseCosts(parts[3])
	salt, okSalt := parseBytes(parts[4], minSalt, maxSalt)
	key, okKey := parseBytes(parts[5], minKey, maxKey)
	if !okParams || !okSalt || !okKey {
		return phc{}, errPHC
	}
	return phc{params: params, salt: salt, key: key}, nil
}

// parseCosts reads `m=19456,t=2,p=1`.
func parseCosts(text string) (PasswordParams, bool) {
	costs := strings.Split(text, ",")
	if len(costs) != 3 {
		return PasswordParams{}, false
	}
	m, okM := cost(costs[0], "m=", maxMemory)
	t, okT := cost(costs[1], "t=", maxTime)
	p, okP := cost(costs[2], "p=", maxThreads)
	return PasswordParams{Memory: m, Time: t, Threads: uint8(p)}, okM && okT && okP && m >= 8*p
}

// costly reports whether an argon2 hash is refused for its costs alone, so that people can be told.
func costly(text string) bool {
	parts := strings.Split(text, "$")
	if len(parts) != 6 {
		return false
	}
	costs := strings.Split(parts[3], ",")
	if len(costs) != 3 {
		return false
	}
	m, okM := cost(costs[0], "m=", math.MaxUint32)
	t, okT := cost(costs[1], "t=", math.MaxUint32)
	p, okP := cost(costs[2], "p=", math.MaxUint32)
	return okM && okT && okP && (m > maxMemory || t > maxTime || p > maxThreads)
}

// parseBytes reads base64 without padding, line breaks or stray bits.
func parseBytes(text string, least, most int) ([]byte, bool) {
	b, err := base64.RawStdEncoding.Strict().DecodeString(text)
	return b, err == nil && !strings.ContainsAny(text, "\r\n") && len(b) >= least && len(b) <= most
}

// cost reads `m=19456`: a decimal from 1 to most without sign or leading zero.
func cost(field, name string, most uint64) (uint32, bool) {
	digits, ok := strings.CutPrefix(field, name)
	if !ok || digits == "" || digits[0] < '1' || digits[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), err == nil && n <= most
}

func (h phc) matches(password string, m *argon2.Memory) (bool, error) {
	return Equal(h.derive(password, m), h.key), nil
}

// derive costs one evaluation.
func (h phc) derive(password string, m *argon2.Memory) []byte {
	return m.Key([]byte(password), h.salt, h.params.Time, h.params.Memory, h.params.Threads, uint32(len(h.key)))
}

// outdated reports whether a hash should be made again with the current parameters.
func (h phc) outdated(current PasswordParams) bool {
	return h.params.Memory < current.Memory || h.params.Time < current.Time || len(h.salt) < saltBytes || len(h.key) < keyBytes
}
