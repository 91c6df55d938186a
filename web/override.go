package web

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

const (
	appsDir    = "apps/"
	localesDir = "locales/"
	// maxOverride is the largest file that is taken, in bytes, maxOverrides how many.
	maxOverride  = 256 << 10
	maxOverrides = 2000
)

// Load is the program's library with the files of dir in the place of its own: mail/*.tmpl, pages/*.tmpl,
// pages/style.css, locales/*.json (single sentences, or a whole new language), and the same below apps/<app>/ for one
// app. Names that begin with a dot are passed over. Every file is read once, now. A name that nothing is called, a
// file that cannot be read and a sentence that does not fit make Problems; whether templates can be filled is seen by
// filling them.
func Load(dir fs.FS) (*Library, error) {
	l := &Library{overrides: map[string][]byte{}}
	problems := l.read(dir)
	if len(problems) == 0 {
		problems = l.check()
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return l, nil
}

// Overridden lists the files that an operator put in the place of ours, sorted.
func (l *Library) Overridden() []string {
	out := make([]string, 0, len(l.overrides))
	for name := range l.overrides {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// read takes the files in.
func (l *Library) read(dir fs.FS) (problems Problems) {
	known := Names()
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			problems = append(problems, Problem{File: name, Text: "cannot be read: " + err.Error()})
			return nil
		case name == ".":
			return nil
		case strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := fs.Stat(dir, name) // follows links, within dir
		switch {
		case err != nil:
			problems = append(problems, Problem{File: name, Text: "cannot be read: " + err.Error()})
		case info.IsDir() && !d.IsDir():
			problems = append(problems, Problem{File: name, Text: "is a link to a directory; put the files here"})
		case info.IsDir():
		case len(l.overrides) >= maxOverrides:
			return fmt.Errorf("there are more than %d files", maxOverrides)
		case info.Size() > maxOverride:
			problems = append(problems, Problem{File: name, Text: fmt.Sprintf("is larger than %d KiB", maxOverride>>10)})
		default:
			if text := unknownName(name, known); text != "" {
				problems = append(problems, Problem{File: name, Text: text})
				return nil
			}
			data, err := fs.ReadFile(dir, name)
			if err != nil {
				problems = append(problems, Problem{File: name, Text: "cannot be read: " + err.Error()})
				return nil
			}
			l.overrides[name] = data
		}
		return nil
	})
	if err != nil {
		problems = append(problems, Problem{File: ".", Text: err.Error()})
	}
	return problems
}

// Names lists every file that can be put in the place of ours, sorted. Those of a kind of mail are additions: without
// one the kind has the body that all kinds have.
func Names() []string {
	out := []string{"pages/" + styleName}
	for _, page := range Pages() {
		out = append(out, "pages/"+page+htmlEnding)
	}
	out = append(out, "pages/"+layoutName+htmlEnding, "pages/"+partsName+htmlEnding)
	for _, name := range append([]string{layoutName, bodyName}, Mails()...) {
		out = append(out, "mail/"+name+htmlEnding, "mail/"+name+textEnding)
	}
	for _, tag := range Languages() {
		out = append(out, localesDir+tag+".json")
	}
	slices.Sort(out)
	return out
}

// BuiltIn is the program's own text of one of Names. A kind of mail has the body of all kinds.
func BuiltIn(name string) (string, error) {
	if data, ok := embeddedFile(name); ok {
		return string(data), nil
	}
	if !slices.Contains(Names(), name) {
		return "", fmt.Errorf("there is no %s%s", name, suggestion(name, Names()))
	}
	ending := htmlEnding
	if strings.HasSuffix(name, textEnding) {
		ending = textEnding
	}
	data, err := files.ReadFile("mail/" + bodyName + ending)
	return string(data), err
}

// Pages names the pages.
func Pages() []string {
	return slices.DeleteFunc(list("pages", htmlEnding), func(name string) bool { return name == layoutName || name == partsName })
}

// Mails names the kinds of mail: what the program has a subject for.
func Mails() []string {
	var out []string
	for key := range original() {
		if kind, ok := strings.CutSuffix(strings.TrimPrefix(key, "mail."), ".subject"); ok && strings.HasPrefix(key, "mail.") {
			out = append(out, kind)
		}
	}
	slices.Sort(out)
	return out
}

// original is the program's English, which other catalogues are held against.
func original() catalogue {
	data, _ := embeddedFile(localesDir + English + ".json")
	c, _ := readCatalogue(English, data) // a test sees that it has no mistake
	return c
}

// unknownName says why nothing is called name; empty if something is.
func unknownName(name string, known []string) string {
	rest := name
	if below, ok := strings.CutPrefix(name, appsDir); ok {
		app, inside, found := strings.Cut(below, "/")
		if !found {
			return "belongs into a directory named after the id of an app"
		}
		if app == "" {
			return "names no app"
		}
		rest = inside
	}
	if slices.Contains(known, rest) {
		return ""
	}
	if tag, ok := strings.CutSuffix(rest, ".json"); ok && path.Dir(rest) == path.Clean(localesDir) {
		switch parsed, err := language.Parse(path.Base(tag)); {
		case err != nil || parsed.String() != path.Base(tag):
			return "is not named after a language tag such as nl.json or pt-BR.json"
		case rest != name:
			return "would be a new language for one app; put it into " + rest + ", for all apps"
		}
		return ""
	}
	return "is nothing that can be replaced" + suggestion(rest, known) + "; `ostiary templates list` shows what can"
}

// apps are those with files of their own.
func (l *Library) apps() []string {
	var out []string
	for name := range l.overrides {
		if below, ok := strings.CutPrefix(name, appsDir); ok {
			if app, _, _ := strings.Cut(below, "/"); !slices.Contains(out, app) {
				out = append(out, app)
			}
		}
	}
	slices.Sort(out)
	return out
}

// addedLanguages are those that only the operator has.
func (l *Library) addedLanguages() []string {
	var out []string
	for name := range l.overrides {
		tag, ok := strings.CutSuffix(strings.TrimPrefix(name, localesDir), ".json")
		if ok && strings.HasPrefix(name, localesDir) && !slices.Contains(Languages(), tag) {
			out = append(out, tag)
		}
	}
	slices.Sort(out)
	return out
}

// Skins lists the apps that have a skin of their own, and first the empty name, which is everybody else's.
func (l *Library) Skins() []string { return append([]string{""}, l.apps()...) }

// Speaks lists the languages of the library, English first.
func (l *Library) Speaks() []string { return append(Languages(), l.addedLanguages()...) }

// Missing lists the sentences that a language of the operator's own lacks, by its file. English stands in for them.
func (l *Library) Missing() map[string][]string {
	out := map[string][]string{}
	for _, tag := range l.addedLanguages() {
		name := localesDir + tag + ".json"
		own, _ := readCatalogue(name, l.overrides[name]) // Load has seen that it has no mistake
		for key := range original() {
			if _, ok := own[key]; !ok {
				out[name] = append(out[name], key)
			}
		}
		slices.Sort(out[name])
	}
	return out
}

// check reads every catalogue and parses every template.
func (l *Library) check() (problems Problems) {
	ours := original()
	for _, name := range l.Overridden() {
		if path.Ext(name) != ".json" {
			continue
		}
		c, wrong := readCatalogue(name, l.overrides[name])
		problems = append(problems, wrong...)
		problems = append(problems, c.fits(name, ours)...)
	}
	if len(problems) > 0 {
		return problems
	}
	for _, app := range l.Skins() {
		skin := l.Skin(app)
		for _, tag := range l.Speaks() {
			_, err := skin.Translator(tag)
			problems = problems.Add(localesDir+tag+".json", err)
		}
		for _, kind := range Mails() {
			_, err := skin.Mail(kind)
			problems = problems.Add("mail/"+kind, err)
		}
		for _, page := range Pages() {
			_, err := skin.Page(page)
			problems = problems.Add("pages/"+page, err)
		}
	}
	return problems
}

// Add appends what an error says, each problem once. name is the file if the error names none; nil adds nothing.
func (p Problems) Add(name string, err error) Problems {
	if err == nil {
		return p
	}
	var several Problems
	if !errors.As(err, &several) {
		several = Problems{ProblemOf(name, err)}
	}
	for _, one := range several {
		if !slices.Contains(p, one) {
			p = append(p, one)
		}
	}
	return p
}
