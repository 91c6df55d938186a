package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// The facts about keys that the database holds. The master key itself never gets there: it seals the root key, from
// which everything else is derived, so that changing the master key re-seals one value and breaks nothing.
const (
	metaFingerprint = "master-key.fingerprint"
	metaRootKey     = "root-key.sealed"

	rootPurpose = "root-key"
	leaseMaster = "master-key"
)

// newKeySuffix marks the key file of a rotation that has not finished.
const newKeySuffix = ".new"

// masterKey is a master key and where it came from.
type masterKey struct {
	key  secret.Master
	path string // of its file; empty: it came from the environment
}

// keyFile is where the master key lies.
func keyFile(c config.Config) string {
	if c.MasterKeyFile != "" {
		return c.MasterKeyFile
	}
	return filepath.Join(c.Data, "master.key")
}

// findMaster reads the master key of the settings. A file that is not there is no error yet: found is false.
func findMaster(c config.Config) (m masterKey, found bool, err error) {
	if c.MasterKey != "" {
		m.key, err = secret.ParseMaster(c.MasterKey)
		if err != nil {
			return m, false, fmt.Errorf("master_key (%sMASTER_KEY): %w", config.EnvPrefix, err)
		}
		return m, true, nil
	}
	m.path = keyFile(c)
	m.key, err = secret.ReadMasterFile(m.path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, false, nil
	}
	return m, err == nil, err
}

// tie makes sure that the master key belongs to the database, and opens the root key. A key is made only for a
// database that has never had one, and is on the disk before the first row that depends on it. Of several nodes
// that start on one empty database, one ties its key; the others are told to use that one.
func tie(ctx context.Context, db *store.DB, m masterKey, found bool, random io.Reader) (*secret.Keys, error) {
	have, err := storedKeys(ctx, db)
	if err != nil {
		return nil, err
	}
	made := false
	if have.fingerprint == "" {
		if !found {
			if m.key, err = secret.NewMaster(random); err != nil {
				return nil, err
			}
			if err := secret.CreateMasterFile(m.path, m.key); err != nil {
				return nil, err
			}
			found, made = true, true
		}
		if have, err = storeFirst(ctx, db, m.key, random); err != nil {
			return nil, err
		}
	}
	if !found {
		return nil, fmt.Errorf("the master key is missing: the database was made with the key whose fingerprint is %s, and %s does not exist. "+
			"Put that key back, or name it with --master-key-file or %sMASTER_KEY; without it nothing sealed in the database can be opened",
			have.fingerprint, m.path, config.EnvPrefix)
	}
	if m, err = finishRotation(m, have.fingerprint); err != nil {
		return nil, err
	}
	if m.key.Fingerprint() != have.fingerprint {
		if made {
			_ = os.Remove(m.path) // it was ours a moment ago and has sealed nothing
		}
		return nil, fmt.Errorf("this is not the master key of the database: its fingerprint is %s, the database was made with %s. "+
			"Give every node the same key with --master-key-file or %sMASTER_KEY", m.key.Fingerprint(), have.fingerprint, config.EnvPrefix)
	}
	return openRoot(m.key, have.root)
}

// stored is what the database knows about its keys.
type stored struct{ fingerprint, root string }

func readStored(tx *store.Tx) (s stored, err error) {
	if s.fingerprint, err = tx.Meta(metaFingerprint); err == nil {
		s.root, err = tx.Meta(metaRootKey)
	}
	if errors.Is(err, store.ErrNotFound) {
		return stored{}, nil
	}
	return s, err
}

func storedKeys(ctx context.Context, db *store.DB) (s stored, err error) {
	err = db.Read(ctx, func(tx *store.Tx) (err error) {
		s, err = readStored(tx)
		return err
	})
	if err != nil {
		return s, fmt.Errorf("read the fingerprint of the master key: %w", err)
	}
	return s, nil
}

// storeFirst ties a key to a database that has none, unless another node was faster; it answers what stands.
func storeFirst(ctx context.Context, db *store.DB, m secret.Master, random io.Reader) (s stored, err error) {
	first, err := sealRoot(m, random)
	if err != nil {
		return s, err
	}
	owner := secret.NewID(random, time.Time{})
	err = db.Write(ctx, func(tx *store.Tx) error {
		// The lease's row is the lock that two nodes on an empty database meet at.
		if _, _, err := tx.AcquireLease(leaseMaster, owner, time.Minute); err != nil {
			return err
		}
		if s, err = readStored(tx); err != nil || s.fingerprint != "" {
			return err
		}
		s = first
		return putStored(tx, s)
	})
	if err != nil {
		return s, fmt.Errorf("tie the master key to the database: %w", err)
	}
	return s, nil
}

