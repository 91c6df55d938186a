package web

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/nicksnyder/go-i18n/v2/i18n/template"
	"golang.org/x/text/language"
)

// English is the language that every sentence exists in.
const English = "en"

// Mirrored is the tag of a pseudo-language for tests of right-to-left pages: English, written from the right. Only who
// asks for exactly this tag gets it.
const Mirrored = "ar-XB"

// Translator says our sentences in one language. Templates see its fields and methods through the value that they are
// filled with: {{.T "page.verify.text"}}. It may be used by several goroutines.
type Translator struct {
	Lang string // for the attribute `lang`
	Dir  string // for the attribute `dir`: ltr or rtl

	sentences *i18n.Localizer
	parser    template.Parser
	english   *Translator // for sentences that a language of the operator's own lacks; nil: none are lacking
	mirrored  bool
}

func newTranslator(tag language.Tag, c catalogue) (*Translator, error) {
	bundle := i18n.NewBundle(tag)
	if err := bundle.AddMessages(tag, c.messages()...); err != nil {
		return nil, fmt.Errorf("the language %s: %w", tag, err)
	}
	return &Translator{Lang: tag.String(), Dir: direction(tag), sentences: i18n.NewLocalizer(bundle, tag.String()),
		parser: &template.TextParser{Option: "missingkey=error"}}, nil
}

// direction is how a language is written.
func direction(tag language.Tag) string {
	script, _ := tag.Script()
	switch script.String() {
	case "Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm", "Rohg", "Mand", "Samr":
		return "rtl"
	}
	return "ltr"
}

// mirror is the pseudo-language of tests.
func (t *Translator) mirror() *Translator {
	out := *t
	out.Lang, out.Dir, out.mirrored = Mirrored, "rtl", true
	return &out
}

// T is the sentence of a key. The values between its braces are fields of data, or its number if data is an int. The
// answer is plain text: html/template escapes it like any other. A key that does not exist, and a value that data
// lacks, are errors.
func (t *Translator) T(key string, data ...any) (string, error) {
	wanted := i18n.LocalizeConfig{MessageID: key, TemplateParser: t.parser}
	if len(data) > 0 {
		wanted.TemplateData = data[0]
		if n, ok := data[0].(int); ok {
			wanted.PluralCount, wanted.TemplateData = n, map[string]int{"Count": n}
		}
	}
	text, err := t.sentences.Localize(&wanted)
	if err != nil && t.english != nil {
		text, err = t.english.T(key, data...)
	}
	if err != nil {
		return "", fmt.Errorf("the sentence %s in %s: %w", key, t.Lang, err)
	}
	if t.mirrored {
		text = mirrorWords(text)
	}
	return text, nil
}

// mirrorWords makes every word run from right to left (U+202E to U+202C).
func mirrorWords(text string) string {
	words := strings.Split(text, " ")
	for i, word := range words {
		if word != "" {
			words[i] = "\u202e" + word + "\u202c"
		}
	}
	return strings.Join(words, " ")
}

// moment is what the sentence format.moment is made of.
type moment struct{ Day, Month, MonthNumber, Year, Time string }

// Moment writes a time as people of the language do, in UTC: there is no time zone of a reader to go by.
func (t *Translator) Moment(at time.Time) (string, error) {
	at = at.UTC()
	months, err := t.plain().T("format.months")
	if err != nil {
		return "", err
	}
	names := strings.Split(months, " ")
	if len(names) != 12 {
		return "", fmt.Errorf("format.months in %s must be 12 names with a space between them", t.Lang)
	}
	day := strconv.Itoa(at.Day())
	if at.Day() == 1 {
		if day, err = t.plain().T("format.first"); err != nil {
			return "", err
		}
	}
	return t.T("format.moment", moment{Day: day, Month: names[at.Month()-1], MonthNumber: strconv.Itoa(int(at.Month())),
		Year: strconv.Itoa(at.Year()), Time: at.Format("15:04")})
}

// plain is the translator of parts of a sentence, which are mirrored with the whole.
func (t *Translator) plain() *Translator {
	if !t.mirrored {
		return t
	}
	out := *t
	out.mirrored = false
	return &out
}

// Span writes a duration in the largest unit that fits it without a rest, and in minutes at the least.
func (t *Translator) Span(d time.Duration) (string, error) {
	const day = 24 * time.Hour
	switch d = d.Round(time.Minute); {
	case d >= 2*day && d%day == 0:
		return t.T("format.days", int(d/day))
	case d >= time.Hour && d%time.Hour == 0:
		return t.T("format.hours", int(d/time.Hour))
	}
	return t.T("format.minutes", int(max(d, time.Minute)/time.Minute))
}
