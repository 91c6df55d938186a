package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// show prints a value: as JSON with --json, else as text writes it.
func (e *env) show(value any, text func(w io.Writer)) error {
	if !e.json {
		text(e.stdout)
		return nil
	}
	encoder := json.NewEncoder(e.stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// note tells something beside the answer, which may be read by a program.
func (e *env) note(format string, args ...any) {
	_, _ = fmt.Fprintf(e.stderr, "ostiary: "+format+"\n", args...)
}

// table prints rows under a head; the cells of a row are separated by tabs.
func table(head []string, rows [][]string) func(io.Writer) {
	return func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		_, _ = fmt.Fprintln(t, strings.ToUpper(strings.Join(head, "\t")))
		for _, row := range rows {
			for i := range row {
				row[i] = printable(row[i])
			}
			_, _ = fmt.Fprintln(t, strings.Join(row, "\t"))
		}
		_ = t.Flush() // a terminal that went away cannot be told
	}
}

// printable keeps what users chose for their names from steering the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, text)
}

func when(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
