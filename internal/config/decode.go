package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// decoder turns YAML values and texts into fields and gathers every problem on the way.
type decoder struct{ problems []string }

func (d *decoder) problem(at, format string, args ...any) {
	d.problems = append(d.problems, at+": "+fmt.Sprintf(format, args...))
}

// value puts raw, a YAML value or a text, into the field into. The name at stands before each problem.
func (d *decoder) value(at string, raw any, into reflect.Value) {
	switch into.Interface().(type) {
	case time.Duration:
		d.duration(at, raw, into)
		return
	case netip.Prefix:
		d.prefix(at, raw, into)
		return
	}
	switch into.Kind() {
	case reflect.String:
		d.text(at, raw, into)
	case reflect.Bool:
		d.boolean(at, raw, into)
	case reflect.Int:
		d.number(at, raw, into)
	case reflect.Slice:
		d.list(at, raw, into)
	case reflect.Map:
		d.object(at, raw, into)
	case reflect.Struct:
		d.fields(at, raw, into)
	default:
		d.problem(at, "settings of this type cannot be read") // a test over every setting keeps this unreachable
	}
}

func (d *decoder) text(at string, raw any, into reflect.Value) {
	switch v := raw.(type) {
	case string:
		into.SetString(v)
	case int, float64, bool:
		into.SetString(fmt.Sprint(v))
	default:
		d.problem(at, "want a text, got %s", describe(raw))
	}
}

func (d *decoder) boolean(at string, raw any, into reflect.Value) {
	switch v := raw.(type) {
	case bool:
		into.SetBool(v)
		return
	case string:
		if b, err := strconv.ParseBool(v); err == nil {
			into.SetBool(b)
			return
		}
	}
	d.problem(at, "want true or false, got %s", describe(raw))
}

func (d *decoder) number(at string, raw any, into reflect.Value) {
	switch v := raw.(type) {
	case int:
		into.SetInt(int64(v))
		return
	case string:
		if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
			into.SetInt(int64(n))
			return
		}
	}
	d.problem(at, "want a whole number, got %s", describe(raw))
}

func (d *decoder) duration(at string, raw any, into reflect.Value) {
	switch v := raw.(type) {
	case string:
		if dur, err := ParseDuration(v); err == nil {
			into.SetInt(int64(dur))
			return
		}
	case int:
		if v == 0 {
			into.SetInt(0)
			return
		}
	}
	d.problem(at, "want a duration such as 90s, 15m, 12h or 30d, got %s", describe(raw))
}

func (d *decoder) prefix(at string, raw any, into reflect.Value) {
	text, _ := raw.(string)
	if p, err := netip.ParsePrefix(text); err == nil {
		into.Set(reflect.ValueOf(p.Masked()))
		return
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		into.Set(reflect.ValueOf(netip.PrefixFrom(a, a.BitLen())))
		return
	}
	d.problem(at, "want a network such as 10.0.0.0/8 or an address, got %s", describe(raw))
}

func (d *decoder) list(at string, raw any, into reflect.Value) {
	items, ok := raw.([]any)
	if text, isText := raw.(string); isText {
		items, ok = d.split(at, text, into.Type().Elem() == reflect.TypeFor[Mount]())
		if items == nil && !ok {
			return
		}
	}
	if !ok {
		d.problem(at, "want a list, got %s", describe(raw))
		return
	}
	out := reflect.MakeSlice(into.Type(), len(items), len(items))
	for i, item := range items {
		d.value(fmt.Sprintf("%s[%d]", at, i), item, out.Index(i))
	}
	into.Set(out)
}

// split reads a list given as text: YAML for lists of objects, commas for the rest.
func (d *decoder) split(at, text string, objects bool) ([]any, bool) {
	if objects {
		v, ok := d.parse(at, text)
		items, isList := v.([]any)
		if ok && !isList {
			d.problem(at, "want a YAML list, got %s", describe(v))
		}
		return items, ok && isList
	}
	items := []any{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			items = append(items, part)
		}
	}
	return items, true
}

func (d *decoder) object(at string, raw any, into reflect.Value) {
	if text, isText := raw.(string); isText {
		v, ok := d.parse(at, text)
		if !ok {
			return
		}
		raw = v
	}
	members, ok := raw.(map[string]any)
	if !ok {
		d.problem(at, "want names with values, got %s", describe(raw))
		return
	}
	out := reflect.MakeMapWithSize(into.Type(), len(members))
	for _, name := range sortedKeys(members) {
		item := reflect.New(into.Type().Elem()).Elem()
		d.value(at+"."+name, members[name], item)
		out.SetMapIndex(reflect.ValueOf(name), item)
	}
	into.Set(out)
}

// fields fills a struct inside a list or map; members that it does not have are problems.
func (d *decoder) fields(at string, raw any, into reflect.Value) {
	members, ok := raw.(map[string]any)
	if !ok {
		d.problem(at, "want names with values, got %s", describe(raw))
		return
	}
	known := make([]string, 0, into.NumField())
	for i := range into.NumField() {
		known = append(known, into.Type().Field(i).Tag.Get("key"))
	}
	for _, name := range sortedKeys(members) {
		i := slices.Index(known, name)
		if i < 0 {
			d.problem(at+"."+name, "there is no such setting%s", suggest(name, known))
			continue
		}
		d.value(at+"."+name, members[name], into.Field(i))
	}
}

// describe names a value that did not fit, cut short. It is used for settings that are no secrets only; see Load.
func describe(raw any) string {
	switch v := raw.(type) {
	case nil:
		return "nothing"
	case map[string]any:
		return "names with values"
	case []any:
		return "a list"
	case string:
		if len(v) > 60 {
			v = v[:60]
		}
		return strconv.Quote(v)
	}
	return fmt.Sprintf("%v", raw)
}

// ParseDuration reads Go's durations (90s, 1h30m) and whole days and weeks (30d, 2w).
func ParseDuration(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	if n := len(text); n > 1 {
		unit := map[byte]time.Duration{'d': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[text[n-1]]
		if count, err := strconv.Atoi(text[:n-1]); err == nil && unit != 0 {
			if count < 0 || count > 100*366 {
				return 0, fmt.Errorf("duration %q is out of range", text)
			}
			return time.Duration(count) * unit, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("duration %q: %w", text, err)
	}
	return d, nil
}
