package grant

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// CanonicalUserCode is what a person typed in the form that is stored: capital letters, nothing between them. ok is false
// for what can be no code.
func CanonicalUserCode(typed string) (code string, ok bool) {
	if len(typed) > 4*UserCodeLength {
		return "", false
	}
	code = strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' || r == '_' {
			return -1
		}
		return r
	}, strings.ToUpper(typed))
	return code, len(code) == UserCodeLength && strings.Trim(code, UserCodeAlphabet) == ""
}

// ShownUserCode is a canonical code as people read it: two halves.
func ShownUserCode(code string) string {
	return code[:UserCodeLength/2] + "-" + code[UserCodeLength/2:]
}

// WaitingDevice reads the device that waits under a user code, and holds it until the transaction ends; found is false for
// one that nobody has, that is too old, or about which was decided.
func WaitingDevice(tx *store.Tx, code string) (d auth.DeviceAuthorization, found bool, err error) {
	d, err = tx.DeviceByUserCodeForUpdate(code)
	if errors.Is(err, store.ErrNotFound) {
		return d, false, nil
	}
	if err != nil {
		return d, false, fmt.Errorf("read a device: %w", err)
	}
	return d, d.Status == auth.DevicePending && tx.Now().Before(d.ExpiresAt), nil
}

// ClaimDevice notes whose session looks at a waiting device; it reports false if another one does already, be it of the same
// person. From then on that session alone decides (DV-02).
func ClaimDevice(tx *store.Tx, d auth.DeviceAuthorization, user auth.UserID, session auth.SessionID) (bool, error) {
	if d.Session != "" && d.Session != session {
		return false, nil
	}
	d.User, d.Session = user, session
	return true, updateDevice(tx, d)
}

// ApproveDevice lets a waiting device in, by the session that claimed it; amr and authTime say how its person was proven.
func ApproveDevice(tx *store.Tx, d auth.DeviceAuthorization, amr []string, authTime time.Time) error {
	d.Status, d.AMR, d.AuthTime = auth.DeviceApproved, amr, authTime
	return updateDevice(tx, d)
}

// DenyDevice turns a waiting device away.
func DenyDevice(tx *store.Tx, d auth.DeviceAuthorization) error {
	d.Status = auth.DeviceDenied
	return updateDevice(tx, d)
}
