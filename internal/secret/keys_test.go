package secret

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func testMaster(t testing.TB) Master {
	t.Helper()
	m, err := NewMaster(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func testKeys(t testing.TB, m Master, old ...Master) *Keys {
	t.Helper()
	k, err := NewKeys(m, old...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestParseMaster_KM02(t *testing.T) {
	m := testMaster(t)
	for _, text := range []string{m.Text(), m.Text() + "\n", "  " + m.Text() + "\r\n"} {
		back, err := ParseMaster(text)
		if err != nil || back.Fingerprint() != m.Fingerprint() {
			t.Fatalf("the text does not come back: %v", err)
		}
	}
	sequence, repeated := make([]byte, 32), bytes.Repeat(m.key[:16], 2)
	for i := range sequence {
		sequence[i] = byte(7 * i)
	}
	b64 := base64.StdEncoding.EncodeToString
	for name, text := range map[string]string{
		"empty": "", "default": "changeme", "short": b64(m.key[:31]), "long": b64(append(m.key[:], 0)),
		"zeros": b64(make([]byte, 32)), "all equal": b64(bytes.Repeat([]byte{0xa5}, 32)), "sequence": b64(sequence),
		"two halves": b64(repeated), "few bytes": b64(bytes.Repeat([]byte{1, 9, 200, 77}, 8)),
		"typed by a person": b64([]byte("change-me-to-something-secret-ok")), "hex": hex.EncodeToString(m.key[:]),
		"unpadded": strings.TrimRight(m.Text(), "="), "url alphabet": base64.URLEncoding.EncodeToString(append([]byte{0xfb, 0xff}, m.key[2:]...)),
		"stray bits": m.Text()[:42] + "/=", "two lines": m.Text() + "\n" + m.Text(), "line break inside": m.Text()[:20] + "\n" + m.Text()[20:] + "x",
	} {
		if _, err := ParseMaster(text); !errors.Is(err, ErrWeakMaster) {
			t.Errorf("%s: %v", name, err)
		} else if text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%s: the text is in the error", name)
		}
	}
	if _, err := NewKeys(Master{}); !errors.Is(err, ErrWeakMaster) {
		t.Error("the zero master key is held")
	}
	if _, err := NewKeys(m, m); err == nil {
		t.Error("one key is held twice")
	}
}

func TestMasterFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := ReadMasterFile(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a missing file: %v", err)
	}
	m := testMaster(t)
	if err := CreateMasterFile(path, m); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	back, err := ReadMasterFile(path)
	if err != nil || back.Fingerprint() != m.Fingerprint() {
		t.Fatalf("it does not come back: %v", err)
	}
	if err := CreateMasterFile(path, testMaster(t)); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("an existing file: %v", err)
	}
	if again, err := ReadMasterFile(path); err != nil || again.Fingerprint() != m.Fingerprint() {
		t.Fatalf("the refused creation touched the file: %v", err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o660, 0o644, 0o610} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadMasterFile(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if _, err := ReadMasterFile(t.TempDir()); err == nil {
		t.Error("a directory is read")
	}
	if err := os.WriteFile(path+".bad", []byte("changeme\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadMasterFile(path + ".bad"); !errors.Is(err, ErrWeakMaster) || strings.Contains(err.Error(), "changeme") {
		t.Errorf("a bad file: %v", err)
	}
	if err := CreateMasterFile(filepath.Join(path, "no", "directory"), m); err == nil {
		t.Error("a file in no directory")
	}
}

func TestMAC_KM03(t *testing.T) {
	k := testKeys(t, testMaster(t))
	base := k.MAC("a", "x", "y")
	if !bytes.Equal(base, k.MAC("a", "x", "y")) || len(base) != 32 {
		t.Fatal("not repeatable")
	}
	for name, other := range map[string][]byte{
		"purpose": k.MAC("b", "x", "y"), "joined": k.MAC("a", "xy"), "moved": k.MAC("a", "xy", ""), "first": k.MAC("a", "", "xy"),
		"more": k.MAC("a", "x", "y", ""), "none": k.MAC("a"), "order": k.MAC("a", "y", "x"),
		"another master": testKeys(t, testMaster(t)).MAC("a", "x", "y"),
	} {
		if bytes.Equal(base, other) {
			t.Errorf("%s collides", name)
		}
	}
	if !k.CheckMAC("a", base, "x", "y") || k.CheckMAC("a", base[:31], "x", "y") || k.CheckMAC("a", nil, "x", "y") || k.CheckMAC("b", base, "x", "y") {
		t.Error("CheckMAC decides wrongly")
	}
}

func TestMasterChange(t *testing.T) {
	first, second := testMaster(t), testMaster(t)
	before, after := testKeys(t, first), testKeys(t, second, first)
	mac := before.MAC("codes", "x")
	if !after.CheckMAC("codes", mac, "x") || bytes.Equal(after.MAC("codes", "x"), mac) {
		t.Error("an old MAC is lost, or still made")
	}
	if all := after.MACs("codes", "x"); len(all) != 2 || !bytes.Equal(all[0], after.MAC("codes", "x")) || !bytes.Equal(all[1], mac) {
		t.Error("MACs are not current first")
	}
	sealed, err := before.Seal("totp", "row", []byte("seed"))
	if err != nil {
		t.Fatal(err)
	}
	again, changed, err := after.Reseal("totp", "row", sealed)
	if err != nil || !changed {
		t.Fatalf("not sealed again: %v", err)
	}
	if plain, err := testKeys(t, second).Open("totp", "row", again); err != nil || string(plain) != "seed" {
		t.Fatalf("the new key alone does not open it: %v", err)
	}
	if same, changed, err := after.Reseal("totp", "row", again); err != nil || changed || !bytes.Equal(same, again) {
		t.Fatalf("sealed again for nothing: %v", err)
	}
	if _, _, err := after.Reseal("totp", "other", sealed); !errors.Is(err, ErrSealed) {
		t.Fatalf("moved while sealing again: %v", err)
	}
	if _, err := before.Open("totp", "row", again); !errors.Is(err, ErrSealed) {
		t.Fatalf("the old key opens the new seal: %v", err)
	}
	if before.Fingerprint() == after.Fingerprint() || after.Fingerprint() != second.Fingerprint() {
		t.Error("fingerprints are mixed up")
	}
}

// TestSeal_KM02_KM03 holds that a sealed value opens in its own place only, and not at all once a bit is changed.
func TestSeal_KM02_KM03(t *testing.T) {
	k := testKeys(t, testMaster(t))
	plain := []byte("the seed of a second factor")
	sealed, err := k.Seal("totp", "row-1", plain)
	if err != nil || bytes.Contains(sealed, plain) {
		t.Fatalf("not sealed: %v", err)
	}
	if got, err := k.Open("totp", "row-1", sealed); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("it does not open: %v", err)
	}
	twice, _ := k.Seal("totp", "row-1", plain)
	if bytes.Equal(sealed, twice) {
		t.Error("two seals of one value are equal")
	}
	for name, at := range map[string][2]string{"row": {"totp", "row-2"}, "purpose": {"signing-key", "row-1"}, "shifted": {"totprow", "-1"}} {
		if _, err := k.Open(at[0], at[1], sealed); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := k.Open("totp", "row-1", changed); !errors.Is(err, ErrSealed) {
			t.Fatalf("byte %d may change: %v", i, err)
		}
		if _, err := k.Open("totp", "row-1", sealed[:i]); !errors.Is(err, ErrSealed) {
			t.Fatalf("cut to %d bytes it opens: %v", i, err)
		}
	}
	if _, err := testKeys(t, testMaster(t)).Open("totp", "row-1", sealed); !errors.Is(err, ErrSealed) {
		t.Errorf("another master: %v", err)
	}
	if empty, err := k.Seal("totp", "", nil); err != nil {
		t.Error(err)
	} else if got, err := k.Open("totp", "", empty); err != nil || len(got) != 0 {
		t.Errorf("an empty value: %q, %v", got, err)
	}
}

func TestKeysFromManyGoroutines(t *testing.T) {
	k := testKeys(t, testMaster(t))
	want := testKeys(t, k.held[0].Master).MAC("a", "x")
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			sealed, err := k.Seal("a", "row", want)
			if err != nil {
				t.Error(err)
			}
			if got, err := k.Open("a", "row", sealed); err != nil || !bytes.Equal(got, k.MAC("a", "x")) || !bytes.Equal(got, want) {
				t.Errorf("a goroutine got something else: %v", err)
			}
		})
	}
	wg.Wait()
}
