package web

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Problem is one thing that is wrong with a file that an operator put in the place of ours.
type Problem struct {
	File string `json:"file"` // below the directory of templates
	Line int    `json:"line"` // 0: the file as a whole
	Text string `json:"text"`
}

func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

// Problems is an error that tells all of them, one a line.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// located is the form of what the template packages say: the name of the template, the line and perhaps the column.
var located = regexp.MustCompile(`(?s)template: ?([^\s:]+):(\d+)(?::\d+)?: (.*)`)

// ProblemOf turns an error of reading or filling a template into a Problem. name is the file if the error names none.
func ProblemOf(name string, err error) Problem {
	m := located.FindStringSubmatch(err.Error())
	if m == nil {
		return Problem{File: name, Text: err.Error()}
	}
	line, _ := strconv.Atoi(m[2]) // the pattern takes digits only
	return Problem{File: m[1], Line: line, Text: strings.TrimSpace(m[3])}
}

// suggestion names the known word that is nearest to one that is not known, if any is near.
func suggestion(word string, known []string) string {
	slices.Sort(known)
	best, least := "", 1+len(word)/3
	for _, k := range known {
		if d := distance(word, k); d <= least && (best == "" || d < distance(word, best)) {
			best = k
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance is the number of bytes to change, add or leave out between two words (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			next := min(row[j]+1, row[j+1]+1, diagonal)
			if a[i] != b[j] {
				next = min(row[j], row[j+1], diagonal) + 1
			}
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
