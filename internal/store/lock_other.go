//go:build !unix || solaris || illumos || aix

package store

import "os"

// tryLock cannot lock here. The directory is then guarded only by SQLite's own lock on the file.
func tryLock(*os.File) error { return nil }

// ignoreUnsupported forgives systems that cannot sync a directory.
func ignoreUnsupported(error) error { return nil }
