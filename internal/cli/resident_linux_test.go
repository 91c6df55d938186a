package cli

import (
	"os"
	"testing"
)

// The program still runs after its pages were given back, and nothing that could have been written to is among them.
func TestReleaseProgram(t *testing.T) {
	for _, line := range []string{
		"00400000-01879000 rw-p 00000000 fe:00 123 /bin/ostiary", "00400000-01879000 r--s 00000000 fe:00 123 /bin/ostiary",
		"00400000-01879000 r-xp 00000000 fe:00 123 /bin/other", "00400000-01879000 r-xp 00000000 00:00 0", "xyz-01879000 r-xp 0 fe:00 123 /bin/ostiary",
		"01879000-00400000 r-xp 00000000 fe:00 123 /bin/ostiary", "", "00400000-01879000 rp 0 0 0 /bin/ostiary",
	} {
		if _, _, ok := readOnlyPart(line, "/bin/ostiary"); ok {
			t.Errorf("taken: %q", line)
		}
	}
	start, length, ok := readOnlyPart("00401000-01879000 r-xp 00001000 fe:00 123                        /bin/ostiary", "/bin/ostiary")
	if !ok || start != 0x401000 || length != 0x1879000-0x401000 {
		t.Fatalf("%x, %x, %v", start, length, ok)
	}
	releaseProgram()
	if _, err := os.Executable(); err != nil {
		t.Fatal(err)
	}
}
