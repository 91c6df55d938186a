package store

import (
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const deviceColumns = "id, app_id, client_id, hash, user_code, delegation, status, user_id, session_id, amr, auth_time, ip, user_agent, " +
	"poll_every, polled_at, created_at, expires_at"

func (tx *Tx) device(query string, args ...any) (auth.DeviceAuthorization, error) {
	var (
		d                                         auth.DeviceAuthorization
		delegation, amr                           string
		authTime, every, polled, created, expires int64
	)
	err := tx.one(query, args, &d.ID, &d.App, &d.Client, &d.Hash, &d.UserCode, &delegation, &d.Status, &d.User, &d.Session, &amr, &authTime,
		&d.IP, &d.UserAgent, &every, &polled, &created, &expires)
	if err != nil {
		return auth.DeviceAuthorization{}, err
	}
	d.Interval = time.Duration(every) * time.Microsecond
	d.AuthTime, d.PolledAt, d.CreatedAt, d.ExpiresAt = instant(authTime), instant(polled), instant(created), instant(expires)
	if err := fromJSON(amr, &d.AMR); err != nil {
		return auth.DeviceAuthorization{}, err
	}
	return d, fromJSON(delegation, &d.Delegation)
}

// DeviceByCodeForUpdate reads a device authorization by the hash of its device code, with the row locked until the
// transaction ends. Its app is not known before.
func (tx *Tx) DeviceByCodeForUpdate(hash []byte) (auth.DeviceAuthorization, error) {
	return tx.device("SELECT "+deviceColumns+" FROM device_authorizations WHERE hash = $1"+tx.lockSuffix(), hash)
}

// DeviceByUserCode reads a device authorization by what a person typed, in canonical form; its app is not known before.
func (tx *Tx) DeviceByUserCode(code string) (auth.DeviceAuthorization, error) {
	return tx.device("SELECT "+deviceColumns+" FROM device_authorizations WHERE user_code = $1", code)
}

// DeviceByUserCodeForUpdate is DeviceByUserCode with the row locked until the transaction ends.
func (tx *Tx) DeviceByUserCodeForUpdate(code string) (auth.DeviceAuthorization, error) {
	return tx.device("SELECT "+deviceColumns+" FROM device_authorizations WHERE user_code = $1"+tx.lockSuffix(), code)
}

// InsertDevice writes a new device authorization; inserted is false if the user code is taken.
func (tx *Tx) InsertDevice(d auth.DeviceAuthorization) (inserted bool, err error) {
	n, err := tx.exec("INSERT INTO device_authorizations ("+deviceColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT DO NOTHING`,
		d.ID, d.App, d.Client, d.Hash, d.UserCode, jsonText(d.Delegation), d.Status, d.User, d.Session, jsonText(d.AMR),
		micros(d.AuthTime), d.IP, d.UserAgent, d.Interval.Microseconds(), micros(d.PolledAt), micros(d.CreatedAt), micros(d.ExpiresAt))
	return n == 1, err
}

// UpdateDevice stores how far a device authorization is, whose it is and when it was polled; it reports whether there was
// such a row.
func (tx *Tx) UpdateDevice(d auth.DeviceAuthorization) (bool, error) {
	n, err := tx.exec(`UPDATE device_authorizations SET status = $3, user_id = $4, session_id = $5, amr = $6, auth_time = $7, delegation = $8,
		poll_every = $9, polled_at = $10 WHERE app_id = $1 AND id = $2`, d.App, d.ID, d.Status, d.User, d.Session, jsonText(d.AMR),
		micros(d.AuthTime), jsonText(d.Delegation), d.Interval.Microseconds(), micros(d.PolledAt))
	return n == 1, err
}

// DenyDevices turns away the devices that a user looks at or has let in and that have nothing yet: those of one client, or of
// all if it is empty.
func (tx *Tx) DenyDevices(app auth.AppID, user auth.UserID, client auth.ClientID) error {
	_, err := tx.exec(`UPDATE device_authorizations SET status = $4
		WHERE app_id = $1 AND user_id = $2 AND status IN ($5, $6) AND (client_id = $3 OR $3 = '')`,
		app, user, client, auth.DeviceDenied, auth.DevicePending, auth.DeviceApproved)
	return err
}

// DeleteExpiredDevices removes at most limit device authorizations of all apps that expired before a time.
func (tx *Tx) DeleteExpiredDevices(before time.Time, limit int) (int64, error) {
	return tx.exec(`WITH due AS (SELECT id FROM device_authorizations WHERE expires_at < $1 ORDER BY expires_at LIMIT $2`+tx.claimSuffix()+`)
		DELETE FROM device_authorizations WHERE id IN (SELECT id FROM due)`, micros(before), limit)
}
