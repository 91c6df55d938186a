package config

import (
	"reflect"
	"strings"
	"time"
)

// EnvPrefix begins every environment variable of the server.
const EnvPrefix = "OSTIARY_"

// Setting is one leaf of Config as people name it.
type Setting struct {
	Key     string // in the file, dotted: smtp.password_file
	Flag    string // on the command line: smtp-password-file; empty for secrets
	Env     string // in the environment: OSTIARY_SMTP_PASSWORD_FILE
	Default string // as text; empty: the zero value
	Help    string
	Options []string // the only allowed values, if any
	Common  bool     // shown in the command's own help
	Secret  bool     // never shown; has no flag
	Kind    string   // text, number, yes or no, duration, list, YAML
	index   []int
	typ     reflect.Type
}

// Bool reports whether the setting is a plain switch.
func (s Setting) Bool() bool { return s.typ.Kind() == reflect.Bool }

// Settings lists every setting in the order of the struct.
func Settings() []Setting { return settingsOf(reflect.TypeFor[Config](), "", nil) }

func settingsOf(t reflect.Type, prefix string, index []int) []Setting {
	var out []Setting
	for i := range t.NumField() {
		f := t.Field(i)
		key := prefix + f.Tag.Get("key")
		at := append(append([]int{}, index...), i)
		if f.Type.Kind() == reflect.Struct {
			out = append(out, settingsOf(f.Type, key+".", at)...)
			continue
		}
		out = append(out, settingOf(f, key, at))
	}
	return out
}

func settingOf(f reflect.StructField, key string, index []int) Setting {
	s := Setting{
		Key: key, Env: EnvPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_")),
		Default: f.Tag.Get("default"), Help: f.Tag.Get("help"),
		Common: f.Tag.Get("common") != "", Secret: f.Tag.Get("secret") != "",
		Kind: kindOf(f.Type), index: index, typ: f.Type,
	}
	if options := f.Tag.Get("options"); options != "" {
		s.Options = strings.Split(options, ",")
	}
	if !s.Secret {
		s.Flag = strings.NewReplacer(".", "-", "_", "-").Replace(key)
	}
	return s
}

func kindOf(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "duration"
	case t.Kind() == reflect.Bool:
		return "yes or no"
	case t.Kind() == reflect.Int:
		return "number"
	case t.Kind() == reflect.Map, t.Kind() == reflect.Slice && t.Elem() == reflect.TypeFor[Mount]():
		return "YAML"
	case t.Kind() == reflect.Slice:
		return "list"
	}
	return "text"
}

// Default is the configuration that no setting changes.
func Default() Config {
	var c Config
	return c.WithDefaults()
}

// WithDefaults is c with the default of every setting that has its zero value.
func (c Config) WithDefaults() Config {
	v := reflect.ValueOf(&c).Elem()
	for _, s := range Settings() {
		fillDefault(v.FieldByIndex(s.index), s.Default)
	}
	for i := range c.Mounts {
		if c.Mounts[i].App == "" {
			c.Mounts[i].App = "default"
		}
	}
	return c
}

// fillDefault sets the default of an empty field. Defaults are constants of this package that a test decodes, so a
// problem cannot happen here.
func fillDefault(field reflect.Value, text string) {
	if text == "" || !field.IsZero() {
		return
	}
	var d decoder
	d.value("default", text, field)
}
