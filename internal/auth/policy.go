package auth

import "slices"

// The policy knobs and their values. A contract sets them under x-contract.policy; a mount in the configuration
// may only make them stricter.
const (
	KnobSignUpSession  = "sign-up.session"
	KnobSignUpExisting = "sign-up.existing"
	KnobUnverified     = "sign-in.unverified"
	KnobCheckEmail     = "check-email"

	SessionImmediate         = "immediate"
	SessionAfterVerification = "after-verification"
	Reveal                   = "reveal"
	Conceal                  = "conceal"
	Allow                    = "allow"
	Refuse                   = "refuse"
)

// Policy is the set of knobs in force at a door. The zero value is the strict side of each.
type Policy struct {
	SignUpImmediate bool // sign-up.session: immediate
	RevealExisting  bool // sign-up.existing: reveal
	AllowUnverified bool // sign-in.unverified: allow
	RevealEmail     bool // check-email: reveal
}

// Knob is one policy knob: its name, its strict and its weak value.
type Knob struct {
	Name, Strict, Weak string
	Field              func(*Policy) *bool // true is the weak side
}

// Knobs lists every policy knob.
func Knobs() []Knob {
	return []Knob{
		{KnobSignUpSession, SessionAfterVerification, SessionImmediate, func(p *Policy) *bool { return &p.SignUpImmediate }},
		{KnobSignUpExisting, Conceal, Reveal, func(p *Policy) *bool { return &p.RevealExisting }},
		{KnobUnverified, Refuse, Allow, func(p *Policy) *bool { return &p.AllowUnverified }},
		{KnobCheckEmail, Conceal, Reveal, func(p *Policy) *bool { return &p.RevealEmail }},
	}
}

// Value is the knob's value in p.
func (k Knob) Value(p Policy) string {
	if *k.Field(&p) {
		return k.Weak
	}
	return k.Strict
}

// Weaker lists the knobs on which p is on the weak side, where our own API is on the strict one.
func (p Policy) Weaker() []Knob {
	return slices.DeleteFunc(Knobs(), func(k Knob) bool { return !*k.Field(&p) })
}

// Stricter is p with every knob on the strict side on which either p or q has it.
func (p Policy) Stricter(q Policy) Policy {
	return Policy{
		SignUpImmediate: p.SignUpImmediate && q.SignUpImmediate,
		RevealExisting:  p.RevealExisting && q.RevealExisting,
		AllowUnverified: p.AllowUnverified && q.AllowUnverified,
		RevealEmail:     p.RevealEmail && q.RevealEmail,
	}
}
