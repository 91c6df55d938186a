package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// lockName is the file that marks a data directory as taken. It stays when the lock is gone.
const lockName = "ostiary.lock"

// dirLock is held by at most one process per directory. The kernel lets it go when the process ends, however it ends.
type dirLock struct{ file *os.File }

// errLocked is what the system-dependent tryLock returns when another process holds the lock.
var errLocked = errors.New("locked")

// ErrLocked is the cause when another process uses the data directory.
var ErrLocked = errors.New("another process uses it")

// lockDirectory makes the directory if need be and takes its lock, or says who has it.
func lockDirectory(dir string) (*dirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: make the data directory: %w", err)
	}
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: lock the data directory: %w", err)
	}
	if err := tryLock(f); err != nil {
		holder, _ := os.ReadFile(path)
		err = errors.Join(lockMessage(dir, strings.TrimSpace(string(holder)), err), f.Close())
		return nil, err
	}
	if err := errors.Join(f.Truncate(0), writeHolder(f)); err != nil {
		return nil, errors.Join(fmt.Errorf("store: lock the data directory: %w", err), f.Close())
	}
	return &dirLock{file: f}, nil
}

func writeHolder(f *os.File) error {
	_, err := fmt.Fprintf(f, "%d\n", os.Getpid())
	return err
}

func lockMessage(dir, holder string, err error) error {
	if !errors.Is(err, errLocked) {
		return fmt.Errorf("store: lock the data directory %s: %w", dir, err)
	}
	if holder != "" {
		holder = " (process " + holder + ")"
	}
	return fmt.Errorf("store: cannot open the data directory %s: %w%s; stop it first, or give this one a directory of its own",
		dir, ErrLocked, holder)
}

func (l *dirLock) release() error {
	if l.file == nil {
		return nil
	}
	f := l.file
	l.file = nil
	return f.Close()
}

// syncDirectory makes the names in a directory durable.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(ignoreUnsupported(d.Sync()), d.Close())
}
