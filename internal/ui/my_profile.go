package ui

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// profilePage is what the person says of themselves.
type profilePage struct {
	owned
	Me       operation.Me
	Username string
	Locales  picker
	Extra    []extra // attributes that the person may write
}

// extra is an attribute as a field.
type extra struct {
	Name, Label, Value string
	Kind               string // type of the input
	Step               string // of numbers
	On                 bool   // of a checkbox
	MaxLength          int
	Error              string
}

// picker is a field that takes one of several values.
type picker struct {
	ID, Name, Label, Hint string
	Options               []option
}

// option is one of them.
type option struct {
	Value, Text string
	Lang        string // of the text; empty: that of the page
	Chosen      bool
}

// attributePrefix marks the fields of attributes among those of the form.
const attributePrefix = "attributes."

func (v *visit) newProfilePage() (*profilePage, error) {
	me, err := v.me()
	if err != nil {
		return nil, err
	}
	u := me.User
	shown := &profilePage{Me: me, Username: u.Username}
	shown.values = map[string][]string{"name": {u.Name}, "given_name": {u.GivenName}, "family_name": {u.FamilyName}, "username": {u.Username}}
	if shown.Locales, err = v.locales(u.Locale); err != nil {
		return nil, err
	}
	rules := v.app.Settings.Attributes
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		if rules[name].Writer == auth.WrittenByUser {
			shown.Extra = append(shown.Extra, newExtra(name, rules[name], u.Attributes[name]))
		}
	}
	return shown, nil
}

// locales are the languages that mails speak.
func (v *visit) locales(now string) (picker, error) {
	t, err := v.translator()
	if err != nil {
		return picker{}, err
	}
	c := picker{ID: "locale", Name: "locale"}
	if c.Label, err = t.T("page.my.profile.locale"); err != nil {
		return c, err
	}
	none, err := t.T("page.my.profile.locale-none")
	c.Options = []option{{Text: none, Chosen: now == ""}}
	tags := v.p.o.Library.Speaks()
	if now != "" && !slices.Contains(tags, now) {
		tags = append(slices.Clone(tags), now)
	}
	for _, tag := range tags {
		name, ok := languageNames[tag]
		if !ok {
			name = tag
		}
		c.Options = append(c.Options, option{Value: tag, Text: name, Lang: tag, Chosen: tag == now})
	}
	return c, err
}

// languageNames are what the languages call themselves.
var languageNames = map[string]string{"en": "English", "de": "Deutsch", "es": "Español", "fr": "Français", "ja": "日本語", "pt": "Português", "zh": "中文"}

// newExtra is an attribute with its value of now. Its name is the app's own word, so it is its label.
func newExtra(name string, rule auth.AttributeRule, value any) extra {
	f := extra{Name: attributePrefix + name, Label: labelled(name), Kind: "text", MaxLength: rule.MaxLength}
	switch rule.Type {
	case "boolean":
		f.Kind = "checkbox"
		f.On, _ = value.(bool)
		return f
	case "integer":
		f.Kind, f.Step = "number", "1"
	case "number":
		f.Kind, f.Step = "number", "any"
	}
	switch now := value.(type) {
	case string:
		f.Value = now
	case float64:
		f.Value = strconv.FormatFloat(now, 'f', -1, 64)
	case int64:
		f.Value = strconv.FormatInt(now, 10)
	}
	return f
}

// labelled makes a label of a name such as postal_code.
func labelled(name string) string {
	words := strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '-' || r == '.' }), " ")
	if words == "" {
		return name
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

func changeMyProfile(v *visit) error {
	var (
		err  error
		done string
	)
	switch v.form.Get("do") {
	case "save":
		done = "profile-saved"
		_, err = v.person("update-me", &operation.UpdateMeInput{ProfileChange: v.profileChange()})
	case "username":
		done, v.typed = "username-changed", []string{"username"}
		_, err = v.person("change-username", &operation.ChangeUsernameInput{Username: v.form.Get("username")})
	default:
		return unknownForm()
	}
	if err == nil {
		return v.settled("/my/profile", done)
	}
	shown, failed := v.newProfilePage()
	if failed != nil {
		return err
	}
	for name := range v.form {
		shown.values[name] = v.form[name]
	}
	shown.retype(v)
	return v.mineAgain("my-profile", err, shown)
}

// profileChange reads the form. What is left empty is cleared.
func (v *visit) profileChange() operation.ProfileChange {
	said := func(name string) operation.Optional[string] {
		text := strings.TrimSpace(v.form.Get(name))
		return operation.Optional[string]{Present: v.form.Has(name), Null: text == "", Value: text}
	}
	in := operation.ProfileChange{Name: said("name"), GivenName: said("given_name"), FamilyName: said("family_name"), Locale: said("locale")}
	changes := map[string]any{}
	for name, rule := range v.app.Settings.Attributes {
		if rule.Writer == auth.WrittenByUser && v.form.Has(attributePrefix+name+".there") {
			changes[name] = attributeValue(rule, v.form.Get(attributePrefix+name))
		}
	}
	in.Attributes = operation.Optional[map[string]any]{Present: len(changes) > 0, Value: changes}
	return in
}

// attributeValue is what a field says in the type of its attribute; nil for nothing. What is no number stays text, so that
// the operation refuses it.
func attributeValue(rule auth.AttributeRule, text string) any {
	if rule.Type == "boolean" {
		return text != ""
	}
	if text == "" {
		return nil
	}
	if rule.Type == "integer" || rule.Type == "number" {
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return n
		}
	}
	return text
}

// retype puts into the fields that have no kind what was typed.
func (p *profilePage) retype(v *visit) {
	for i := range p.Extra {
		f := &p.Extra[i]
		if v.form.Has(f.Name + ".there") {
			f.Value, f.On = v.form.Get(f.Name), v.form.Get(f.Name) != ""
		}
	}
	for i := range p.Locales.Options {
		if v.form.Has("locale") {
			p.Locales.Options[i].Chosen = p.Locales.Options[i].Value == v.form.Get("locale")
		}
	}
}

// Wrong is what is wrong with an attribute.
func (p *profilePage) Wrong(f extra) string { return p.wrong(f.Name) }
