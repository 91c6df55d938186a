package argon2

import (
	"encoding/binary"
	"hash"

	"golang.org/x/crypto/blake2b"
)

// Version is that of the algorithm (RFC 9106 section 3.1), as hashes are stored with it.
const Version = 0x13

const (
	variant    = 2 // argon2id
	slices     = 4 // of a pass; what lies in one slice can be filled without waiting for another lane
	blockWords = 128
	blockBytes = 8 * blockWords
)

// block is 1 KiB, read as little-endian words.
type block [blockWords]uint64

// Memory is what an evaluation works in. The zero value holds nothing yet. It serves one evaluation at a time.
//
// Every block is zero between two evaluations. That is more than tidiness: from what the last pass leaves behind, the
// first block can sometimes be computed backwards, and with it a password is guessed at the speed of BLAKE2b.
type Memory struct {
	blocks  []block
	scratch block
}

// Size is how much m holds on to, in KiB.
func (m *Memory) Size() uint32 { return uint32(len(m.blocks)) }

// Key derives a key of length bytes in time passes over memory KiB, in so many lanes. Lanes are filled one after
// another: an evaluation keeps one processor busy, however many lanes an imported hash has. m grows to the memory asked
// for and stays so large. Key panics on parameters that RFC 9106 section 3.1 does not know: no pass, no lane, fewer than 4 bytes.
func (m *Memory) Key(password, salt []byte, time, memory uint32, lanes uint8, length uint32) []byte {
	return m.derive(inputs{password, salt, nil, nil}, time, memory, lanes, length)
}

// inputs are password, salt, secret and associated data. The last two are there for the known answer of the RFC alone.
type inputs [4][]byte

func (m *Memory) derive(in inputs, time, memory uint32, lanes uint8, length uint32) []byte {
	if time < 1 || lanes < 1 || length < 4 {
		panic("argon2: parameters that the algorithm does not know")
	}
	f := m.filling(time, memory, uint32(lanes))
	defer m.wipe(f)
	f.begin(in.digest(time, memory, uint32(lanes), length))
	for pass := range time {
		for slice := range uint32(slices) {
			for lane := range f.lanes {
				f.fillSegment(place{pass: pass, slice: slice, lane: lane})
			}
		}
	}
	return f.key(length)
}

// filling is one evaluation under way.
type filling struct {
	blocks                []block // lane after lane
	scratch               *block
	time, lanes           uint32
	laneSize, segmentSize uint32 // in blocks
}

// filling takes the greatest multiple of four blocks a lane that memory allows, but no fewer than eight (section 3.2).
func (m *Memory) filling(time, memory, lanes uint32) *filling {
	segment := max(memory/(slices*lanes), 2)
	count := segment * slices * lanes
	if m.Size() < count {
		m.blocks = make([]block, count)
	}
	return &filling{blocks: m.blocks[:count], scratch: &m.scratch, time: time, lanes: lanes,
		laneSize: segment * slices, segmentSize: segment}
}

func (m *Memory) wipe(f *filling) {
	clear(f.blocks)
	m.scratch = block{}
}

// digest is H0 of section 3.2, over everything that the key depends on.
func (in inputs) digest(time, memory, lanes, length uint32) []byte {
	h := newHash(blake2b.Size)
	for _, n := range [...]uint32{lanes, length, memory, time, Version, variant} {
		writeUint32(h, n)
	}
	for _, part := range in {
		writeUint32(h, uint32(len(part)))
		h.Write(part)
	}
	return h.Sum(nil)
}

// begin makes the first two blocks of each lane.
func (f *filling) begin(h0 []byte) {
	var bytes [blockBytes]byte
	for lane := range f.lanes {
		for i := range uint32(2) {
			seed := binary.LittleEndian.AppendUint32(h0[:blake2b.Size:blake2b.Size], i)
			stretch(bytes[:], binary.LittleEndian.AppendUint32(seed, lane))
			first := &f.blocks[lane*f.laneSize+i]
			for w := range first {
				first[w] = binary.LittleEndian.Uint64(bytes[8*w:])
			}
		}
	}
	clear(bytes[:])
}

// key is made from the last blocks of all lanes.
func (f *filling) key(length uint32) []byte {
	var last block
	for lane := range f.lanes {
		for w, word := range f.blocks[(lane+1)*f.laneSize-1] {
			last[w] ^= word
		}
	}
	var bytes [blockBytes]byte
	for w, word := range last {
		binary.LittleEndian.PutUint64(bytes[8*w:], word)
	}
	key := make([]byte, length)
	stretch(key, bytes[:])
	return key
}

// stretch is H' of section 3.3: BLAKE2b with an output of any length.
func stretch(out, in []byte) {
	h := newHash(min(len(out), blake2b.Size))
	writeUint32(h, uint32(len(out)))
	h.Write(in)
	v := h.Sum(nil)
	for len(out) > blake2b.Size {
		out = out[copy(out, v[:blake2b.Size/2]):]
		h = newHash(min(len(out), blake2b.Size))
		h.Write(v)
		v = h.Sum(v[:0])
	}
	copy(out, v)
}

func newHash(size int) hash.Hash {
	h, err := blake2b.New(size, nil)
	if err != nil {
		panic(err) // the size is between 1 and 64 and there is no key
	}
	return h
}

func writeUint32(h hash.Hash, n uint32) { h.Write(binary.LittleEndian.AppendUint32(nil, n)) }
