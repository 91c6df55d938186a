package user

import (
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Change is what a user changes of the own profile. A nil field stays as it is; an empty text clears it. There is
// no field for role, status, address or verification, so no request can reach them (ET-14, AD-03).
type Change struct {
	Username   *string
	Name       *string
	GivenName  *string
	FamilyName *string
	Locale     *string
	Attributes map[string]any // merged; a nil value clears one
	// IfMatch is the version that the change was made against; nil: any.
	IfMatch *int64
}

// TouchesUsername reports whether c would make u's username another one than it is.
func (c Change) TouchesUsername(u auth.User) bool {
	return c.Username != nil && *c.Username != u.Username
}

// Update applies a change to a user whose row the caller has locked; if it touches the username, the app's row
// too, before the user's. Codes: version-mismatch, invalid-request about the field, identifier-taken.
func Update(tx *store.Tx, u auth.User, rules map[string]auth.AttributeRule, writer auth.AttributeWriter, c Change) (auth.User, error) {
	if c.IfMatch != nil && *c.IfMatch != u.Version {
		return u, auth.E(auth.CodeVersionMismatch, "")
	}
	attributes, err := CheckAttributes(rules, writer, c.Attributes)
	if err != nil {
		return u, err
	}
	u.Attributes = MergeAttributes(u.Attributes, attributes)
	for _, f := range []struct {
		field     string
		to        *string
		from      *string
		maxLength int
	}{
		{"name", &u.Name, c.Name, maxName}, {"given_name", &u.GivenName, c.GivenName, maxName},
		{"family_name", &u.FamilyName, c.FamilyName, maxName}, {"locale", &u.Locale, c.Locale, auth.LocaleMax},
		{"username", &u.Username, c.Username, maxName},
	} {
		if f.from == nil {
			continue
		}
		if *f.to, err = cleanText(f.field, *f.from, f.maxLength); err != nil {
			return u, err
		}
	}
	if err := auth.CheckLocale(u.Locale); err != nil {
		return u, err
	}
	return u, save(tx, &u)
}
