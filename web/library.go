package web

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/language"
)

// Library is all words, templates and styles in force. The zero value has those of the program; Load puts an
// operator's files in their place. What belongs to the program is parsed when it is first needed.
type Library struct {
	overrides map[string][]byte // by path below the directory of templates; nil: none

	mu    sync.Mutex
	skins map[string]*Skin
}

// Skin is what one app shows of a Library. It may be used by several goroutines.
type Skin struct {
	layers    []layer // best first
	languages []language.Tag
	matcher   language.Matcher

	mu          sync.Mutex
	translators map[language.Tag]*Translator
	pages       map[string]*Page
	mails       map[string]*Mail
}

// layer is one place that files come from. Its prefix names it in errors.
type layer struct {
	prefix string
	read   func(name string) ([]byte, bool)
}

// builtIn is where the program's own files seem to lie.
const builtIn = "built-in/"

// Skin is what an app shows. Apps that have no files of their own share one.
func (l *Library) Skin(app string) *Skin {
	if !slices.Contains(l.apps(), app) {
		app = ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if s, ok := l.skins[app]; ok {
		return s
	}
	s := &Skin{translators: map[language.Tag]*Translator{}, pages: map[string]*Page{}, mails: map[string]*Mail{}}
	if app != "" {
		s.layers = append(s.layers, l.layer(appsDir+app+"/"))
	}
	s.layers = append(s.layers, l.layer(""), layer{builtIn, embeddedFile})
	for _, tag := range append(Languages(), l.addedLanguages()...) {
		s.languages = append(s.languages, language.Make(tag))
	}
	s.matcher = language.NewMatcher(s.languages)
	if l.skins == nil {
		l.skins = map[string]*Skin{}
	}
	l.skins[app] = s
	return s
}

// Match is the language of the library that fits a wish best: a tag, or the value of an Accept-Language header. It is
// empty if none fits.
func (l *Library) Match(wish string) string {
	tag, ok := l.Skin("").match(wish)
	if !ok {
		return ""
	}
	return tag.String()
}

func (l *Library) layer(prefix string) layer {
	return layer{prefix, func(name string) ([]byte, bool) {
		data, ok := l.overrides[prefix+name]
		return data, ok
	}}
}

func embeddedFile(name string) ([]byte, bool) {
	data, err := files.ReadFile(name)
	return data, err == nil
}

// Languages lists the languages of the program, English first.
func Languages() []string {
	out := []string{English}
	for _, name := range list("locales", ".json") {
		if name != English {
			out = append(out, name)
		}
	}
	return out
}

// list names the embedded files of a directory, without their ending.
func list(dir, ending string) []string {
	entries, err := fs.ReadDir(files, dir)
	if err != nil {
		return nil // an embedded directory is always there
	}
	var out []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ending); ok {
			out = append(out, name)
		}
	}
	return out
}

// maxWish is the longest wish that is looked at, in bytes.
const maxWish = 200

// match finds the best language for one wish. A wish for anything (`*`) is none.
func (s *Skin) match(wish string) (language.Tag, bool) {
	if wish == "" || len(wish) > maxWish {
		return language.Und, false
	}
	tags, _, err := language.ParseAcceptLanguage(wish)
	if err != nil || len(tags) == 0 {
		return language.Und, false
	}
	_, index, confidence := s.matcher.Match(tags...)
	return s.languages[index], confidence > language.No
}

// Translator answers the first wish that a language fits: tags such as `pt-BR`, or the value of an Accept-Language
// header. Nothing fits: English.
func (s *Skin) Translator(wishes ...string) (*Translator, error) {
	for _, wish := range wishes {
		if wish == Mirrored {
			t, err := s.translator(language.English)
			if err != nil {
				return nil, err
			}
			return t.mirror(), nil
		}
		if tag, ok := s.match(wish); ok {
			return s.translator(tag)
		}
	}
	return s.translator(language.English)
}

func (s *Skin) translator(tag language.Tag) (*Translator, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.speak(tag)
}

// speak is translator under the lock.
func (s *Skin) speak(tag language.Tag) (*Translator, error) {
	if t, ok := s.translators[tag]; ok {
		return t, nil
	}
	merged := catalogue{}
	own := false
	for _, l := range slices.Backward(s.layers) {
		name := path.Join("locales", tag.String()+".json")
		data, ok := l.read(name)
		if !ok {
			continue
		}
		read, problems := readCatalogue(l.prefix+name, data)
		if len(problems) > 0 {
			return nil, problems
		}
		own = own || l.prefix == builtIn
		for key, sentence := range read {
			merged[key] = sentence
		}
	}
	t, err := newTranslator(tag, merged)
	if err != nil {
		return nil, err
	}
	if !own && tag != language.English {
		if t.english, err = s.speak(language.English); err != nil {
			return nil, err
		}
	}
	s.translators[tag] = t
	return t, nil
}

// find reads the first of the names that a layer has, going through the layers from the best. Its full name is where
// it was found.
func (s *Skin) find(names ...string) (full string, text string, err error) {
	for _, l := range s.layers {
		for _, name := range names {
			if data, ok := l.read(name); ok {
				return l.prefix + name, string(data), nil
			}
		}
	}
	return "", "", fmt.Errorf("there is no file %s", strings.Join(names, " or "))
}

// Style is the style sheet of the pages.
func (s *Skin) Style() ([]byte, error) {
	_, text, err := s.find("pages/" + styleName)
	return []byte(text), err
}

// Scripts lists the scripts of the pages by name, without their ending. Operators cannot replace them: what runs in the
// browser of somebody who types a password is the program's alone.
func Scripts() []string { return list("scripts", ".js") }

// Script is one of Scripts.
func Script(name string) ([]byte, error) { return files.ReadFile("scripts/" + name + ".js") }
