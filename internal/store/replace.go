package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Replace puts the SQLite file from in the place of the database at path, whose directory no process may use. Both lie
// on one file system. What was there stays beside it under the returned name (empty: nothing was there), for whoever
// restored the wrong file. from must be closed, so that no log of its own lies beside it.
func Replace(path, from, suffix string) (kept string, err error) {
	lock, err := lockDirectory(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, lock.release()) }()
	// A log of the old file beside the new one would be played into it. It is kept with its own file.
	for _, part := range []string{"", "-wal"} {
		err := os.Link(path+part, path+suffix+part)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("store: keep the replaced database: %w", err)
		}
		if err == nil {
			kept = path + suffix
		}
	}
	for _, part := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + part); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("store: remove the log of the replaced database: %w", err)
		}
	}
	if err := os.Rename(from, path); err != nil {
		return "", fmt.Errorf("store: put the database in place: %w", err)
	}
	return kept, syncDirectory(filepath.Dir(path))
}