func putStored(tx *store.Tx, s stored) error {
	if err := tx.SetMeta(metaFingerprint, s.fingerprint); err != nil {
		return err
	}
	return tx.SetMeta(metaRootKey, s.root)
}

// sealRoot makes a root key and seals it under the master key.
func sealRoot(m secret.Master, random io.Reader) (stored, error) {
	root, err := secret.NewMaster(random)
	if err != nil {
		return stored{}, err
	}
	return seal(m, root)
}

func seal(m, root secret.Master) (stored, error) {
	keys, err := secret.NewKeys(m)
	if err != nil {
		return stored{}, err
	}
	sealed, err := keys.Seal(rootPurpose, metaRootKey, []byte(root.Text()))
	if err != nil {
		return stored{}, err
	}
	return stored{fingerprint: m.Fingerprint(), root: encode(sealed)}, nil
}

func unseal(m secret.Master, sealed string) (root secret.Master, err error) {
	keys, err := secret.NewKeys(m)
	if err != nil {
		return root, err
	}
	raw, err := decode(sealed)
	if err != nil {
		return root, fmt.Errorf("the sealed root key is damaged: %w", err)
	}
	text, err := keys.Open(rootPurpose, metaRootKey, raw)
	if err != nil {
		return root, fmt.Errorf("the sealed root key is damaged: %w", err)
	}
	return secret.ParseMaster(string(text))
}

func openRoot(m secret.Master, sealed string) (*secret.Keys, error) {
	root, err := unseal(m, sealed)
	if err != nil {
		return nil, err
	}
	return secret.NewKeys(root)
}

// finishRotation takes the new key file into use if a rotation was interrupted between the database and the file.
func finishRotation(m masterKey, fingerprint string) (masterKey, error) {
	if m.path == "" || m.key.Fingerprint() == fingerprint {
		return m, nil
	}
	next, err := secret.ReadMasterFile(m.path + newKeySuffix)
	if err != nil || next.Fingerprint() != fingerprint {
		return m, nil //nolint:nilerr // there is no such rotation; the caller says that the key does not fit
	}
	if err := replaceKeyFile(m.path); err != nil {
		return m, err
	}
	return masterKey{key: next, path: m.path}, nil
}

// replaceKeyFile puts the new key file in the place of the old one, durably.
func replaceKeyFile(path string) error {
	if err := os.Rename(path+newKeySuffix, path); err != nil {
		return fmt.Errorf("put the new master key in place: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync %s: %w", path, err)
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", path, err)
	}
	return nil
}

// RotateMaster makes a new master key, re-seals the root key under it and puts it in the place of the old one. The
// server must not be running on the same data directory. Nodes that run elsewhere go on and need the new file at
// their next start. An interruption at any point leaves a key file that opens the database, or both files, of which
// the next start takes the right one.
func RotateMaster(ctx context.Context, c config.Config, o Options) (fingerprint string, err error) {
	c, o = c.WithDefaults(), o.withDefaults()
	if c.MasterKey != "" {
		return "", errors.New("the master key comes from the environment; put it into a file first, so that the new one has a place")
	}
	m, found, err := findMaster(c)
	if err != nil {
		return "", err
	}
	if !found {
		return "", fmt.Errorf("there is no master key at %s", m.path)
	}
	db, err := openStore(ctx, c, o)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := tie(ctx, db, m, found, o.Rand); err != nil {
		return "", err
	}
	return rotateMaster(ctx, db, m.path, o.Rand)
}

func rotateMaster(ctx context.Context, db *store.DB, path string, random io.Reader) (string, error) {
	old, err := secret.ReadMasterFile(path) // again: tie may have finished an earlier rotation
	if err != nil {
		return "", err
	}
	next, err := secret.NewMaster(random)
	if err != nil {
		return "", err
	}
	if err := os.Remove(path + newKeySuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := secret.CreateMasterFile(path+newKeySuffix, next); err != nil {
		return "", err
	}
	err = db.Write(ctx, func(tx *store.Tx) error {
		have, err := readStored(tx)
		if err != nil {
			return err
		}
		if have.fingerprint != old.Fingerprint() {
			return errors.New("the master key was changed by somebody else meanwhile")
		}
		root, err := unseal(old, have.root)
		if err != nil {
			return err
		}
		s, err := seal(next, root)
		if err != nil {
			return err
		}
		return putStored(tx, s)
	})
	if err != nil {
		return "", fmt.Errorf("re-seal the root key: %w", err)
	}
	return next.Fingerprint(), replaceKeyFile(path)
}
