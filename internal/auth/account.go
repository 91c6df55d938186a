package auth

import (
	"strconv"
	"strings"
	"time"
)

// AccountStatus is how an account stands with whoever bills it. It opens and closes nothing here; resource servers
// and contracts show it.
type AccountStatus string

const (
	AccountActive    AccountStatus = "active"
	AccountTrial     AccountStatus = "trial"
	AccountPastDue   AccountStatus = "past_due"
	AccountSuspended AccountStatus = "suspended"
	AccountClosed    AccountStatus = "closed"
)

// Valid reports whether s is one of the states above.
func (s AccountStatus) Valid() bool {
	switch s {
	case AccountActive, AccountTrial, AccountPastDue, AccountSuspended, AccountClosed:
		return true
	}
	return false
}

// Account is a customer or team inside an app. Accounts nest; a parent's members have no rights in the child.
type Account struct {
	ID        AccountID
	App       AppID
	Parent    AccountID // empty: none
	Name      string
	AvatarURL string // https; empty if none
	Status    AccountStatus
	PaidUntil time.Time // zero: not said
	Version   int64     // raised by every change; the ETag of the account
	CreatedAt time.Time
	UpdatedAt time.Time
}

// MemberRole is what a user may do in an account: an owner manages it and its members, a member works in it, a
// viewer looks.
type MemberRole string

const (
	MemberOwner  MemberRole = "owner"
	MemberMember MemberRole = "member"
	MemberViewer MemberRole = "viewer"
)

// Valid reports whether r is one of the roles above.
func (r MemberRole) Valid() bool { return r == MemberOwner || r == MemberMember || r == MemberViewer }

// Membership is a user's place in an account.
type Membership struct {
	ID        MembershipID
	App       AppID
	Account   AccountID
	User      UserID
	Role      MemberRole
	CreatedAt time.Time
	UpdatedAt time.Time
}

// MemberOf is a membership with the account that it is in.
type MemberOf struct {
	Membership Membership
	Account    Account
}

// Micros is an amount in millionths, so that sums are exact.
type Micros int64

// microsPerUnit is how many Micros one unit has.
const microsPerUnit = 1_000_000

// MaxAmount bounds every balance and every grant: a thousand million units, which a float64 tells exactly.
const MaxAmount Micros = 1_000_000_000 * microsPerUnit

// ParseAmount reads a decimal number such as `12.5` or `-3`, with at most six places, of at most MaxAmount. The error is
// invalid-request on the named field.
func ParseAmount(field, text string) (Micros, error) {
	bad := Invalid(field, ViolationFormat, "an amount is a number with at most six decimal places, at most 1000000000")
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if whole == "" || len(whole) > 10 || len(fraction) > 6 || point && fraction == "" || !onlyDigits(whole+fraction) {
		return 0, bad
	}
	n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", 6-len(fraction)), 10, 64)
	if err != nil || Micros(n) > MaxAmount {
		return 0, bad
	}
	if negative {
		n = -n
	}
	return Micros(n), nil
}

func onlyDigits(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// Number is the amount in units, as JSON tells it.
func (m Micros) Number() float64 { return float64(m) / microsPerUnit }

// Credit is what a contract may show of a user's balance. The record's id is the user's number. There is no billing
// here.
type Credit struct {
	App       AppID
	User      UserID
	Balance   Micros // never below zero
	Granted   Micros // the part of Balance that was given for nothing
	CreatedAt time.Time
	UpdatedAt time.Time
}
