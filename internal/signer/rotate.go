package signer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// plan says what has to change about the keys of one algorithm.
type plan struct {
	update []auth.SigningKey
	make   []time.Time // new keys, by the time at which they begin to sign
}

func (p plan) empty() bool { return len(p.update)+len(p.make) == 0 }

// planner looks at the rows of one algorithm, in the order of activation.
type planner func(rows []auth.SigningKey, now time.Time) plan

// Tend brings the keys in order: it makes the first pair, retires the key whose successor's time has come, makes a
// new successor, and removes keys whose overlap is over. Housekeeping calls it; with nothing to do it writes nothing.
func (s *Signer) Tend(ctx context.Context) error {
	algorithms, err := s.algorithms(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(algorithms, auth.AlgorithmES256) {
		algorithms = append(algorithms, auth.AlgorithmES256)
	}
	for _, algorithm := range algorithms {
		if err := s.apply(ctx, algorithm, s.tidy); err != nil {
			return err
		}
	}
	return nil
}

// Prepare makes the keys of an algorithm that is not in use yet, so that those who keep the JWKS for a while know the key
// before the first token that it signs. It may take seconds, and writes nothing if there are keys.
func (s *Signer) Prepare(ctx context.Context, algorithm string) error {
	if err := s.apply(ctx, algorithm, s.tidy); err != nil {
		return err
	}
	return s.reload(ctx)
}

// Rotate lets the published successor of every key sign from now on and publishes a new successor; what the old key
// signed verifies through the overlap (SECURITY KM-01). An emergency is for keys that somebody else may know: all
// of them are removed at once, successors too, and new ones made; every access token in use fails and is refreshed.
func (s *Signer) Rotate(ctx context.Context, emergency bool) error {
	algorithms, err := s.algorithms(ctx)
	if err != nil {
		return err
	}
	how := s.promote
	if emergency {
		how = s.replace
	}
	for _, algorithm := range algorithms {
		if err := s.apply(ctx, algorithm, how); err != nil {
			return err
		}
	}
	return s.reload(ctx)
}

// algorithms lists those that have keys, sorted.
func (s *Signer) algorithms(ctx context.Context) ([]string, error) {
	var out []string
	err := s.o.DB.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.SigningKeys()
		out = nil
		for _, row := range rows {
			out = append(out, row.Algorithm)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the signing keys: %w", err)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// tidy is the plan of Tend.
func (s *Signer) tidy(rows []auth.SigningKey, now time.Time) plan {
	var p plan
	var active []auth.SigningKey
	next := false
	for _, row := range rows {
		switch {
		case !row.RetiresAt.IsZero() && !now.Before(row.RetiresAt.Add(s.o.Overlap)):
			row.RemovedAt, row.Sealed = now, nil
			p.update = append(p.update, row)
		case !row.RetiresAt.IsZero():
		case row.ActivatesAt.After(now):
			next = true
		default:
			active = append(active, row)
		}
	}
	for i := range len(active) - 1 {
		active[i].RetiresAt, active[i].Sealed = active[i+1].ActivatesAt, nil
		p.update = append(p.update, active[i])
	}
	if len(active) == 0 {
		p.make = append(p.make, now)
	}
	if !next {
		p.make = append(p.make, now.Add(s.o.Period))
	}
	return p
}

// promote is the plan of a rotation.
func (s *Signer) promote(rows []auth.SigningKey, now time.Time) plan {
	var p plan
	promoted := false
	for _, row := range rows {
		switch {
		case !row.RetiresAt.IsZero():
			continue
		case row.ActivatesAt.After(now) && promoted:
			continue // a second successor stays one
		case row.ActivatesAt.After(now):
			row.ActivatesAt, promoted = now, true
		default:
			row.RetiresAt, row.Sealed = now, nil
		}
		p.update = append(p.update, row)
	}
	if !promoted {
		p.make = append(p.make, now)
	}
	p.make = append(p.make, now.Add(s.o.Period))
	return p
}

// replace is the plan of an emergency.
func (s *Signer) replace(rows []auth.SigningKey, now time.Time) plan {
	p := plan{make: []time.Time{now, now.Add(s.o.Period)}}
	for _, row := range rows {
		row.RemovedAt, row.Sealed = now, nil
		p.update = append(p.update, row)
	}
	return p
}

// apply carries out a plan under the algorithm's lock. Keys are generated before the transaction, for that takes
// long and cannot be repeated, so the plan is made twice: from a snapshot to know how many are needed, and under the
// lock from the rows as they are then.
func (s *Signer) apply(ctx context.Context, algorithm string, how planner) error {
	var fresh []auth.SigningKey
	for range 5 {
		var preview plan
		err := s.o.DB.Read(ctx, func(tx *store.Tx) (err error) {
			preview, err = s.planned(tx, algorithm, how)
			return err
		})
		if err != nil || preview.empty() {
			return err
		}
		for len(fresh) < len(preview.make) {
			if err := ctx.Err(); err != nil {
				return err
			}
			made, err := s.makeKey(algorithm)
			if err != nil {
				return err
			}
			fresh = append(fresh, made)
		}
		done := false
		err = s.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
			done, err = s.change(tx, algorithm, how, fresh)
			return err
		})
		if err != nil || done {
			return err
		}
	}
	return errors.New("the signing keys change faster than they can be rotated")
}

func (s *Signer) planned(tx *store.Tx, algorithm string, how planner) (plan, error) {
	rows, err := tx.SigningKeys()
	if err != nil {
		return plan{}, fmt.Errorf("read the signing keys: %w", err)
	}
	rows = slices.DeleteFunc(rows, func(k auth.SigningKey) bool { return k.Algorithm != algorithm })
	return how(rows, tx.Now()), nil
}

// change writes a plan; done is false if it needs more new keys than there are.
func (s *Signer) change(tx *store.Tx, algorithm string, how planner, fresh []auth.SigningKey) (done bool, err error) {
	if err := tx.LockSigningKeys(algorithm); err != nil {
		return false, fmt.Errorf("lock the signing keys: %w", err)
	}
	p, err := s.planned(tx, algorithm, how)
	if err != nil || len(p.make) > len(fresh) {
		return false, err
	}
	for _, row := range p.update {
		if err := tx.UpdateSigningKey(row); err != nil {
			return false, fmt.Errorf("change a signing key: %w", err)
		}
	}
	for i, activates := range p.make {
		row := fresh[i]
		row.CreatedAt, row.ActivatesAt = tx.Now(), activates
		if err := tx.InsertSigningKey(row); err != nil {
			return false, fmt.Errorf("write a signing key: %w", err)
		}
	}
	if !p.empty() {
		tx.Invalidate(store.KindSigningKey, algorithm)
	}
	return true, nil
}

// Reseal brings the private keys under the current master key and counts those that it changed.
func (s *Signer) Reseal(ctx context.Context) (n int, err error) {
	err = s.o.DB.Write(ctx, func(tx *store.Tx) error {
		n = 0
		rows, err := tx.SigningKeys()
		if err != nil {
			return fmt.Errorf("read the signing keys: %w", err)
		}
		for _, row := range rows {
			if len(row.Sealed) == 0 {
				continue
			}
			sealed, changed, err := s.o.Keys.Reseal(sealPurpose, string(row.ID), row.Sealed)
			if err != nil {
				return fmt.Errorf("signing key %s: %w", row.ID, err)
			}
			if row.Sealed = sealed; !changed {
				continue
			}
			if err := tx.UpdateSigningKey(row); err != nil {
				return fmt.Errorf("change a signing key: %w", err)
			}
			n++
		}
		return nil
	})
	return n, err
}
