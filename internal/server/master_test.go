package server

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// small is a configuration for tests with cheap hashes.
func small(t testing.TB) config.Config {
	t.Helper()
	return config.Config{Listen: "127.0.0.1:0", Data: filepath.Join(t.TempDir(), "data"),
		Password: config.Password{Memory: 64, Time: 1, Threads: 1, AllowWeak: true}}
}

// eachEngine runs fn with a fresh configuration on each engine.
func eachEngine(t *testing.T, fn func(t *testing.T, c config.Config)) {
	t.Run("sqlite", func(t *testing.T) { fn(t, small(t)) })
	t.Run("postgres", func(t *testing.T) {
		c := small(t)
		c.Database = storetest.PostgresURL(t)
		fn(t, c)
	})
}

func options() Options { return Options{Clock: storetest.NewClock().Now, Quiet: true, Version: "test"} }

// once starts a server and stops it, and hands back the start's error.
func once(t *testing.T, c config.Config) error {
	t.Helper()
	s, err := New(t.Context(), c, options())
	if err != nil {
		return err
	}
	return s.Shutdown(context.Background())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused starts a server that must not start, and checks what it says.
func refused(t *testing.T, c config.Config, words ...string) {
	t.Helper()
	err := once(t, c)
	if err == nil {
		t.Fatal("it starts")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("no %q in: %v", w, err)
		}
	}
}

func keyPath(c config.Config) string { return filepath.Join(c.Data, "master.key") }

func TestMasterKeyIsMadeWithAnEmptyDatabase_KM02(t *testing.T) {
	eachEngine(t, func(t *testing.T, c config.Config) {
		must(t, once(t, c))
		info, err := os.Stat(keyPath(c))
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("mode %o", info.Mode().Perm())
		}
		if dir, err := os.Stat(c.Data); err != nil || dir.Mode().Perm() != 0o700 {
			t.Errorf("data directory: %v %v", dir.Mode(), err)
		}
		before, err := os.ReadFile(keyPath(c))
		must(t, err)
		must(t, once(t, c))
		if after, err := os.ReadFile(keyPath(c)); err != nil || string(after) != string(before) {
			t.Error("the second start made another key")
		}
	})
}

func TestMasterKeyMissingOrDifferentStopsTheStart_KM02(t *testing.T) {
	eachEngine(t, func(t *testing.T, c config.Config) {
		must(t, once(t, c))
		key, err := os.ReadFile(keyPath(c))
		must(t, err)

		must(t, os.Remove(keyPath(c)))
		refused(t, c, "missing", "Put that key back", "--master-key-file")
		if _, err := os.Stat(keyPath(c)); !errors.Is(err, os.ErrNotExist) {
			t.Error("a key was made for a database that has one")
		}

		other, err := secret.NewMaster(rand.Reader)
		must(t, err)
		must(t, secret.CreateMasterFile(keyPath(c), other))
		refused(t, c, "not the master key of the database", other.Fingerprint(), "Give every node the same key")
		if _, err := os.Stat(keyPath(c)); err != nil {
			t.Error("the operator's key file was removed")
		}

		must(t, os.Remove(keyPath(c)))
		fromEnv := c
		fromEnv.MasterKey = strings.TrimSpace(string(key))
		must(t, once(t, fromEnv))
		elsewhere := c
		elsewhere.MasterKeyFile = filepath.Join(t.TempDir(), "k")
		must(t, os.WriteFile(elsewhere.MasterKeyFile, key, 0o600))
		must(t, once(t, elsewhere))
	})
}

func TestWeakMasterKeyStopsTheStart_KM02(t *testing.T) {
	for _, key := range []string{"changeme", "", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI="} {
		c := small(t)
		must(t, os.MkdirAll(c.Data, 0o700))
		must(t, os.WriteFile(keyPath(c), []byte(key), 0o600))
		refused(t, c, "master key")
		if key != "" {
			c := small(t)
			c.MasterKey = key
			refused(t, c, "master key")
		}
	}
	c := small(t)
	must(t, once(t, c))
	must(t, os.Chmod(keyPath(c), 0o644))
	refused(t, c, "chmod 600")
}

