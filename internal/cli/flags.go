package cli

import (
	"fmt"
	"reflect"
	"strconv"

	"github.com/ostiary-id/ostiary/internal/config"
)

// settingFlags are the flags of all settings, made from config.Settings so that there is one list of them. Every
// command takes them: each needs to know the data directory at least.
type settingFlags struct {
	settings []config.Setting
	value    reflect.Value // a struct with one pointer for each setting; nil: not given
}

func newSettingFlags() *settingFlags {
	f := &settingFlags{}
	var fields []reflect.StructField
	for _, s := range config.Settings() {
		if s.Flag == "" {
			continue
		}
		f.settings = append(f.settings, s)
		fields = append(fields, reflect.StructField{Name: fmt.Sprintf("Setting%d", len(fields)), Type: flagType(s), Tag: flagTag(s)})
	}
	f.value = reflect.New(reflect.StructOf(fields))
	return f
}

func flagType(s config.Setting) reflect.Type {
	if s.Bool() {
		return reflect.TypeFor[*bool]()
	}
	return reflect.TypeFor[*string]()
}

func flagTag(s config.Setting) reflect.StructTag {
	tag := "name:" + strconv.Quote(s.Flag) + " help:" + strconv.Quote(s.Help) + ` group:"Settings (all of them: docs/configuration.md)"`
	if !s.Bool() {
		placeholder := s.Default
		if placeholder == "" {
			placeholder = "..."
		}
		tag += " placeholder:" + strconv.Quote(placeholder)
	}
	if !s.Common {
		tag += ` hidden:""`
	}
	return reflect.StructTag(tag)
}

// target is what kong fills.
func (f *settingFlags) target() any { return f.value.Interface() }

// given are the flags that stood on the command line.
func (f *settingFlags) given() map[string]string {
	out := map[string]string{}
	for i, s := range f.settings {
		switch v := f.value.Elem().Field(i).Interface().(type) {
		case *string:
			if v != nil {
				out[s.Flag] = *v
			}
		case *bool:
			if v != nil {
				out[s.Flag] = strconv.FormatBool(*v)
			}
		}
	}
	return out
}
