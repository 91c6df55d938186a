package secret

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// MasterBytes is the length of a master key.
const MasterBytes = 32

// ErrWeakMaster says that a text is no master key: not 32 bytes, or bytes that no random source gives.
var ErrWeakMaster = errors.New("not a usable master key: it must be 32 random bytes in base64 (make one with `openssl rand -base64 32`)")

// Master is the key that everything sealed hangs on. It lives outside the database and never prints.
type Master struct{ key [MasterBytes]byte }

// NewMaster makes a random master key.
func NewMaster(r io.Reader) (Master, error) {
	var m Master
	if _, err := io.ReadFull(r, m.key[:]); err != nil {
		return Master{}, fmt.Errorf("read random bytes: %w", err)
	}
	if weak(m.key[:]) {
		return Master{}, fmt.Errorf("the random source is broken: %w", ErrWeakMaster)
	}
	return m, nil
}

// ParseMaster reads a master key from its text: standard base64 with padding, white space around it ignored. It
// refuses keys that a person typed or that a document showed as an example (SECURITY KM-02); errors wrap
// ErrWeakMaster and never hold the text.
func ParseMaster(text string) (Master, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != MasterBytes || weak(b) {
		return Master{}, ErrWeakMaster
	}
	return Master{key: [MasterBytes]byte(b)}, nil
}

// weak reports whether 32 bytes surely did not come from a random source. Each test refuses a good key with a
// probability below 2^-40.
func weak(b []byte) bool {
	distinct := make(map[byte]bool, len(b))
	printable, arithmetic := true, true
	for i, c := range b {
		distinct[c] = true
		printable = printable && c >= 0x20 && c < 0x7f
		arithmetic = arithmetic && (i == 0 || c-b[i-1] == b[1]-b[0])
	}
	half := len(b) / 2
	return len(distinct) < 14 || printable || arithmetic || bytes.Equal(b[:half], b[half:])
}

// Text is the form that ParseMaster reads. It is the key itself: write it to the key file, nowhere else.
func (m Master) Text() string { return base64.StdEncoding.EncodeToString(m.key[:]) }

// String is Redacted.
func (m Master) String() string { return Redacted }

// GoString is Redacted.
func (m Master) GoString() string { return Redacted }

// Format answers every verb with Redacted.
func (m Master) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// LogValue is Redacted.
func (m Master) LogValue() slog.Value { return slog.StringValue(Redacted) }

// Fingerprint names the key without giving it away: 128 bits derived from it, in hex. The database stores it, so
// that a start with another key is noticed before anything is read.
func (m Master) Fingerprint() string { return hex.EncodeToString(m.derive("fingerprint", 16)) }

// derive is HKDF-SHA256 (RFC 5869) of the master key; info separates the uses.
func (m Master) derive(info string, length int) []byte {
	key, err := hkdf.Key(sha256.New, m.key[:], nil, "ostiary/v1/"+info, length)
	if err != nil {
		panic(err) // only for lengths over 255 hashes, which are constants here
	}
	return key
}

// CreateMasterFile writes the key to a new file with mode 0600 and returns only when the file and its directory
// entry are on the disk, so that no row can outlive the key it is sealed with. An existing file is never touched:
// the error then wraps fs.ErrExist.
func CreateMasterFile(path string, m Master) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("create the master key file: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(path)
		}
	}()
	_, err = f.WriteString(m.Text() + "\n")
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("write the master key file: %w", err)
	}
	return syncDirectory(filepath.Dir(path))
}

func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open the directory of the master key file: %w", err)
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync the directory of the master key file: %w", err)
	}
	return nil
}

// ReadMasterFile reads a key file. It refuses a file that group or others may read and says how to mend that; a
// missing file gives an error that wraps fs.ErrNotExist.
func ReadMasterFile(path string) (Master, error) {
	f, err := os.Open(path)
	if err != nil {
		return Master{}, fmt.Errorf("open the master key file: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return Master{}, fmt.Errorf("look at the master key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return Master{}, fmt.Errorf("the master key file %s is not a regular file", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return Master{}, fmt.Errorf("the master key file %s has mode %04o, so other accounts can reach it; run `chmod 600 %s` and consider the key known to them", path, mode, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return Master{}, fmt.Errorf("read the master key file: %w", err)
	}
	m, err := ParseMaster(string(text))
	if err != nil {
		return Master{}, fmt.Errorf("the master key file %s: %w", path, err)
	}
	return m, nil
}
