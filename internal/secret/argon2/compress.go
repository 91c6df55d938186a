package argon2

import "math/bits"

// compressWords is the compression function of section 3.5, out ^= G(a, b), with a permutation over the rows and then
// over the columns of a block read as 8 by 8 pairs of words. It has no branch and no address that depends on the data.
func compressWords(out, a, b, scratch *block) {
	t := scratch
	for i := range t {
		t[i] = a[i] ^ b[i]
	}
	for row := range 8 {
		permute(t, 16*row, 2)
	}
	for column := range 8 {
		permute(t, 2*column, 16)
	}
	for i := range t {
		out[i] ^= a[i] ^ b[i] ^ t[i]
	}
}

// permute is P of section 3.6, a round of BLAKE2b with multiplications, over the eight pairs that begin at first and
// lie so many words apart.
func permute(t *block, first, apart int) {
	pair := func(i int) *[2]uint64 { return (*[2]uint64)(t[first+i*apart:]) }
	v0, v1 := pair(0)[0], pair(0)[1]
	v2, v3 := pair(1)[0], pair(1)[1]
	v4, v5 := pair(2)[0], pair(2)[1]
	v6, v7 := pair(3)[0], pair(3)[1]
	v8, v9 := pair(4)[0], pair(4)[1]
	v10, v11 := pair(5)[0], pair(5)[1]
	v12, v13 := pair(6)[0], pair(6)[1]
	v14, v15 := pair(7)[0], pair(7)[1]

	v0, v4, v8, v12 = mix(v0, v4, v8, v12)
	v1, v5, v9, v13 = mix(v1, v5, v9, v13)
	v2, v6, v10, v14 = mix(v2, v6, v10, v14)
	v3, v7, v11, v15 = mix(v3, v7, v11, v15)
	v0, v5, v10, v15 = mix(v0, v5, v10, v15)
	v1, v6, v11, v12 = mix(v1, v6, v11, v12)
	v2, v7, v8, v13 = mix(v2, v7, v8, v13)
	v3, v4, v9, v14 = mix(v3, v4, v9, v14)

	*pair(0), *pair(1), *pair(2), *pair(3) = [2]uint64{v0, v1}, [2]uint64{v2, v3}, [2]uint64{v4, v5}, [2]uint64{v6, v7}
	*pair(4), *pair(5), *pair(6), *pair(7) = [2]uint64{v8, v9}, [2]uint64{v10, v11}, [2]uint64{v12, v13}, [2]uint64{v14, v15}
}

// mix is GB of section 3.6.
func mix(a, b, c, d uint64) (uint64, uint64, uint64, uint64) {
	a = addMul(a, b)
	d = bits.RotateLeft64(d^a, -32)
	c = addMul(c, d)
	b = bits.RotateLeft64(b^c, -24)
	a = addMul(a, b)
	d = bits.RotateLeft64(d^a, -16)
	c = addMul(c, d)
	b = bits.RotateLeft64(b^c, -63)
	return a, b, c, d
}

func addMul(a, b uint64) uint64 { return a + b + 2*uint64(uint32(a))*uint64(uint32(b)) }
