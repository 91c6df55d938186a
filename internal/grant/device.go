package grant

import (
	"errors"
	"fmt"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	// DeviceInterval is the time between two polls of a device that behaves (RFC 8628 section 3.2).
	DeviceInterval = 5 * time.Second
	// deviceDelay is what a poll that comes too early adds to it (RFC 8628 section 3.5).
	deviceDelay = 5 * time.Second
	// maxDeviceInterval is where that ends.
	maxDeviceInterval = 5 * time.Minute
)

// UserCodeAlphabet are the letters of user codes: no vowels, so that none is a word, and none that looks like another (RFC
// 8628 section 6.1). UserCodeLength of them are 34 bits.
const (
	UserCodeAlphabet = "BCDFGHJKLMNPQRSTVWXZ"
	UserCodeLength   = 8
)

// IssueDevice stores a device authorization with the secret that text is; it fills hash, status and times. inserted is
// false if the user code is taken.
func IssueDevice(tx *store.Tx, text string, d auth.DeviceAuthorization, life time.Duration) (inserted bool, err error) {
	d.Hash, d.Status, d.Interval = secret.Hash(text), auth.DevicePending, DeviceInterval
	d.CreatedAt, d.ExpiresAt = tx.Now(), tx.Now().Add(life)
	if inserted, err = tx.InsertDevice(d); err != nil {
		return false, fmt.Errorf("store a device authorization: %w", err)
	}
	return inserted, nil
}

// FindDevice reads the authorization that a device code is, whatever became of it, and holds it until the transaction
// ends; found is false for one that nobody was given.
func FindDevice(tx *store.Tx, text string) (d auth.DeviceAuthorization, found bool, err error) {
	if !secret.TokenShaped(text) {
		return d, false, nil
	}
	d, err = tx.DeviceByCodeForUpdate(secret.Hash(text))
	if errors.Is(err, store.ErrNotFound) {
		return d, false, nil
	}
	if err != nil {
		return d, false, fmt.Errorf("read a device authorization: %w", err)
	}
	return d, true, nil
}

// PollDevice notes that a device asked how far it is; early is true if it came too soon, and it has to wait longer from
// then on. FindDevice must hold the row.
func PollDevice(tx *store.Tx, d auth.DeviceAuthorization) (early bool, err error) {
	early = !d.PolledAt.IsZero() && tx.Now().Before(d.PolledAt.Add(d.Interval))
	if early {
		d.Interval = min(d.Interval+deviceDelay, maxDeviceInterval)
	}
	d.PolledAt = tx.Now()
	return early, updateDevice(tx, d)
}

// RedeemDevice spends an authorization. It fails if FindDevice did not hold an approved one in this transaction.
func RedeemDevice(tx *store.Tx, d auth.DeviceAuthorization) error {
	if d.Status != auth.DeviceApproved {
		return errors.New("redeem a device authorization: nobody approved it")
	}
	d.Status = auth.DeviceRedeemed
	return updateDevice(tx, d)
}

func updateDevice(tx *store.Tx, d auth.DeviceAuthorization) error {
	ok, err := tx.UpdateDevice(d)
	if err == nil && !ok {
		err = errors.New("it is gone")
	}
	if err != nil {
		return fmt.Errorf("store how far a device is: %w", err)
	}
	return nil
}
