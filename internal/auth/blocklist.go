package auth

import (
	_ "embed"
	"strings"
	"unicode"
	"unicode/utf8"
)

// commonWords are the words, names and phrases that people make passwords of, one a line after an empty one,
// lower-case and sorted by their bytes. Together with
// the shapes below they stand for several hundred thousand passwords (SECURITY PW-06).
//
//go:embed blocklist.txt
var commonWords string

// productWord is a context word of every password.
const productWord = "ostiary"

const (
	longestBase = 72 // bytes; nothing on the list is longer, and a local part has at most 64
	// longestDecorated is where the search inside a decoration ends: what is longer is a word only if all of it repeats.
	longestDecorated = 2 * (longestBase + longestAffix)
	longestAffix     = 16 // bytes of decoration before or behind a word that are looked at
	plainAffix       = 6  // bytes; decoration up to this length makes a word no better, whatever it is
	shortestRun      = 3  // characters of a keyboard walk or sequence
	shortestRepeat   = 6  // characters of one or two characters in turn
	shortContext     = 3  // context words below this length say nothing
)

// commonPassword reports whether a password is a common word, a context word, a walk or a repetition, perhaps
// decorated and in leet spelling.
func commonPassword(password string, context []string) bool {
	lower := strings.ToLower(password)
	if walks(lower) || dated(lower) || walks(keep(lower, alphanumeric)) || ownAddress(lower, context) {
		return true
	}
	list := contextWords(append([]string{productWord}, context...))
	for _, text := range []string{lower, keep(lower, alphanumeric)} {
		for _, base := range undecorated(text) {
			if commonBase(base, list) {
				return true
			}
		}
	}
	letters := keep(lower, unicode.IsLetter) // `p.a.s.s.w.o.r.d`
	return len(letters) >= len(lower)/2 && commonBase(letters, list)
}

// ownAddress reports whether the password is an address of the context, whatever digits and punctuation stand around it.
func ownAddress(lower string, context []string) bool {
	bare := func(text string) string {
		return strings.TrimFunc(text, func(r rune) bool { return !unicode.IsLetter(r) })
	}
	for _, text := range context {
		if strings.Contains(text, "@") && bare(strings.ToLower(NormalisePassword(text))) == bare(lower) {
			return true
		}
	}
	return false
}

// undecorated lists what may be the word inside a decoration: text without each possible length of digits and
// punctuation before and behind it, as long as that decoration is short or itself a sequence.
func undecorated(text string) []string {
	if len(text) > longestDecorated {
		return []string{text}
	}
	head := affixes(text, len(text)-len(strings.TrimLeftFunc(text, decoration)), func(n int) string { return text[:n] })
	tail := affixes(text, len(text)-len(strings.TrimRightFunc(text, decoration)), func(n int) string { return text[len(text)-n:] })
	var out []string
	for _, before := range head {
		for _, behind := range tail {
			stripped := before.length + behind.length
			if before.cost+behind.cost > plainAffix || stripped >= len(text) {
				continue
			}
			base := text[before.length : len(text)-behind.length]
			// Digits among digits are no word in a decoration.
			if stripped == 0 || strings.IndexFunc(base, unicode.IsLetter) >= 0 {
				out = append(out, base)
			}
		}
	}
	return out
}

// affix is a possible decoration at one end of a text. Sequences and dates cost nothing: they are what everybody adds.
type affix struct{ length, cost int }

// affixes lists the possible decorations of up to most bytes at one end.
func affixes(text string, most int, end func(n int) string) []affix {
	var out []affix
	for n := 0; n <= min(most, longestAffix, len(text)-1); n++ {
		part := end(n)
		if !utf8.ValidString(part) {
			continue
		}
		cost := n
		if digits := keep(part, alphanumeric); walks(digits) || dated(digits) {
			cost = 0
		}
		if cost <= plainAffix {
			out = append(out, affix{length: n, cost: cost})
		}
	}
	return out
}

// decoration is what people put around a word. A leet digit inside stays, for it has letters on both sides.
func decoration(r rune) bool { return !unicode.IsLetter(r) }

// commonBase reports whether a bare text is a word of the lists, in plain or leet spelling, once or repeated.
func commonBase(base string, context map[string]bool) bool {
	unit := base[:period(base)]
	if len(unit) > longestBase {
		return false
	}
	if utf8.RuneCountInString(unit) < shortestRun {
		return len(unit) < len(base) && len(base) >= shortestRepeat // `xyxyxyxy`
	}
	if context[unit] || listed(unit) || walks(unit) {
		return true
	}
	if strings.IndexFunc(unit, unicode.IsLetter) < 0 {
		return false
	}
	for _, one := range "il" {
		if word := unleet(unit, one); context[word] || listed(word) {
			return true
		}
	}
	return false
}

// listed reports whether the word stands on the list: a binary search over the sorted lines, so that no table has to
// be built at the start or held in memory.
func listed(word string) bool {
	low, high := 1, len(commonWords) // both at the beginning of a line
	for low < high {
		middle := low + (high-low)/2
		middle = strings.LastIndexByte(commonWords[:middle], '\n') + 1
		line, _, _ := strings.Cut(commonWords[middle:], "\n")
		switch {
		case line == word:
			return true
		case line < word:
			low = middle + len(line) + 1
		default:
			high = middle
		}
	}
	return false
}

// contextWords lists every form in which a context word may stand in a password: whole, without punctuation, and
// its longer parts; each in plain and in leet spelling. Of an address only the local part counts.
func contextWords(context []string) map[string]bool {
	out := map[string]bool{}
	add := func(word string, least int) {
		if utf8.RuneCountInString(word) >= least {
			out[word], out[unleet(word, 'i')], out[unleet(word, 'l')] = true, true, true
		}
	}
	for _, text := range context {
		if local, _, isAddress := strings.Cut(text, "@"); isAddress {
			text = local
		}
		text = strings.ToLower(NormalisePassword(text))
		add(text, shortContext)
		add(keep(text, alphanumeric), shortContext)
		for _, part := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
			add(part, shortContext+1)
		}
	}
	return out
}

func alphanumeric(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// keep drops the characters for which want is false.
func keep(s string, want func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if want(r) {
			return r
		}
		return -1
	}, s)
}

// unleet undoes the usual replacements of letters; `1` stands for i or l.
func unleet(s string, one rune) string {
	return strings.Map(func(r rune) rune {
		if r == '1' || r == '!' || r == '|' {
			return one
		}
		if i := strings.IndexRune(leetDigits, r); i >= 0 {
			return rune(leetLetters[utf8.RuneCountInString(leetDigits[:i])])
		}
		return r
	}, s)
}

const (
	leetDigits  = "0345789@$+€("
	leetLetters = "oeastbgastec"
)

// period is the length of the shortest text whose repetition, perhaps cut short, gives s (Knuth, Morris, Pratt).
// It is len(s) unless s holds that text at least twice.
func period(s string) int {
	border := make([]int, len(s)+1)
	border[0] = -1
	for i, b := 0, -1; i < len(s); i++ {
		for b >= 0 && s[i] != s[b] {
			b = border[b]
		}
		b++
		border[i+1] = b
	}
	if p := len(s) - border[len(s)]; 2*p <= len(s) {
		return p
	}
	return len(s)
}
