package document

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in a document: where it stands, what is wrong, what was expected.
type Problem struct {
	File     string `json:"file"`
	Line     int    `json:"line"` // 1-based; 0 when the whole file is meant
	Message  string `json:"message"`
	Expected string `json:"expected,omitempty"`
}

// String is the problem in one line: file:line: message (expected ...).
func (p Problem) String() string {
	text := p.File + ": " + p.Message
	if p.Line > 0 {
		text = fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
	}
	if p.Expected != "" {
		text += " (expected " + p.Expected + ")"
	}
	return text
}

// Problems is every mistake found. As an error it has one line for each.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// Sorted is p by line within each file, files in the order of their first problem, without repetitions.
func (p Problems) Sorted() Problems {
	order := map[string]int{}
	for _, one := range p {
		if _, ok := order[one.File]; !ok {
			order[one.File] = len(order)
		}
	}
	out := slices.Clone(p)
	slices.SortStableFunc(out, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.Line, b.Line))
	})
	return slices.Compact(out)
}
