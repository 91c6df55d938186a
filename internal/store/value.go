package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// errEncoding refuses text that PostgreSQL cannot hold. The doors refuse it earlier, with a violation.
var errEncoding = errors.New("an argument holds NUL or invalid UTF-8")

// checkArguments turns arguments, in place, into what both drivers take alike (nil, int64, float64, bool, string,
// []byte) and refuses NUL and invalid UTF-8. Times are refused: rows hold micros.
func checkArguments(args []any) error {
	for i, arg := range args {
		switch v := arg.(type) {
		case nil, int64, float64, bool, []byte:
		case string:
			if err := checkText(v); err != nil {
				return fmt.Errorf("$%d: %w", i+1, err)
			}
		case int:
			args[i] = int64(v)
		default:
			plain, err := plainArgument(arg)
			if err != nil {
				return fmt.Errorf("$%d: %w", i+1, err)
			}
			args[i] = plain
		}
	}
	return nil
}

func checkText(s string) error {
	if !auth.IsText(s) {
		return errEncoding
	}
	return nil
}

// plainArgument converts named types such as auth.UserID.
func plainArgument(arg any) (any, error) {
	v := reflect.ValueOf(arg)
	switch v.Kind() {
	case reflect.String:
		return v.String(), checkText(v.String())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return int64(v.Uint()), nil
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.Pointer:
		if v.IsNil() {
			return nil, nil
		}
		one := []any{v.Elem().Interface()}
		err := checkArguments(one)
		return one[0], err
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return v.Bytes(), nil
		}
	}
	return nil, fmt.Errorf("a %T is no argument of a statement", arg)
}

// micros is a time as rows hold it: microseconds since 1970 UTC. The zero time is 0 and means "never".
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// instant is the time of micros.
func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// jsonText is v as a row holds it. A nil list or map becomes [] or {} so that the text always decodes. v must be a
// value that encoding/json can write, which the rows' own types are; another one is a mistake in the program.
func jsonText(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("store: a %T does not encode: %v", v, err))
	}
	text := strings.TrimSuffix(b.String(), "\n")
	if text == "null" {
		switch reflect.ValueOf(v).Kind() {
		case reflect.Slice:
			return "[]"
		case reflect.Map:
			return "{}"
		}
	}
	return text
}

// fromJSON decodes what jsonText made.
func fromJSON(text string, into any) error {
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("store: stored JSON does not decode into %T: %w", into, err)
	}
	return nil
}
