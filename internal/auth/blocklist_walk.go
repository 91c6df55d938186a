package auth

import (
	"strconv"
	"strings"
)

// The rows of the two most common keyboards. A key's neighbours are beside it or in the next row, at most one column
// away.
var keyboards = [...][4]string{
	{"1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./"},
	{"1234567890ß´", "qwertzuiopü+", "asdfghjklöä", "yxcvbnm,.-"},
}

// walks reports whether s is made of runs along keys or sequences only, each of at least shortestRun characters
// (`qwertyuiop`, `abcd1234`, `1qaz2wsx`, `112233`), or of two such runs laid into each other (`a1b2c3d4`).
func walks(s string) bool {
	runes := []rune(s)
	if len(runes) < shortestRun {
		return false
	}
	if runsOnly(runes) {
		return true
	}
	var even, odd []rune
	for i, r := range runes {
		if i%2 == 0 {
			even = append(even, r)
		} else {
			odd = append(odd, r)
		}
	}
	return len(odd) >= shortestRun && runsOnly(even) && runsOnly(odd)
}

// runsOnly reports whether every run of s is long enough.
func runsOnly(s []rune) bool {
	run := 1
	for i := 1; i < len(s); i++ {
		if linked(s[i-1], s[i]) {
			run++
			continue
		}
		if run < shortestRun {
			return false
		}
		run = 1
	}
	return run >= shortestRun
}

// linked reports whether b follows a in a sequence, on a keyboard, or is a again.
func linked(a, b rune) bool {
	if step := a - b; step >= -1 && step <= 1 {
		return true
	}
	for i := range keyboards {
		rowA, columnA, okA := key(&keyboards[i], a)
		rowB, columnB, okB := key(&keyboards[i], b)
		if okA && okB && near(rowA, rowB) && near(columnA, columnB) {
			return true
		}
	}
	return false
}

func near(a, b int) bool { return a-b >= -1 && a-b <= 1 }

// key finds a character on a keyboard.
func key(keyboard *[4]string, r rune) (row, column int, ok bool) {
	for row, keys := range keyboard {
		column := 0
		for _, k := range keys {
			if k == r {
				return row, column, true
			}
			column++
		}
	}
	return 0, 0, false
}

// dated reports whether s is eight digits that read as a day of the last or this century in one of the usual orders,
// with or without separators, or one year twice.
func dated(s string) bool {
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune("./- ", r) {
			return -1
		}
		return r
	}, s)
	if len(digits) != 8 || strings.Trim(digits, "0123456789") != "" {
		return false
	}
	at := func(from, to int) int { n, _ := strconv.Atoi(digits[from:to]); return n }
	year := func(y int) bool { return y >= 1900 && y < 2100 }
	day := func(a, b int) bool { return a >= 1 && b >= 1 && a <= 31 && b <= 31 && (a <= 12 || b <= 12) }
	return year(at(0, 4)) && (day(at(4, 6), at(6, 8)) || year(at(4, 8))) || year(at(4, 8)) && day(at(0, 2), at(2, 4))
}
