package ui

// input is a kind of field of forms: what the browser is told of it, and what it offers to fill in.
type input struct {
	label, hint  string // keys of sentences; hint may be empty
	Name, Type   string
	Autocomplete string // token of HTML section 4.10.18.7.1, by which password managers know it
	InputMode    string
	Required     bool
	Literal      bool // browsers shall not improve it
	MinLength    int
	MaxLength    int
}

// Secret reports whether what was typed is not shown and never sent back.
func (i input) Secret() bool { return i.Type == "password" }

const newPassword = "new-password"

// fields are the kinds of fields by name.
var fields = map[string]input{
	"identifier": {label: "page.field.identifier", Name: "identifier", Type: "text", Autocomplete: "username", Required: true,
		Literal: true, MaxLength: 254},
	"email":    {label: "page.field.email", Name: "email", Type: "email", Autocomplete: "email", Required: true, Literal: true, MaxLength: 254},
	"app-name": {label: "page.field.app-name", hint: "page.field.app-name-hint", Name: "name", Type: "text", Autocomplete: "organization", Required: true, MaxLength: 100},
	"name":     {label: "page.field.name", Name: "name", Type: "text", Autocomplete: "name", MaxLength: 200},
	"password": {label: "page.field.password", Name: "password", Type: "password", Autocomplete: "current-password",
		Required: true},
	newPassword: {label: "page.field.new-password", hint: "page.field.new-password-hint", Name: "password", Type: "password",
		Autocomplete: newPassword, Required: true, MinLength: 8},
	"code": {label: "page.field.code", hint: "page.field.code-hint", Name: "code", Type: "text", Autocomplete: "one-time-code",
		Required: true, Literal: true, MaxLength: 64},
	"app-code": {label: "page.field.code", hint: "page.my.factor.code-hint", Name: "code", Type: "text", Autocomplete: "one-time-code",
		InputMode: "numeric", Required: true, Literal: true, MaxLength: 16},
	"current-password": {label: "page.field.password", Name: "current_password", Type: "password", Autocomplete: "current-password",
		Required: true},
	"mailed-code": {label: "page.field.code", hint: "page.field.mailed-code-hint", Name: "code", Type: "text",
		Autocomplete: "one-time-code", InputMode: "numeric", Required: true, Literal: true, MaxLength: 16},
	"invite-code": {label: "page.field.invite-code", Name: "invite_code", Type: "text", Autocomplete: "off", Required: true, Literal: true,
		MaxLength: 128},
	"user-code": {label: "page.field.code", hint: "page.device.hint", Name: "user_code", Type: "text", Autocomplete: "off", Required: true,
		Literal: true, MaxLength: 16},
	"given-name":  {label: "page.field.given-name", Name: "given_name", Type: "text", Autocomplete: "given-name", MaxLength: 200},
	"family-name": {label: "page.field.family-name", Name: "family_name", Type: "text", Autocomplete: "family-name", MaxLength: 200},
	"username": {label: "page.field.username", hint: "page.field.username-hint", Name: "username", Type: "text", Autocomplete: "username",
		Required: true, Literal: true, MaxLength: 200},
	"account-name": {label: "page.field.account-name", Name: "account_name", Type: "text", Autocomplete: "organization", Required: true, MaxLength: 200},
	"their-email":  {label: "page.field.their-email", Name: "email", Type: "email", Autocomplete: "off", Required: true, Literal: true, MaxLength: 254},
	"key-name": {label: "page.field.key-name", hint: "page.field.key-name-hint", Name: "key_name", Type: "text", Autocomplete: "off",
		Required: true, MaxLength: 100},
	"other-scopes": {label: "page.field.other-scopes", hint: "page.field.other-scopes-hint", Name: "other_scopes", Type: "text",
		Autocomplete: "off", Literal: true, MaxLength: 1000},
	// With passkeys the browser offers them in the list of names.
	"identifier-or-passkey": {label: "page.field.identifier", Name: "identifier", Type: "text", Autocomplete: "username webauthn",
		Required: true, Literal: true, MaxLength: 254},
}

// strengths is how many steps the meter has beside a new password.
const strengths = 5

// field is an input on a page.
type field struct {
	input
	ID, Label, Hint, Optional string
	Value, Error              string
	Show, Hide                string   // the button that shows a password
	Strength                  []string // words of the meter, the weakest first
	DescribedBy               string
	ReadOnly, Focus           bool
}

// describe names what a screen reader reads with the input.
func (f *field) describe() {
	f.DescribedBy = ""
	if f.Error != "" {
		f.DescribedBy = f.ID + "-error"
	}
	if f.Hint != "" {
		if f.DescribedBy != "" {
			f.DescribedBy += " "
		}
		f.DescribedBy += f.ID + "-hint"
	}
}
