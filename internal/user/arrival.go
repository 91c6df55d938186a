package user

import (
	"errors"
	"fmt"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// maxEmails is how many addresses one user may bring along.
const maxEmails = 20

// Arrival is a user who comes from another system with what there was. It is made before the Write.
type Arrival struct {
	// User holds the id, the app, the status and what is known of the person; TOTP says that a factor comes along, which
	// package factor inserts. A zero CreatedAt means now. Attributes must have passed CheckAttributes.
	User auth.User
	// Emails are the addresses, the primary one first: id, address and, if it is proven, VerifiedAt.
	Emails []auth.Email
	// Password is the hash with its normaliser; one without a hash means that there is none.
	Password auth.Password
}

// CheckArrival is Check for a user who comes from another system. Codes: invalid-request about the field.
func CheckArrival(a Arrival) (Arrival, error) {
	if len(a.Emails) == 0 {
		return a, auth.Invalid("emails", auth.ViolationRequired, "A user needs an e-mail address.")
	}
	if len(a.Emails) > maxEmails {
		return a, auth.Invalid("emails", auth.ViolationTooMany, fmt.Sprintf("At most %d addresses.", maxEmails))
	}
	seen := map[string]bool{}
	for i, e := range a.Emails {
		n, err := Check(New{User: a.User, Email: e})
		if err != nil {
			return a, err
		}
		if seen[n.Email.Canonical] {
			return a, auth.Invalid("emails", auth.ViolationDuplicate, "The same address stands twice.")
		}
		seen[n.Email.Canonical] = true
		a.User, a.Emails[i] = n.User, n.Email
	}
	if a.User.Status == "" {
		a.User.Status = auth.UserActive
	}
	if a.User.Status != auth.UserActive && a.User.Status != auth.UserDisabled {
		return a, auth.Invalid("status", auth.ViolationEnum, "There is no such status.")
	}
	return a, nil
}

// Identifier is something that only one user of an app has, in the form in which it is compared.
type Identifier struct {
	Field string // `id`, `external_id`, `email` or `username`
	Value string
}

// Identifiers lists what nobody else of the app may have, in the order in which Find asks.
func (a Arrival) Identifiers() []Identifier {
	out := []Identifier{{"id", string(a.User.ID)}}
	if a.User.ExternalID != "" {
		out = append(out, Identifier{"external_id", a.User.ExternalID})
	}
	for _, e := range a.Emails {
		out = append(out, Identifier{"email", e.Canonical})
	}
	if canonical, err := canonicalUsername(a.User.Username); err == nil && canonical != "" { // checked by CheckArrival
		out = append(out, Identifier{"username", canonical})
	}
	return out
}

// Known tells which of a list of arrivals are in the app already. It is read once for the list; with the app's row
// locked it stays true until the Write ends, as long as what is inserted is added.
type Known map[Identifier]auth.UserID

// ReadKnown looks up every identifier of the arrivals.
func ReadKnown(tx *store.Tx, app auth.AppID, list []Arrival) (Known, error) {
	values := map[string][]string{}
	for _, a := range list {
		for _, i := range a.Identifiers() {
			values[i.Field] = append(values[i.Field], i.Value)
		}
	}
	known := Known{}
	for field, find := range map[string]func(auth.AppID, []string) (map[string]auth.UserID, error){"id": tx.UsersWithID,
		"external_id": tx.UsersWithExternalID, "email": tx.UsersWithEmail, "username": tx.UsersWithUsername} {
		owners, err := find(app, values[field])
		if err != nil {
			return nil, err
		}
		for value, who := range owners {
			known[Identifier{field, value}] = who
		}
	}
	return known, nil
}

// Find tells whether somebody has an identifier of the arrival, who, and which: `id`, `external_id` or `email` mean
// that the person is there, `username` that somebody else took the name. The field is empty if nothing is taken.
func (k Known) Find(a Arrival) (who auth.UserID, field string) {
	for _, i := range a.Identifiers() {
		if who, ok := k[i]; ok {
			return who, i.Field
		}
	}
	return "", ""
}

// Add notes an arrival, so that a second one with an identifier of it is found.
func (k Known) Add(a Arrival) {
	for _, i := range a.Identifiers() {
		k[i] = a.User.ID
	}
}

// ReserveNumbers takes the numbers of n users, in an app whose row it locks, and answers the first. Code: not-found.
func ReserveNumbers(tx *store.Tx, app auth.AppID, n int) (int64, error) {
	first, err := tx.TakeUserNumbers(app, n)
	if errors.Is(err, store.ErrNotFound) {
		return 0, auth.E(auth.CodeNotFound, "There is no such app.")
	}
	return first, err
}

// InsertArrival makes the user, who is not Known, under a number of ReserveNumbers, with addresses and password. It
// reports false, and writes nothing, if the id belongs to a user of another app. Code: conflict, if somebody took an
// address meanwhile (the Write must then fail).
func InsertArrival(tx *store.Tx, a Arrival, number int64) (inserted bool, err error) {
	u := a.User
	u.Number, u.Epoch, u.Version, u.UpdatedAt = number, 1, 1, tx.Now()
	if u.CreatedAt.IsZero() {
		u.CreatedAt = tx.Now()
	}
	if u.Status == auth.UserDisabled {
		u.DisabledAt = tx.Now()
	}
	canonical, err := canonicalUsername(u.Username)
	if err != nil {
		return false, err
	}
	if inserted, err := tx.InsertUser(u, canonical); err != nil || !inserted {
		return false, err
	}
	for i, e := range a.Emails {
		e.App, e.User, e.Primary, e.CreatedAt = u.App, u.ID, i == 0, u.CreatedAt
		switch inserted, err := tx.InsertEmail(e); {
		case err != nil:
			return false, err
		case !inserted:
			return false, auth.E(auth.CodeConflict, "Somebody took an address at this moment; please ask again.")
		}
	}
	if a.Password.Hash == "" {
		return true, nil
	}
	p := a.Password
	p.User, p.App, p.ChangedAt = u.ID, u.App, tx.Now()
	return true, tx.PutPassword(p)
}
