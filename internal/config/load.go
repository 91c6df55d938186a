package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/v2"
)

// Source is where Load finds settings.
type Source struct {
	File  string            // path of the YAML file; empty: OSTIARY_CONFIG, else none
	Env   []string          // the environment, as os.Environ gives it
	Flags map[string]string // flags that were given, by their name without dashes
}

// Problems is everything that is wrong with the settings, one line each.
type Problems []string

func (p Problems) Error() string {
	if len(p) == 1 {
		return "the settings have a problem:\n  " + p[0]
	}
	return fmt.Sprintf("the settings have %d problems:\n  %s", len(p), strings.Join(p, "\n  "))
}

// given is one value as it was found, with the words that name its place to the reader.
type given struct {
	at  string
	raw any
}

// Load reads the settings and checks them. The error is a Problems with all that is wrong.
func Load(s Source) (Config, error) {
	var d decoder
	settings := Settings()
	found := make(map[string]given, len(settings))
	env := environment(s.Env)
	file := s.File
	if file == "" {
		file = env[EnvPrefix+"CONFIG"]
	}
	d.fromFile(file, settings, found)
	d.fromEnv(env, settings, found)
	d.fromFlags(s.Flags, settings, found)

	var c Config
	v := reflect.ValueOf(&c).Elem()
	for _, setting := range settings {
		if g, ok := found[setting.Key]; ok {
			d.setting(setting, g, v.FieldByIndex(setting.index))
		}
	}
	c = c.WithDefaults()
	d.secretFiles(&c)
	if len(d.problems) == 0 {
		d.problems = c.Check()
	} else {
		d.problems = append(d.problems, c.Check()...)
	}
	if len(d.problems) > 0 {
		return Config{}, Problems(d.problems)
	}
	return c, nil
}

func (d *decoder) setting(s Setting, g given, into reflect.Value) {
	before := len(d.problems)
	d.value(g.at, g.raw, into)
	if s.Secret && len(d.problems) > before {
		d.problems = append(d.problems[:before], g.at+": want a text")
	}
	if len(s.Options) > 0 && len(d.problems) == before && !slices.Contains(s.Options, into.String()) {
		d.problem(g.at, "want one of %s, got %s", strings.Join(s.Options, ", "), describe(into.String()))
	}
}

func environment(list []string) map[string]string {
	out := map[string]string{}
	for _, entry := range list {
		if name, value, ok := strings.Cut(entry, "="); ok && strings.HasPrefix(name, EnvPrefix) {
			out[name] = value
		}
	}
	return out
}

// fromFile takes the file's settings. koanf reads it, without a path delimiter, for names of limiters hold dots.
func (d *decoder) fromFile(path string, settings []Setting, found map[string]given) {
	if path == "" {
		return
	}
	data, err := os.ReadFile(path)
	if err != nil {
		d.problem(path, "cannot be read: %v", err)
		return
	}
	tree, ok := d.parseDocument(path, data)
	if ok {
		d.descend(path, "", tree, settings, found)
	}
}

func (d *decoder) parseDocument(at string, data []byte) (map[string]any, bool) {
	k := koanf.New("\x00")
	if err := k.Load(document(data), yaml.Parser()); err != nil {
		d.problem(at, "is not YAML: %v", err)
		return nil, false
	}
	return k.Raw(), true
}

// document hands bytes that are in memory already to koanf.
type document []byte

func (b document) ReadBytes() ([]byte, error)    { return b, nil }
func (b document) Read() (map[string]any, error) { return nil, errors.ErrUnsupported }

// parse reads one YAML value given as text.
func (d *decoder) parse(at, text string) (any, bool) {
	tree, ok := d.parseDocument(at, []byte("value: "+strings.ReplaceAll(text, "\n", "\n  ")))
	return tree["value"], ok
}

// descend walks the groups of the file down to the settings.
func (d *decoder) descend(path, prefix string, tree map[string]any, settings []Setting, found map[string]given) {
	for _, name := range sortedKeys(tree) {
		key := prefix + name
		at := path + ": " + key
		switch group, isGroup := tree[name].(map[string]any); {
		case hasKey(settings, key):
			found[key] = given{at: at, raw: tree[name]}
		case !hasGroup(settings, key):
			d.problem(at, "there is no such setting%s", suggest(key, keysOf(settings)))
		case isGroup:
			d.descend(path, key+".", group, settings, found)
		case tree[name] != nil:
			d.problem(at, "want names with values, got %s", describe(tree[name]))
		}
	}
}

func (d *decoder) fromEnv(env map[string]string, settings []Setting, found map[string]given) {
	byEnv := map[string]Setting{}
	for _, s := range settings {
		byEnv[s.Env] = s
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		s, ok := byEnv[name]
		switch {
		case ok:
			found[s.Key] = given{at: name, raw: env[name]}
		case name == EnvPrefix+"CONFIG", strings.HasPrefix(name, EnvPrefix+"TEST_"):
			// the file itself, and what the project's own tests are told
		default:
			d.problem(name, "there is no such setting%s", suggest(name, slices.Sorted(maps.Keys(byEnv))))
		}
	}
}

func (d *decoder) fromFlags(flags map[string]string, settings []Setting, found map[string]given) {
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		i := slices.IndexFunc(settings, func(s Setting) bool { return s.Flag == name && name != "" })
		if i < 0 {
			d.problem("--"+name, "there is no such setting")
			continue
		}
		found[settings[i].Key] = given{at: "--" + name, raw: flags[name]}
	}
}

// secretFiles reads the settings that name a file which holds another setting. Both at once is a problem, for
// one of them would silently lose.
func (d *decoder) secretFiles(c *Config) {
	for _, pair := range []struct {
		key, file string
		into      *string
	}{
		{"database", c.DatabaseFile, &c.Database},
		{"smtp.password", c.SMTP.PasswordFile, &c.SMTP.Password},
	} {
		if pair.file == "" {
			continue
		}
		if *pair.into != "" {
			d.problem(pair.key, "is set, and so is %s_file; keep one", pair.key)
			continue
		}
		text, err := os.ReadFile(pair.file)
		if err != nil {
			d.problem(pair.key+"_file", "cannot be read: %v", err)
			continue
		}
		*pair.into = strings.TrimSpace(string(text))
	}
}

func hasKey(settings []Setting, key string) bool {
	return slices.ContainsFunc(settings, func(s Setting) bool { return s.Key == key })
}

func hasGroup(settings []Setting, key string) bool {
	return slices.ContainsFunc(settings, func(s Setting) bool { return strings.HasPrefix(s.Key, key+".") })
}

func keysOf(settings []Setting) []string {
	out := make([]string, 0, len(settings))
	for _, s := range settings {
		out = append(out, s.Key)
	}
	return out
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// suggest finds the known name nearest to a mistyped one.
func suggest(name string, known []string) string {
	best, least := "", max(2, len(name)/4)+1
	for _, k := range known {
		if n := distance(name, k); n < least {
			best, least = k, n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// distance is the number of single-letter changes between two names (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		last := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := last
			if a[i-1] != b[j-1] {
				cost = 1 + min(last, row[j], row[j-1])
			}
			last, row[j] = row[j], cost
		}
	}
	return row[len(b)]
}
