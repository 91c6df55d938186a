package argon2

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"testing"

	oracle "golang.org/x/crypto/argon2"
)

// TestKnownAnswers compares with RFC 9106 section 5.3, and with what the reference implementation prints.
func TestKnownAnswers(t *testing.T) {
	of := func(value byte, n int) []byte { return bytes.Repeat([]byte{value}, n) }
	var m Memory
	key := hex.EncodeToString(m.derive(inputs{of(1, 32), of(2, 16), of(3, 8), of(4, 12)}, 3, 32, 4, 32))
	if key != "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659" {
		t.Errorf("the example of the RFC gives %s", key)
	}
	for _, c := range []struct {
		time, memory uint32
		lanes        uint8
		key          string
	}{
		{1, 64, 1, "655ad15eac652dc59f7170a7332bf49b8469be1fdb9c28bb"},
		{2, 64, 1, "068d62b26455936aa6ebe60060b0a65870dbfa3ddf8d41f7"},
		{2, 64, 2, "350ac37222f436ccb5c0972f1ebd3bf6b958bf2071841362"},
		{3, 256, 2, "4668d30ac4187e6878eedeacf0fd83c5a0a30db2cc16ef0b"},
		{4, 4096, 4, "145db9733a9f4ee43edf33c509be96b934d505a4efb33c5a"},
		{4, 1024, 8, "8dafa8e004f8ea96bf7c0f93eecf67a6047476143d15577f"},
		{2, 64, 3, "4a15b31aec7c2590b87d1f520be7d96f56658172deaa3079"},
		{3, 1024, 6, "1640b932f4b60e272f5d2207b9a9c626ffa1bd88d2349016"},
	} {
		if got := hex.EncodeToString(m.Key([]byte("password"), []byte("somesalt"), c.time, c.memory, c.lanes, 24)); got != c.key {
			t.Errorf("t=%d m=%d p=%d: %s", c.time, c.memory, c.lanes, got)
		}
	}
}

// FuzzKey compares with x/crypto, in a Memory that has served before.
func FuzzKey(f *testing.F) {
	f.Add([]byte("password"), []byte("somesalt"), uint8(2), uint16(64), uint8(1), uint8(32))
	f.Add([]byte(""), []byte(""), uint8(1), uint16(0), uint8(1), uint8(4))
	f.Add([]byte("password"), []byte("somesalt"), uint8(3), uint16(777), uint8(3), uint8(64))
	f.Add([]byte("password"), []byte("somesalt"), uint8(1), uint16(4100), uint8(1), uint8(65))
	f.Add([]byte("password"), []byte("somesalt"), uint8(4), uint16(33), uint8(16), uint8(200))
	f.Fuzz(func(t *testing.T, password, salt []byte, time uint8, memory uint16, lanes, length uint8) {
		passes, kib, lanes, size := uint32(time%6+1), uint32(memory%8192), lanes%17+1, uint32(max(length, 4))
		want := oracle.IDKey(password, salt, passes, kib, lanes, size)
		var m Memory
		for range 2 {
			if got := m.Key(password, salt, passes, kib, lanes, size); !bytes.Equal(got, want) {
				t.Fatalf("t=%d m=%d p=%d: %x, x/crypto has %x", passes, kib, lanes, got, want)
			}
			m.Key(salt, password, 1, 99, 2, 16)
		}
	})
}

// FuzzCompress compares the compression of this processor with the one in Go.
func FuzzCompress(f *testing.F) {
	random := make([]byte, 3*blockBytes)
	f.Add(random)
	f.Add(bytes.Repeat([]byte{0xff}, 3*blockBytes))
	_, _ = rand.Read(random)
	f.Add(bytes.Clone(random))
	f.Fuzz(func(t *testing.T, text []byte) {
		var in [3]block
		_, _ = binary.Decode(append(text, make([]byte, 3*blockBytes)...), binary.LittleEndian, &in)
		var scratch block
		got, want := in[0], in[0]
		compress(&got, &in[1], &in[2], &scratch)
		compressWords(&want, &in[1], &in[2], &scratch)
		if got != want {
			t.Fatal("the two differ")
		}
	})
}

// TestMemoryIsZeroAfterwards_PW10 holds that nothing of a password stays, and that memory is taken once.
func TestMemoryIsZeroAfterwards_PW10(t *testing.T) {
	var m Memory
	if m.Size() != 0 {
		t.Errorf("%d KiB before the first evaluation", m.Size())
	}
	for _, memory := range []uint32{1024, 64} {
		m.Key([]byte("password"), []byte("somesalt"), 2, memory, 1, 32)
		if m.Size() != 1024 {
			t.Errorf("%d KiB", m.Size())
		}
		for i := range m.blocks {
			if m.blocks[i] != (block{}) {
				t.Fatalf("block %d of %d is left as it was", i, len(m.blocks))
			}
		}
		if m.scratch != (block{}) {
			t.Error("the scratch block is left as it was")
		}
	}
	allocated := testing.AllocsPerRun(3, func() { m.Key([]byte("password"), []byte("somesalt"), 1, 1024, 1, 32) })
	if allocated > 200 {
		t.Errorf("%v allocations in memory that was there", allocated)
	}
}

func TestImpossibleParameters(t *testing.T) {
	for _, c := range [][3]uint32{{0, 1, 32}, {1, 0, 32}, {1, 1, 3}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("t=%d p=%d and %d bytes are taken", c[0], c[1], c[2])
				}
			}()
			new(Memory).Key(nil, nil, c[0], 64, uint8(c[1]), c[2])
		}()
	}
}

// BenchmarkKey is what one password costs, in memory that was there and by x/crypto.
func BenchmarkKey(b *testing.B) {
	password, salt := []byte("amber ladders under rain"), make([]byte, 16)
	b.Run("reused", func(b *testing.B) {
		b.ReportAllocs()
		var m Memory
		for b.Loop() {
			m.Key(password, salt, 2, 19456, 1, 32)
		}
	})
	b.Run("x-crypto", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			oracle.IDKey(password, salt, 2, 19456, 1, 32)
		}
	})
}
