//go:build !purego

package argon2

import "golang.org/x/sys/cpu"

// compress is out ^= G(a, b). scratch is overwritten.
func compress(out, a, b, scratch *block) {
	if cpu.X86.HasAVX2 {
		compressAVX2(out, a, b, scratch)
		return
	}
	compressWords(out, a, b, scratch)
}

// compressAVX2 is compressWords on four words at a time.
//
//go:noescape
func compressAVX2(out, a, b, scratch *block)