// Of several nodes that start at once on an empty database, one ties its key; the others say whose they need and
// leave no key of their own behind.
func TestNodesRaceForTheFirstKey(t *testing.T) {
	url := storetest.PostgresURL(t)
	const nodes = 4
	configs := make([]config.Config, nodes)
	errs := make([]error, nodes)
	var group sync.WaitGroup
	for i := range nodes {
		configs[i] = small(t)
		configs[i].Database = url
		group.Go(func() { errs[i] = once(t, configs[i]) })
	}
	group.Wait()
	won := 0
	for i, err := range errs {
		_, statErr := os.Stat(keyPath(configs[i]))
		switch {
		case err == nil:
			won++
		case !strings.Contains(err.Error(), "Give every node the same key") && !strings.Contains(err.Error(), "missing"):
			t.Errorf("node %d: %v", i, err)
		case statErr == nil:
			t.Errorf("node %d kept a key that opens nothing", i)
		}
	}
	if won != 1 {
		t.Errorf("%d nodes won", won)
	}
}

func jwks(t *testing.T, c config.Config) string {
	t.Helper()
	s, err := New(t.Context(), c, options())
	must(t, err)
	defer func() { must(t, s.Shutdown(context.Background())) }()
	return string(s.house.signer.JWKS())
}

func TestRotateMaster(t *testing.T) {
	eachEngine(t, func(t *testing.T, c config.Config) {
		before := jwks(t, c)
		old, err := os.ReadFile(keyPath(c))
		must(t, err)
		fingerprint, err := RotateMaster(t.Context(), c, options())
		must(t, err)
		next, err := secret.ReadMasterFile(keyPath(c))
		must(t, err)
		if next.Fingerprint() != fingerprint || next.Text() == strings.TrimSpace(string(old)) {
			t.Error("the key file did not change")
		}
		if jwks(t, c) != before {
			t.Error("what was sealed is lost")
		}
		must(t, os.WriteFile(keyPath(c), old, 0o600))
		refused(t, c, "not the master key")
	})
}

// A rotation that dies at any point leaves a directory that starts.
func TestInterruptedRotation(t *testing.T) {
	c := small(t)
	before := jwks(t, c)
	old, err := os.ReadFile(keyPath(c))
	must(t, err)

	stray, err := secret.NewMaster(rand.Reader) // died before the database knew the new key
	must(t, err)
	must(t, secret.CreateMasterFile(keyPath(c)+newKeySuffix, stray))
	if jwks(t, c) != before {
		t.Error("after the first interruption")
	}
	_, err = RotateMaster(t.Context(), c, options())
	must(t, err)

	must(t, os.Rename(keyPath(c), keyPath(c)+newKeySuffix)) // died before the new file was in its place
	must(t, os.WriteFile(keyPath(c), old, 0o600))
	if jwks(t, c) != before {
		t.Error("after the second interruption")
	}
	if _, err := os.Stat(keyPath(c) + newKeySuffix); !errors.Is(err, os.ErrNotExist) {
		t.Error("the rotation was not finished")
	}
	must(t, once(t, c))
}

func TestMasterKeyIsNotInTheDatabase(t *testing.T) {
	c := small(t)
	must(t, once(t, c))
	m, err := secret.ReadMasterFile(keyPath(c))
	must(t, err)
	db, err := store.Open(t.Context(), store.Options{Path: DatabasePath(c), Clock: options().Clock})
	must(t, err)
	defer func() { must(t, db.Close()) }()
	have, err := storedKeys(t.Context(), db)
	must(t, err)
	if have.fingerprint != m.Fingerprint() || strings.Contains(have.root, m.Text()) {
		t.Errorf("%+v", have)
	}
	file, err := os.ReadFile(DatabasePath(c))
	must(t, err)
	if strings.Contains(string(file), m.Text()) {
		t.Error("the key is in the file")
	}
}
