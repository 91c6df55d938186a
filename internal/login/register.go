package login

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/ostiary-id/ostiary/internal/account"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// Registration is what somebody says who signs up. Only Email and Password are needed.
type Registration struct {
	Email, Username, Password   string
	Name, GivenName, FamilyName string
	Locale                      string
	Attributes                  map[string]any
	Device                      string
	// InviteCode is the code that somebody handed on; an app whose mode is invite-code asks for one.
	InviteCode string
	// Account asks for an account of the user's own, whatever the app's setting says.
	Account bool
}

// ConfirmationPending is the answer to a sign-up that waits for the address to be verified. Where the policy
// conceals, it is also the answer for an address that is in use: the id is then a decoy that belongs to nobody.
type ConfirmationPending struct {
	UserID auth.UserID
	Email  string // as typed
}

// RegisterOutcome is one of the two.
type RegisterOutcome struct {
	Registered *SignedIn
	Pending    *ConfirmationPending
}

// registration is a sign-up with everything that must exist before the Write.
type registration struct {
	app     auth.App
	new     user.New
	draft   *session.Draft // nil: no session before the address is verified
	mayMail bool           // an owner of the address may be told
	conceal bool
	code    string      // invite code that counts a use; empty: none
	waits   bool        // the app lets nobody in but from its waitlist
	account account.New // of the user's own; zero: none
	guesses []*limit.Reservation
}

// Register makes a user and mails a link that verifies the address. With the policy sign-up.session `immediate` the
// user is signed in at once. Whether the address or username is taken is told only where sign-up.existing says
// `reveal`; elsewhere everybody waits for the same hash and gets the same answer, and the owner of the address
// a mail (EN-01, EN-02). Concealment wins over an immediate session, which would tell. What the app's registration
// mode says comes first and is the same for every address. Codes: invalid-request, weak-password, identifier-taken,
// registration-closed, invitation-required, invite-code-required, invite-code-invalid, registration-waitlisted,
// rate-limited, overloaded.
func (s *Service) Register(ctx context.Context, c auth.Caller, in Registration) (RegisterOutcome, error) {
	r, err := s.prepareRegistration(ctx, c, in)
	if err != nil {
		return RegisterOutcome{}, err
	}
	if _, err := s.Limits.Reserve(ctx, limit.Guess{Limiter: limit.RegisterNetwork, Subject: limit.Network(c.IP)}); err != nil {
		return RegisterOutcome{}, err
	}
	if r.mayMail, err = s.MayMail(ctx, c, r.new.Email.Canonical); err != nil {
		return RegisterOutcome{}, err
	}
	if r.waits {
		return RegisterOutcome{}, s.queue(ctx, c, r)
	}
	if err := s.checkCode(ctx, c, &r); err != nil {
		return RegisterOutcome{}, err
	}
	if r.new.PasswordHash, err = s.Hash(ctx, in.Password); err != nil {
		return RegisterOutcome{}, err
	}
	signedIn, err := s.writeRegistration(ctx, c, r)
	if r.conceal && auth.Is(err, auth.CodeIdentifierTaken) {
		// Somebody took the identifier between the look and the insert; now it is found taken.
		signedIn, err = s.writeRegistration(ctx, c, r)
	}
	if err != nil {
		return RegisterOutcome{}, err
	}
	if r.draft == nil {
		return RegisterOutcome{Pending: &ConfirmationPending{UserID: r.new.User.ID, Email: r.new.Email.Address}}, nil
	}
	signedIn.Grant, err = s.Sessions.Issue(ctx, r.draft)
	return RegisterOutcome{Registered: &signedIn}, err
}

