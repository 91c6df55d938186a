package user

import (
	"errors"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// New is a user to be made. Identifiers and the password hash are made before the Write.
type New struct {
	// User holds the id, the app and what is known of the person. Number, epoch, version and times are filled
	// by Insert; an empty role means `user`. Attributes must have passed CheckAttributes.
	User auth.User
	// Email is the primary address: id and address as typed. Verified says that it is proven already.
	Email    auth.Email
	Verified bool
	// PasswordHash is a PHC string; empty: the user has no password yet.
	PasswordHash string
	// MustChange says that the password has to be reset before the first sign-in.
	MustChange bool
}

// Identity is a user with what a sign-in needs to know.
type Identity struct {
	User     auth.User
	Email    auth.Email    // the primary address; zero if there is none
	Password auth.Password // zero if there is none
}

// Check reads what a person may say about themselves and returns it in the form that is stored. Codes:
// invalid-request about the field.
func Check(n New) (New, error) {
	u := &n.User
	for _, f := range []struct {
		field string
		value *string
		max   int
	}{
		{"name", &u.Name, maxName}, {"given_name", &u.GivenName, maxName}, {"family_name", &u.FamilyName, maxName},
		{"external_id", &u.ExternalID, maxExternalID},
	} {
		var err error
		if *f.value, err = cleanText(f.field, *f.value, f.max); err != nil {
			return n, err
		}
	}
	if err := auth.CheckLocale(u.Locale); err != nil {
		return n, err
	}
	u.Username = strings.TrimSpace(u.Username)
	if _, err := canonicalUsername(u.Username); err != nil {
		return n, err
	}
	n.Email.Address = strings.TrimSpace(n.Email.Address)
	canonical, err := auth.CanonicalEmail(n.Email.Address)
	if err != nil {
		return n, err
	}
	n.Email.Canonical = canonical
	if u.Role == "" {
		u.Role = auth.RoleUser
	}
	if !u.Role.Valid() {
		return n, auth.Invalid("role", auth.ViolationEnum, "There is no such role.")
	}
	return n, nil
}

// Insert makes the user with its address and password, in an app whose row it locks. n has passed Check. Codes:
// identifier-taken with the field in Violations (the Write must then fail); not-found if there is no such app.
func Insert(tx *store.Tx, n New) (auth.User, auth.Email, error) {
	u, e := n.User, n.Email
	number, err := tx.TakeUserNumber(u.App)
	if errors.Is(err, store.ErrNotFound) {
		return u, e, auth.E(auth.CodeNotFound, "There is no such app.")
	}
	if err != nil {
		return u, e, err
	}
	// The app's row is locked from here on, so what Taken finds stays true until the commit.
	if err := Taken(tx, n); err != nil {
		return u, e, err
	}
	u.Number, u.Status, u.Epoch, u.Version = number, auth.UserActive, 1, 1
	u.CreatedAt, u.UpdatedAt = tx.Now(), tx.Now()
	canonical, err := canonicalUsername(u.Username)
	if err != nil {
		return u, e, err
	}
	switch ok, err := tx.InsertUser(u, canonical); {
	case err != nil:
		return u, e, err
	case !ok:
		return u, e, taken("username")
	}
	e.App, e.User, e.Primary, e.CreatedAt = u.App, u.ID, true, tx.Now()
	if n.Verified {
		e.VerifiedAt = tx.Now()
	}
	switch ok, err := tx.InsertEmail(e); {
	case err != nil:
		return u, e, err
	case !ok:
		return u, e, taken("email")
	}
	// After the insert, which has waited for whoever gave the address up: the hold is of the same transaction.
	if err := free(tx, u, e.Canonical); err != nil {
		return u, e, err
	}
	if n.PasswordHash == "" {
		return u, e, nil
	}
	return u, e, SetPassword(tx, u, n.PasswordHash, n.MustChange)
}

// free reports identifier-taken if another user has just given the address up and may still take it back (ET-13):
// whoever stole that account could otherwise sign up with its old address and lock the owner out for good.
func free(tx *store.Tx, u auth.User, canonical string) error {
	switch p, err := tx.CancelProof(u.App, canonical); {
	case errors.Is(err, store.ErrNotFound) || err == nil && p.User == u.ID:
		return nil
	case err != nil:
		return err
	}
	return taken("email")
}

// Taken reports identifier-taken, with one violation for each field, if the address, the username or the external
// id of n belongs to a user of the app.
func Taken(tx *store.Tx, n New) error {
	var fields []string
	switch _, err := tx.EmailByCanonical(n.User.App, n.Email.Canonical); {
	case err == nil:
		fields = append(fields, "email")
	case !errors.Is(err, store.ErrNotFound):
		return err
	default:
		if err := free(tx, n.User, n.Email.Canonical); auth.Is(err, auth.CodeIdentifierTaken) {
			fields = append(fields, "email")
		} else if err != nil {
			return err
		}
	}
	if n.User.Username != "" {
		canonical, err := canonicalUsername(n.User.Username)
		if err != nil {
			return err
		}
		switch _, err := tx.UserByUsername(n.User.App, canonical); {
		case err == nil:
			fields = append(fields, "username")
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
	}
	if n.User.ExternalID != "" {
		switch _, err := tx.UserByExternalID(n.User.App, n.User.ExternalID); {
		case err == nil:
			fields = append(fields, "external_id")
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return taken(fields...)
}

// ByIdentifier finds the user of an e-mail address or a username as somebody typed it, or store.ErrNotFound. What
// cannot be an identifier is found nowhere. canonical is the one form of all ways to type it. It reads as often for an
// identifier that nobody has as for one that somebody has, or the time would tell which it is (EN-02).
func ByIdentifier(tx *store.Tx, app auth.AppID, typed string) (id Identity, canonical string, err error) {
	canonical, email, err := CanonicalIdentifier(typed)
	if err != nil {
		return id, canonical, store.ErrNotFound
	}
	if email {
		var e auth.Email
		if e, err = tx.EmailByCanonical(app, canonical); err == nil {
			id.User, err = tx.User(app, e.User)
		}
	} else {
		id.User, err = tx.UserByUsername(app, canonical)
	}
	if errors.Is(err, store.ErrNotFound) {
		if vainErr := readInVain(tx, app, email); vainErr != nil {
			err = vainErr
		}
	}
	if err != nil {
		return Identity{}, canonical, err
	}
	id, err = complete(tx, id.User)
	return id, canonical, err
}

// nobody is the id of no user.
const nobody auth.UserID = "nobody"

// readInVain reads what ByIdentifier reads of somebody.
func readInVain(tx *store.Tx, app auth.AppID, email bool) error {
	if email {
		if _, err := tx.User(app, nobody); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	_, err := complete(tx, auth.User{App: app, ID: nobody})
	return err
}

// CanonicalIdentifier is the one form of an e-mail address or username, and which of the two it is.
func CanonicalIdentifier(typed string) (canonical string, email bool, err error) {
	typed = strings.TrimSpace(typed)
	if strings.Contains(typed, "@") {
		canonical, err = auth.CanonicalEmail(typed)
		return canonical, true, err
	}
	if typed == "" {
		return "", false, errors.New("user: empty identifier")
	}
	canonical, err = auth.CanonicalUsername(typed)
	return canonical, false, err
}

// Load reads a user with address and password, or store.ErrNotFound.
func Load(tx *store.Tx, app auth.AppID, id auth.UserID) (Identity, error) {
	u, err := tx.User(app, id)
	if err != nil {
		return Identity{}, err
	}
	return complete(tx, u)
}

// Lock is Load with the user's row locked until the Write ends.
func Lock(tx *store.Tx, app auth.AppID, id auth.UserID) (Identity, error) {
	u, err := tx.UserForUpdate(app, id)
	if err != nil {
		return Identity{}, err
	}
	return complete(tx, u)
}

func complete(tx *store.Tx, u auth.User) (Identity, error) {
	id := Identity{User: u}
	var err error
	if id.Email, err = tx.PrimaryEmail(u.App, u.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
		return id, err
	}
	if id.Password, err = tx.Password(u.App, u.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
		return id, err
	}
	return id, nil
}

// SetPassword stores a new hash.
func SetPassword(tx *store.Tx, u auth.User, hash string, mustChange bool) error {
	return tx.PutPassword(auth.Password{User: u.ID, App: u.App, Hash: hash, Normaliser: auth.PasswordNormaliser,
		MustChange: mustChange, ChangedAt: tx.Now()})
}

// UpgradePassword stores a stronger hash of the same password unless the password was changed meanwhile (PW-11).
func UpgradePassword(tx *store.Tx, old auth.Password, hash string) error {
	upgraded := old
	upgraded.Hash, upgraded.Normaliser = hash, auth.PasswordNormaliser
	_, err := tx.UpgradePassword(upgraded, old.Hash)
	return err
}

// VerifyEmail marks the address proven; it reports false if it was before.
func VerifyEmail(tx *store.Tx, e auth.Email) (marked bool, err error) {
	if marked, err = tx.MarkEmailVerified(e, tx.Now()); err != nil || !marked {
		return marked, err
	}
	u, err := tx.UserForUpdate(e.App, e.User)
	if err != nil {
		return marked, err
	}
	return marked, save(tx, &u)
}

// ReplaceEmail gives the user another primary address that was proven just now. The caller has locked the app's row,
// then the user's. Code: identifier-taken.
func ReplaceEmail(tx *store.Tx, u auth.User, e auth.Email) (auth.User, auth.Email, error) {
	replaced, err := tx.ReplaceEmail(e, tx.Now())
	if err != nil {
		return u, e, err
	}
	if !replaced {
		return u, e, taken("email")
	}
	if err := free(tx, u, e.Canonical); err != nil {
		return u, e, err
	}
	e.VerifiedAt = tx.Now()
	return u, e, save(tx, &u)
}

// DistrustPassword lets the user's password open nothing until it is chosen anew: it was set by somebody who may not
// have been the owner of the address (ET-12).
func DistrustPassword(tx *store.Tx, p auth.Password) error {
	if p.Hash == "" || p.MustChange {
		return nil
	}
	p.MustChange, p.ChangedAt = true, tx.Now()
	return tx.PutPassword(p)
}

// BumpEpoch ends everything that was born in the user's present epoch, and returns the user as it is now. The
// caller holds the row's lock.
func BumpEpoch(tx *store.Tx, u auth.User) (auth.User, error) {
	u.Epoch++
	return u, save(tx, &u)
}

// SetStatus disables or enables the user, whose row the caller has locked.
func SetStatus(tx *store.Tx, u auth.User, status auth.UserStatus) (auth.User, error) {
	u.Status, u.DisabledAt = status, time.Time{}
	if status == auth.UserDisabled {
		u.DisabledAt = tx.Now()
	}
	return u, save(tx, &u)
}

// SetRole gives the user, whose row the caller has locked, another role.
func SetRole(tx *store.Tx, u auth.User, role auth.Role) (auth.User, error) {
	u.Role = role
	return u, save(tx, &u)
}

// save writes the row under the next version.
func save(tx *store.Tx, u *auth.User) error {
	canonical, err := canonicalUsername(u.Username)
	if err != nil {
		return err
	}
	u.Version++
	u.UpdatedAt = tx.Now()
	updated, err := tx.UpdateUser(*u, canonical)
	if err != nil {
		return err
	}
	if !updated {
		return taken("username")
	}
	return nil
}

// taken says which fields belong to somebody already.
func taken(fields ...string) error {
	e := auth.E(auth.CodeIdentifierTaken, "")
	for _, f := range fields {
		e.Violations = append(e.Violations, auth.Violation{Field: f, Code: auth.ViolationNotUnique, Message: "This is taken."})
	}
	return e
}

// TakenField reports whether err says identifier-taken about the field.
func TakenField(err error, field string) bool {
	e := auth.AsError(err)
	if e == nil || e.Code != auth.CodeIdentifierTaken {
		return false
	}
	for _, v := range e.Violations {
		if v.Field == field {
			return true
		}
	}
	return false
}
