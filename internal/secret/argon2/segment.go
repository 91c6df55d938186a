package argon2

// place is a block in the order in which blocks are filled.
type place struct{ pass, slice, lane, index uint32 }

// fillSegment fills what one lane has of one slice. Where the password must not show in the addresses, in the first
// half of the first pass, they come from a counter; after that from the block before (section 3.4.1).
func (f *filling) fillSegment(p place) {
	counted := p.pass == 0 && p.slice < slices/2
	var numbers addresses
	if counted {
		numbers = f.addresses(p)
	}
	if p.pass == 0 && p.slice == 0 {
		p.index = 2 // begin made those before
	}
	start := p.lane*f.laneSize + p.slice*f.segmentSize
	for first := p.index; p.index < f.segmentSize; p.index++ {
		at := start + p.index
		before := at - 1
		if p.slice == 0 && p.index == 0 {
			before += f.laneSize
		}
		random := f.blocks[before][0]
		if counted {
			if p.index == first || p.index%blockWords == 0 {
				numbers.refill(p.index/blockWords+1, f.scratch)
			}
			random = numbers.words[p.index%blockWords]
		}
		compress(&f.blocks[at], &f.blocks[before], &f.blocks[f.reference(p, random)], f.scratch)
	}
}

// reference is the index of the block that a random number names among those which may be used (section 3.4.2): all of the
// last three finished segments of any lane, and what is done of the own segment, but never the block before.
func (f *filling) reference(p place, random uint64) uint32 {
	lane := uint32(random>>32) % f.lanes
	window, start := (slices-1)*f.segmentSize, (p.slice+1)%slices*f.segmentSize
	if p.pass == 0 {
		window, start = p.slice*f.segmentSize, 0
		if p.slice == 0 {
			lane = p.lane
		}
	}
	if lane == p.lane {
		window += p.index - 1
	} else if p.index == 0 {
		window--
	}
	// Squaring makes recent blocks likelier than old ones.
	x := random & (1<<32 - 1)
	back := uint32(x * x >> 32 * uint64(window) >> 32)
	return lane*f.laneSize + (start+window-1-back)%f.laneSize
}

// addresses are random numbers that depend on the parameters and the place alone.
type addresses struct{ input, words block }

func (f *filling) addresses(p place) addresses {
	return addresses{input: block{uint64(p.pass), uint64(p.lane), uint64(p.slice), uint64(len(f.blocks)), uint64(f.time), variant}}
}

func (a *addresses) refill(counter uint32, scratch *block) {
	var zero, half block
	a.input[6] = uint64(counter)
	a.words = block{}
	compress(&half, &zero, &a.input, scratch)
	compress(&a.words, &zero, &half, scratch)
}
