package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/store"
)

// restoredAction is the audit event of a restore.
const restoredAction = "house.restored"

// Restored tells what a restore did.
type Restored struct {
	Kept     string `json:"kept,omitempty"` // where the replaced database lies
	Sessions int    `json:"sessions_ended"`
	Proofs   int    `json:"links_removed"`
	Mails    int    `json:"mails_dropped"`
}

// Restore puts a backup in the place of the embedded database (AV-06). No server may run on the data directory. Every
// session ends, every mailed link dies and no waiting mail is sent: what happened to them after the backup is not
// known any more. API keys and app keys are as they were at the backup.
func Restore(ctx context.Context, c config.Config, o Options, file string) (r Restored, err error) {
	c, o = c.WithDefaults(), o.withDefaults()
	if c.Database != "" {
		return r, errors.New("the database is PostgreSQL: restore it with its own tools, then run `ostiary restore --database-restored` before the first start")
	}
	if err := refuseRunning(ctx, c); err != nil {
		return r, err
	}
	if err := makeDataDir(c.Data); err != nil {
		return r, err
	}
	nursery, err := os.MkdirTemp(c.Data, ".restore-")
	if err != nil {
		return r, fmt.Errorf("restore: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(nursery)) }()
	copied := filepath.Join(nursery, databaseFile)
	if err := copyFile(file, copied); err != nil {
		return r, fmt.Errorf("restore: %w", err)
	}
	db, err := store.Open(ctx, store.Options{Path: copied, Clock: o.Clock, Logger: o.Logger})
	if err != nil {
		return r, fmt.Errorf("restore: open the backup: %w", err)
	}
	// A copy of the marked copy is one file for certain, without a log beside it.
	whole := filepath.Join(nursery, "whole.db")
	if r, err = markRestored(ctx, c, o, db, func() error { return db.Backup(ctx, whole) }); err != nil {
		return r, err
	}
	r.Kept, err = store.Replace(DatabasePath(c), whole, ".replaced-"+o.Clock().UTC().Format("20060102T150405Z"))
	return r, err
}

// MarkRestored does to a PostgreSQL database that was restored by its own tools what Restore does to a file.
func MarkRestored(ctx context.Context, c config.Config, o Options) (Restored, error) {
	c, o = c.WithDefaults(), o.withDefaults()
	if err := refuseRunning(ctx, c); err != nil {
		return Restored{}, err
	}
	db, err := openStore(ctx, c, o)
	if err != nil {
		return Restored{}, err
	}
	return markRestored(ctx, c, o, db, func() error { return nil })
}

func refuseRunning(ctx context.Context, c config.Config) error {
	if conn, err := dialSocket(ctx, c.Data); err == nil {
		_ = conn.Close()
		return errors.New("a server is running on this data directory; stop it first")
	}
	return nil
}

// markRestored ends what must not live again, records it, calls after, and closes the database.
func markRestored(ctx context.Context, c config.Config, o Options, db *store.DB, after func() error) (r Restored, err error) {
	h := &house{db: db, late: &late{}}
	defer h.close(ctx)
	master, found, err := findMaster(c)
	if err != nil {
		return r, err
	}
	if !found {
		return r, fmt.Errorf("the master key is missing: %s does not exist, and a backup does not contain it", master.path)
	}
	p, err := makePlan(c)
	if err != nil {
		return r, err
	}
	if h.keys, err = tie(ctx, db, master, found, o.Rand); err != nil {
		return r, err
	}
	if err := h.furnish(ctx, c, p, o); err != nil {
		return r, err
	}
	if r.Sessions, err = h.endRestored(ctx); err != nil {
		return r, err
	}
	if r.Proofs, err = h.dropProofs(ctx, o.Clock()); err != nil {
		return r, err
	}
	if r.Mails, err = h.queue.Discard(ctx, db, mail.JobKind, string(auth.EndRestored)); err != nil {
		return r, err
	}
	err = db.Write(ctx, func(tx *store.Tx) error {
		return h.audit.Record(tx, operatorCaller(), auth.Event{App: auth.DefaultApp, Action: restoredAction, Outcome: "ok"})
	})
	if err != nil {
		return r, err
	}
	return r, after()
}

func operatorCaller() auth.Caller {
	return auth.Caller{Kind: auth.CallerSystem, App: auth.DefaultApp, Client: auth.DefaultClient, IP: netip.Addr{}}
}

// endRestored raises every app's epoch, so that no token of before works, and stores why the sessions ended.
func (h *house) endRestored(ctx context.Context) (total int, err error) {
	if err := h.db.Write(ctx, h.apps.RaiseEpochs); err != nil {
		return 0, err
	}
	for {
		n := 0
		err := h.db.Write(ctx, func(tx *store.Tx) (err error) {
			n, err = h.sessions.EndAllRestored(tx, tidyBatch)
			return err
		})
		if total += n; err != nil || n == 0 {
			return total, err
		}
	}
}

// dropProofs removes every link and code: a spent one would be unspent again.
func (h *house) dropProofs(ctx context.Context, now time.Time) (total int, err error) {
	for {
		n, err := h.proofs.Sweep(ctx, h.db, now.AddDate(100, 0, 0))
		if total += int(n); err != nil || n == 0 {
			return total, err
		}
	}
}

// copyFile copies a backup for nobody but us, durably.
func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
