package operation

import (
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// allowed applies the access rule of d to the caller. Codes: unauthenticated, person-required,
// insufficient-scope, forbidden, email-unverified.
func allowed(d *Definition, c auth.Caller) error {
	if d.Access == Anyone {
		return nil
	}
	if c.Kind == auth.CallerSystem {
		return operatorAllowed(d)
	}
	if c.Kind != auth.CallerSession && c.Kind != auth.CallerAPIKey {
		return auth.E(auth.CodeUnauthenticated, "")
	}
	if err := userAllowed(d, c); err != nil {
		return err
	}
	if !c.EmailVerified && !c.Door.Policy.AllowUnverified && !d.Unverified {
		return auth.E(auth.CodeEmailUnverified, "")
	}
	return nil
}

// userAllowed is the rule for sessions and API keys (AK-03, AK-04, AD-01).
func userAllowed(d *Definition, c auth.Caller) error {
	key := c.Kind == auth.CallerAPIKey
	switch d.Access {
	case SignedIn:
	case SignedInOrOperator:
		if key && c.Administers() {
			return nil
		}
	case Person:
		if key {
			return auth.E(auth.CodePersonRequired, "An API key cannot do this; a person who is signed in can.")
		}
	case Administrator:
		if c.Role != auth.RoleAdmin {
			return auth.E(auth.CodeForbidden, "Only administrators may do this.")
		}
	default:
		return auth.E(auth.CodeForbidden, "Only the operator may do this, on the machine.")
	}
	if key && d.Scope != "" && !slices.Contains(c.Scopes, d.Scope) && !slices.Contains(c.Scopes, "*") {
		return auth.E(auth.CodeInsufficientScope, "The API key needs the scope "+d.Scope+".")
	}
	return nil
}

// operatorAllowed lets the operator manage, and do nothing in a user's name.
func operatorAllowed(d *Definition) error {
	if d.Access == SignedIn || d.Access == Person {
		return auth.E(auth.CodeForbidden, "This needs a user; the operator is none.")
	}
	return nil
}
