package apikey

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
)

const (
	maxName   = 100 // code points
	maxScopes = 50
)

// Input is what a new key is made from. ExpiresIn and ExpiresAt exclude each other; neither means that the key
// does not expire.
type Input struct {
	Name      string
	Prefix    string // of the secret's text, chosen by the door; empty: DefaultPrefix
	Scopes    []string
	ExpiresIn time.Duration
	ExpiresAt time.Time
}

// normalised is the input trimmed and checked; Invalid names the field that is wrong.
func (in Input) normalised() (Input, error) {
	name, err := keyName(in.Name)
	if err != nil {
		return in, err
	}
	in.Name = name
	if in.Prefix == "" {
		in.Prefix = DefaultPrefix
	}
	if !secret.ValidKeyPrefix(in.Prefix) || in.Prefix == auth.AppKeyPrefix {
		return in, auth.Invalid("prefix", auth.ViolationPattern, "This is no prefix for an API key.")
	}
	if in.Scopes, err = scopes(in.Scopes); err != nil {
		return in, err
	}
	if in.ExpiresIn != 0 && !in.ExpiresAt.IsZero() {
		return in, auth.Invalid("expires_at", auth.ViolationMismatch, "Give expires_in or expires_at, not both.")
	}
	return in, nil
}

func keyName(name string) (string, error) {
	name = strings.TrimSpace(name)
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return "", auth.Invalid("name", auth.ViolationRequired, "A key needs a name.")
	case n > maxName:
		return "", auth.Invalid("name", auth.ViolationTooLong, fmt.Sprintf("A name has at most %d characters.", maxName))
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "", auth.Invalid("name", auth.ViolationInvalid, "A name has no control characters.")
	}
	return name, nil
}

// scopes drops repetitions. `*` is refused: a key says what it may do, so that a scope added later is not given
// to keys made before.
func scopes(in []string) ([]string, error) {
	out := make([]string, 0, len(in))
	for _, scope := range in {
		switch {
		case !auth.ValidScope(scope):
			return nil, auth.Invalid("scopes", auth.ViolationPattern,
				"A scope has 1 to 100 printable ASCII characters without space, quote and backslash.")
		case scope == "*":
			return nil, auth.Invalid("scopes", auth.ViolationInvalid, "Name the scopes; * is not given to keys.")
		case !slices.Contains(out, scope):
			out = append(out, scope)
		}
	}
	if len(out) > maxScopes {
		return nil, auth.Invalid("scopes", auth.ViolationTooMany, fmt.Sprintf("A key has at most %d scopes.", maxScopes))
	}
	return out, nil
}

// expiry is the time at which the key ends; zero for never.
func (in Input) expiry(now time.Time) (time.Time, error) {
	field, at := "expires_at", in.ExpiresAt
	switch {
	case in.ExpiresIn != 0:
		field, at = "expires_in", now.Add(in.ExpiresIn)
		if in.ExpiresIn > MaxLifetime {
			return time.Time{}, auth.Invalid(field, auth.ViolationTooLarge, "A key lives at most 10 years.")
		}
	case in.ExpiresAt.IsZero():
		return time.Time{}, nil
	}
	switch left := at.Sub(now); {
	case left < MinLifetime:
		return time.Time{}, auth.Invalid(field, auth.ViolationTooSmall, "A key lives at least a minute.")
	case left > MaxLifetime:
		return time.Time{}, auth.Invalid(field, auth.ViolationTooLarge, "A key lives at most 10 years.")
	}
	return at.UTC().Truncate(time.Microsecond), nil
}
