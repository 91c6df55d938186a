//go:build !amd64 || purego

package argon2

// compress is out ^= G(a, b). scratch is overwritten.
func compress(out, a, b, scratch *block) { compressWords(out, a, b, scratch) }