// prepareRegistration checks the input, which asks nothing about other users, and makes the ids and the session.
func (s *Service) prepareRegistration(ctx context.Context, c auth.Caller, in Registration) (registration, error) {
	r := registration{conceal: !c.Door.Policy.RevealExisting}
	var err error
	if r.app, err = s.app(ctx, c.App); err != nil {
		return r, err
	}
	if err := r.admit(in.InviteCode); err != nil {
		return r, err
	}
	now := s.Clock()
	r.new, err = user.Check(user.New{
		User: auth.User{ID: auth.UserID(secret.NewID(s.Rand, now)), App: c.App, Username: in.Username, Name: in.Name,
			GivenName: in.GivenName, FamilyName: in.FamilyName, Locale: s.locale(in.Locale, c)},
		Email: auth.Email{ID: auth.EmailID(secret.NewID(s.Rand, now)), Address: in.Email},
	})
	if err != nil {
		return r, err
	}
	attributes, err := user.CheckAttributes(r.app.Settings.Attributes, auth.WrittenByUser, in.Attributes)
	if err != nil {
		return r, err
	}
	r.new.User.Attributes = user.MergeAttributes(nil, attributes)
	if r.app.Settings.AccountsOnSignUp || in.Account {
		r.account = s.Accounts.Draft(c.App, accountName(r.new), r.new.User.ID)
	}
	if r.waits && in.Password == "" { // who only waits chooses one when it is their turn
		return r, nil
	}
	if err := s.CheckPassword(ctx, r.app, in.Password, r.new.Email.Address, r.new.User.Username); err != nil {
		return r, err
	}
	if c.Door.Policy.SignUpImmediate && !r.conceal {
		r.draft, err = s.Sessions.Draft(session.Start{User: r.new.User, Caller: c, AMR: []string{auth.AMRPassword},
			Device: cleanDevice(in.Device)})
	}
	return r, err
}

func (s *Service) writeRegistration(ctx context.Context, c auth.Caller, r registration) (out SignedIn, err error) {
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		out = SignedIn{}
		n := r.new
		var detail mail.Detail
		code, err := s.useCode(tx, r)
		if err != nil {
			return err
		}
		switch err := user.Taken(tx, n); {
		case err == nil:
		case !r.conceal || !auth.Is(err, auth.CodeIdentifierTaken):
			return err
		case user.TakenField(err, "email"):
			return s.tellOwner(tx, c, r)
		default:
			// Only the username is taken. Refusing would tell, so the account is made without one, and the mail says so.
			n.User.Username = ""
			detail = mail.UsernameTaken
		}
		if out.User, out.Email, err = user.Insert(tx, n); err != nil {
			return err
		}
		if err := s.endow(tx, c, r, code, &out); err != nil {
			return err
		}
		return s.welcome(tx, c, r, &out, detail)
	})
	return out, err
}

// welcome stores what a new user gets beside the row: the event, the session and the mail with the link.
func (s *Service) welcome(tx *store.Tx, c auth.Caller, r registration, out *SignedIn, detail mail.Detail) error {
	var from auth.SessionID
	if r.draft != nil {
		r.draft.For(out.User, false)
		if err := s.Sessions.Insert(tx, r.draft); err != nil {
			return err
		}
		from = r.draft.Session.ID
	}
	err := s.Record(tx, c, auth.Event{Action: "user.registered", User: out.User.ID, Session: from,
		Data: map[string]string{"contract": c.Door.Contract}})
	if err != nil {
		return err
	}
	return s.sendVerification(tx, c, verification{app: r.app, user: out.User, email: out.Email, from: from, detail: detail})
}

// givenUp is an address that its user has just replaced and may still take back.
func (s *Service) givenUp(tx *store.Tx, app auth.AppID, canonical string) (auth.Email, error) {
	p, err := tx.CancelProof(app, canonical)
	if err != nil {
		return auth.Email{}, err
	}
	var old NewEmail
	err = json.Unmarshal(p.Data, &old)
	return auth.Email{App: app, User: p.User, Address: old.Address, Canonical: canonical}, err
}

// tellOwner is what happens to a sign-up with the address of an account where the policy conceals.
func (s *Service) tellOwner(tx *store.Tx, c auth.Caller, r registration) error {
	known, err := tx.EmailByCanonical(c.App, r.new.Email.Canonical)
	if errors.Is(err, store.ErrNotFound) { // given up, and to be had back
		known, err = s.givenUp(tx, c.App, r.new.Email.Canonical)
	}
	if err != nil {
		return err
	}
	owner, err := tx.User(c.App, known.User)
	if err != nil {
		return err
	}
	err = s.Record(tx, c, auth.Event{Action: "user.registered", Outcome: string(auth.CodeIdentifierTaken), User: owner.ID,
		Data: map[string]string{"contract": c.Door.Contract}})
	if err != nil || !r.mayMail || owner.Status != auth.UserActive {
		return err
	}
	return s.Mail.Send(tx, mail.Message{Kind: mail.EmailTaken, App: r.app, To: known.Address, Name: owner.Name, Links: c.Door.Links,
		Languages: languages(owner, c)})
}
