package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
)

// catalogue is the sentences of one language by key.
type catalogue map[string]sentence

// sentence is one entry of a catalogue: its plural forms (CLDR), or `other` alone.
type sentence struct {
	forms map[string]string
	line  int // in its file
}

// pluralForms are the names that CLDR gives to plural forms.
var pluralForms = []string{"zero", "one", "two", "few", "many", "other"}

// placeholder is the only thing between braces that a sentence may have. Sentences call nothing, so a catalogue has no
// way to anything but the values that it is given.
var placeholder = regexp.MustCompile(`\{\{\.([A-Z][A-Za-z]*)\}\}`)

// counted reports whether the sentence depends on a number.
func (s sentence) counted() bool { return len(s.forms) > 1 || s.forms["other"] == "" }

// placeholders are the names of the values in the sentence, sorted.
func (s sentence) placeholders() []string {
	seen := map[string]bool{}
	for _, text := range s.forms {
		for _, match := range placeholder.FindAllStringSubmatch(text, -1) {
			seen[match[1]] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// messages are the sentences in the form of the plural library.
func (c catalogue) messages() []*i18n.Message {
	out := make([]*i18n.Message, 0, len(c))
	for key, s := range c {
		out = append(out, &i18n.Message{ID: key, Zero: s.forms["zero"], One: s.forms["one"], Two: s.forms["two"],
			Few: s.forms["few"], Many: s.forms["many"], Other: s.forms["other"]})
	}
	return out
}

// readCatalogue reads a catalogue: one JSON object, each member a sentence or an object of plural forms.
func readCatalogue(name string, data []byte) (catalogue, Problems) {
	r := reader{name: name, data: data, json: json.NewDecoder(bytes.NewReader(data))}
	out := catalogue{}
	err := r.object(func(key string) error {
		line := r.line()
		if _, twice := out[key]; twice {
			r.report(line, "%s stands twice", key)
		}
		forms, err := r.forms(key)
		out[key] = sentence{forms, line}
		return err
	})
	if err == nil {
		if _, more := r.json.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the object")
		}
	}
	if err != nil {
		r.report(r.lineOf(err), "%v", err)
	}
	return out, r.problems
}

// reader walks one JSON file and keeps what is wrong with it.
type reader struct {
	name     string
	data     []byte
	json     *json.Decoder
	problems Problems
}

func (r *reader) report(line int, format string, values ...any) {
	r.problems = append(r.problems, Problem{File: r.name, Line: line, Text: fmt.Sprintf(format, values...)})
}

// line is where the reader stands.
func (r *reader) line() int { return lineAt(r.data, r.json.InputOffset()) }

// lineOf is where an error is about.
func (r *reader) lineOf(err error) int {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return lineAt(r.data, syntax.Offset)
	}
	return r.line()
}

func lineAt(data []byte, offset int64) int {
	return 1 + bytes.Count(data[:min(int64(len(data)), offset)], []byte("\n"))
}

// object calls member for every key of the object that comes next; member reads the value.
func (r *reader) object(member func(key string) error) error {
	open, err := r.json.Token()
	if err != nil {
		return broken(err)
	}
	if open != json.Delim('{') {
		return errors.New("expected an object of keys and sentences")
	}
	for r.json.More() {
		token, err := r.json.Token()
		if err != nil {
			return broken(err)
		}
		key, ok := token.(string)
		if !ok {
			return errors.New("expected a key")
		}
		if err := member(key); err != nil {
			return err
		}
	}
	_, err = r.json.Token()
	return broken(err)
}

// broken says in words that a file ends too early.
func broken(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("the file ends before the object does")
	}
	return err
}

// forms reads the value of a key.
func (r *reader) forms(key string) (map[string]string, error) {
	var raw json.RawMessage
	if err := r.json.Decode(&raw); err != nil {
		return nil, broken(err)
	}
	line := r.line()
	out := map[string]string{}
	var plain string
	if json.Unmarshal(raw, &plain) == nil {
		out["other"] = plain
	} else if json.Unmarshal(raw, &out) != nil {
		r.report(line, "%s must be a sentence, or an object of plural forms", key)
		return map[string]string{"other": "?"}, nil
	}
	for form, text := range out {
		switch {
		case !slices.Contains(pluralForms, form):
			r.report(line, "%s: %q is no plural form; they are %s", key, form, strings.Join(pluralForms, ", "))
		case strings.TrimSpace(text) == "":
			r.report(line, "%s is empty", key)
		case strings.Contains(placeholder.ReplaceAllString(text, ""), "{{"):
			r.report(line, "%s: only values such as {{.App}} may stand between braces", key)
		}
	}
	if out["other"] == "" {
		r.report(line, "%s lacks the form `other`", key)
	}
	return out, nil
}

// fits says what is wrong with the sentences of c beside those of the program, which it replaces or translates.
func (c catalogue) fits(name string, original catalogue) (problems Problems) {
	for _, key := range slices.Sorted(maps.Keys(c)) {
		s := c[key]
		at := Problem{File: name, Line: s.line}
		ours, known := original[key]
		if !known {
			at.Text = fmt.Sprintf("there is no sentence %s%s", key, suggestion(key, slices.Collect(maps.Keys(original))))
			problems = append(problems, at)
			continue
		}
		if s.counted() && !ours.counted() {
			at.Text = key + " has plural forms, but there is no number in it"
			problems = append(problems, at)
		}
		allowed := ours.placeholders()
		for _, value := range s.placeholders() {
			if !slices.Contains(allowed, value) {
				at.Text = fmt.Sprintf("%s has no value {{.%s}}%s", key, value, offered(allowed))
				problems = append(problems, at)
			}
		}
	}
	return problems
}

func offered(names []string) string {
	if len(names) == 0 {
		return "; it has none at all"
	}
	return "; it has {{." + strings.Join(names, "}} and {{.") + "}}"
}
