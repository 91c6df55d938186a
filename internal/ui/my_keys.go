package ui

import (
	"slices"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// keysPage lists the API keys of the person and makes new ones. A new secret is in the answer to the form itself, for
// nothing keeps it to be shown later.
type keysPage struct {
	owned
	Keys    []operation.APIKey
	Next    string
	Scopes  []scope
	Expiry  picker
	Made    *operation.NewAPIKey // the key whose secret is shown; nil: none
	Rotated bool                 // it has taken the place of another secret
}

// scope is something that a key may do, as a checkbox.
type scope struct {
	Name, Text string
	On         bool
}

// scopePrefix marks the fields of scopes among those of the form.
const scopePrefix = "scope."

// scopeKeys are the sentences for the scopes of our own operations, in the order of the form.
var scopeKeys = []place{
	{operation.ScopeAccountRead, "page.my.keys.scope.account-read"},
	{operation.ScopeAccountWrite, "page.my.keys.scope.account-write"},
	{operation.ScopeAPIKeysRead, "page.my.keys.scope.api-keys-read"},
	{operation.ScopeAPIKeysWrite, "page.my.keys.scope.api-keys-write"},
	{operation.ScopeAccountsRead, "page.my.keys.scope.accounts-read"},
	{operation.ScopeAccountsWrite, "page.my.keys.scope.accounts-write"},
	{operation.ScopeAdmin, "page.my.keys.scope.admin"},
}

// lives is how long a key may live, by the value of the form; the first one is suggested.
var lives = []struct {
	value, key string
	span       time.Duration
}{
	{"90d", "page.my.keys.days-90", 90 * 24 * time.Hour},
	{"30d", "page.my.keys.days-30", 30 * 24 * time.Hour},
	{"365d", "page.my.keys.days-365", 365 * 24 * time.Hour},
	{"never", "page.my.keys.never", 0},
}

func (v *visit) newKeysPage() (*keysPage, error) {
	list, err := read[operation.APIKeys](v, "list-api-keys", &operation.ListAPIKeysInput{Paging: operation.Paging{Cursor: v.r.URL.Query().Get("cursor")}})
	if err != nil {
		return nil, err
	}
	me, err := v.me()
	if err != nil {
		return nil, err
	}
	shown := &keysPage{Keys: list.APIKeys, Next: list.NextCursor}
	return shown, v.offer(shown, me.User.Role)
}

// offer fills the form for a new key with what may be chosen, and with what was.
func (v *visit) offer(shown *keysPage, role auth.Role) error {
	t, err := v.translator()
	if err != nil {
		return err
	}
	typed := v.form
	if v.form.Get("do") == "" {
		typed = v.r.URL.Query()
	}
	for _, one := range scopeKeys {
		if one.path == operation.ScopeAdmin && role != auth.RoleAdmin {
			continue
		}
		text, err := t.T(one.key)
		if err != nil {
			return err
		}
		shown.Scopes = append(shown.Scopes, scope{Name: one.path, Text: text, On: typed.Has(scopePrefix + one.path)})
	}
	shown.Expiry = picker{ID: "life", Name: "life"}
	if shown.Expiry.Label, err = t.T("page.my.keys.life"); err != nil {
		return err
	}
	for _, one := range lives {
		text, err := t.T(one.key)
		if err != nil {
			return err
		}
		shown.Expiry.Options = append(shown.Expiry.Options, option{Value: one.value, Text: text, Chosen: one.value == typed.Get("life")})
	}
	return nil
}

func changeMyKeys(v *visit) error {
	id := auth.APIKeyID(v.form.Get("id"))
	switch v.form.Get("do") {
	case "create":
		v.typed = []string{"key_name", "life", "other_scopes"}
		for _, one := range scopeKeys {
			v.typed = append(v.typed, scopePrefix+one.path)
		}
		in, err := v.newKey()
		if err != nil {
			return v.keysAgain(err)
		}
		made, err := read[operation.NewAPIKey](v, "create-api-key", in)
		return v.keyShown(made, err, false)
	case "rotate":
		made, err := read[operation.NewAPIKey](v, "rotate-api-key", &operation.RotateAPIKeyInput{ID: id, Fresh: true})
		return v.keyShown(made, err, true)
	case "revoke":
		_, err := v.person("revoke-api-key", &operation.APIKeyInput{ID: id})
		return settledOr(v, notice{"/my/api-keys", "key-revoked", "my-api-keys"}, err, v.newKeysPage)
	}
	return unknownForm()
}

// newKey reads the form for a new key.
func (v *visit) newKey() (*operation.CreateAPIKeyInput, error) {
	in := &operation.CreateAPIKeyInput{Name: v.form.Get("key_name"), Scopes: strings.Fields(v.form.Get("other_scopes")), Fresh: true}
	for _, one := range scopeKeys {
		if v.form.Has(scopePrefix+one.path) && !slices.Contains(in.Scopes, one.path) {
			in.Scopes = append(in.Scopes, one.path)
		}
	}
	for _, one := range lives {
		if one.value == v.form.Get("life") {
			in.ExpiresIn = one.span
			return in, nil
		}
	}
	return nil, auth.Invalid("life", auth.ViolationEnum, "There is no such choice.")
}

// keyShown shows a new secret, once.
func (v *visit) keyShown(made operation.NewAPIKey, err error, rotated bool) error {
	if err != nil {
		return v.keysAgain(renamed(err, "name", "key_name", "scopes", "other_scopes"))
	}
	shown := &keysPage{Made: &made, Rotated: rotated}
	return v.mine("my-api-keys", shown)
}

func (v *visit) keysAgain(err error) error {
	return shownAgain(v, "my-api-keys", err, v.newKeysPage)
}

// renamed is an error whose violations name the fields of a form instead of those of an operation: names are pairs of the
// operation's and the form's.
func renamed(err error, names ...string) error {
	e := *auth.AsError(err)
	e.Violations = slices.Clone(e.Violations)
	for i := range e.Violations {
		for n := 0; n+1 < len(names); n += 2 {
			if e.Violations[i].Field == names[n] {
				e.Violations[i].Field = names[n+1]
			}
		}
	}
	return &e
}
