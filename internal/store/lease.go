package store

import (
	"errors"
	"time"
)

// Lease is the right of one owner to do one job for a while. Version is the fencing number: it grows with every
// change of hands and never comes back, so a write that names an old version can be refused.
type Lease struct {
	Name    string
	Owner   string
	Until   time.Time
	Version int64
}

// AcquireLease takes the lease for ttl if it is free, has run out, or is the owner's already. held is false if
// somebody else has it; the lease returned is then theirs.
func (tx *Tx) AcquireLease(name, owner string, ttl time.Duration) (l Lease, held bool, err error) {
	l = Lease{Name: name, Owner: owner, Until: tx.Now().Add(ttl)}
	err = tx.one(`INSERT INTO leases (name, owner, until, version) VALUES ($1, $2, $3, 1)
		ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until, version = leases.version + 1
		WHERE leases.until <= $4 OR leases.owner = excluded.owner
		RETURNING version`, []any{name, owner, micros(l.Until), micros(tx.Now())}, &l.Version)
	if err == nil {
		return l, true, nil
	}
	if !errors.Is(err, ErrNotFound) {
		return Lease{}, false, err
	}
	l, err = tx.lease(name)
	return l, false, err
}

// RenewLease moves the end of a lease that the owner still has at this version to ttl from now. It returns false if
// the lease changed hands, and then whatever was done under it since may have been done twice.
func (tx *Tx) RenewLease(l *Lease, ttl time.Duration) (held bool, err error) {
	until := tx.Now().Add(ttl)
	n, err := tx.exec("UPDATE leases SET until = $1 WHERE name = $2 AND owner = $3 AND version = $4",
		micros(until), l.Name, l.Owner, l.Version)
	if err != nil || n == 0 {
		return false, err
	}
	l.Until = until
	return true, nil
}

// HoldLease locks the lease for the rest of the transaction and reports whether l is still its holder: the check
// that fences the rows written under it.
func (tx *Tx) HoldLease(l Lease) (held bool, err error) {
	now, err := tx.lease(l.Name)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return now.Owner == l.Owner && now.Version == l.Version, nil
}

// ReleaseLease ends a lease early. A lease that changed hands is left alone.
func (tx *Tx) ReleaseLease(l Lease) error {
	_, err := tx.exec("UPDATE leases SET until = 0 WHERE name = $1 AND owner = $2 AND version = $3",
		l.Name, l.Owner, l.Version)
	return err
}

func (tx *Tx) lease(name string) (Lease, error) {
	l := Lease{Name: name}
	var until int64
	err := tx.one("SELECT owner, until, version FROM leases WHERE name = $1"+tx.lockSuffix(), []any{name},
		&l.Owner, &until, &l.Version)
	l.Until = instant(until)
	return l, err
}
