package mail

import (
	"strings"

	"golang.org/x/text/width"
)

// wrapAt is the most columns of a line of text in a mail; characters of East Asia take two.
const wrapAt = 76

// wrap breaks the lines of a text that are too long, but for those that hold an address, and leaves no two blank lines
// in a row.
func wrap(text string) string {
	var out []string
	blank := false
	for line := range strings.SplitSeq(strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")), "\n") {
		if line != "-- " { // RFC 3676 section 4.3: what begins a signature keeps its space
			line = strings.TrimRight(line, " \t")
		}
		if line == "" && blank {
			continue
		}
		blank = line == ""
		if strings.Contains(line, "://") {
			out = append(out, line)
			continue
		}
		out = append(out, broken(line)...)
	}
	return strings.Join(out, "\n") + "\n"
}

// broken is a line in pieces that fit, each as long as it can be.
func broken(line string) (out []string) {
	runes := []rune(line)
	begin, end, taken := 0, 0, 0 // of the piece; the last place where it may end; its columns
	for i, r := range runes {
		if i > begin && mayBreak(runes[i-1], r) {
			end = i
		}
		taken += columns(r)
		if taken > wrapAt && end > begin && r != ' ' {
			out = append(out, strings.TrimRight(string(runes[begin:end]), " "))
			begin, taken = end, 0
			for _, rest := range runes[begin : i+1] {
				taken += columns(rest)
			}
		}
	}
	return append(out, string(runes[begin:]))
}

func columns(r rune) int {
	if wide(r) {
		return 2
	}
	return 1
}

func wide(r rune) bool {
	k := width.LookupRune(r).Kind()
	return k == width.EastAsianWide || k == width.EastAsianFullwidth
}

// mayBreak reports whether a line may end between two characters: after a space, and beside a character of East Asia
// unless a mark stands there that no line begins or ends with.
func mayBreak(a, b rune) bool {
	switch {
	case a == ' ':
		return b != ' '
	case b == ' ', strings.ContainsRune("、。，．：；！？）」』】〉》・ー々,.:;!?)", b), strings.ContainsRune("（「『【〈《(", a):
		return false
	}
	return wide(a) || wide(b)
}
