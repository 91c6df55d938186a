package login

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// Invitation is a person to be invited.
type Invitation struct {
	Email   string
	Account auth.AccountID // empty: to the app alone
	Role    string         // a MemberRole with an account, else a Role; empty: member, or user
}

// Invite mails an invitation. Owners of an account invite to it; administrators and the operator to every account and to
// the app. Older invitations of the address to the same place die. Codes: invalid-request (email, role), forbidden,
// not-found, conflict (a member already), rate-limited, and those of session.Recheck.
func (s *Service) Invite(ctx context.Context, c auth.Caller, in Invitation) (auth.Invite, error) {
	i, err := s.draftInvite(c, in)
	if err != nil {
		return i, err
	}
	may, err := s.MayMail(ctx, c, i.Canonical)
	if err != nil {
		return i, err
	}
	if !may {
		return i, auth.E(auth.CodeRateLimited, "Too many mails were sent. Please try again later.")
	}
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		if err := s.mayInvite(tx, c, i.Account); err != nil {
			return err
		}
		if err := notMember(tx, i); err != nil {
			return err
		}
		i, err = s.SendInvite(tx, c, i)
		return err
	})
	return i, err
}

func (s *Service) draftInvite(c auth.Caller, in Invitation) (i auth.Invite, err error) {
	i = auth.Invite{ID: auth.InviteID(secret.NewID(s.Rand, s.Clock())), App: c.App, Account: in.Account, Email: in.Email,
		Role: in.Role, Inviter: c.User}
	if i.Canonical, err = auth.CanonicalEmail(in.Email); err != nil {
		return i, err
	}
	valid := auth.MemberRole(i.Role).Valid()
	switch {
	case i.Account == "" && i.Role == "":
		i.Role, valid = string(auth.RoleUser), true
	case i.Account == "":
		valid = auth.Role(i.Role).Valid()
	case i.Role == "":
		i.Role, valid = string(auth.MemberMember), true
	}
	if !valid {
		return i, auth.Invalid("role", auth.ViolationEnum, "There is no such role.")
	}
	return i, nil
}

// NewInvite makes an invitation of a user of the app, for flows that settled its rules. Code: invalid-request.
func (s *Service) NewInvite(c auth.Caller, email string) (auth.Invite, error) {
	return s.draftInvite(c, Invitation{Email: email})
}

// mayInvite re-reads the caller. Its rights are those of the one account, or an administrator's.
func (s *Service) mayInvite(tx *store.Tx, c auth.Caller, account auth.AccountID) error {
	if account != "" {
		_, err := s.Accounts.Manages(tx, c, account)
		return err
	}
	if c.Kind == auth.CallerSystem {
		_, err := tx.App(c.App)
		return absentApp(err)
	}
	u, err := s.Sessions.Recheck(tx, c)
	if err != nil {
		return err
	}
	if c.Role = u.Role; !c.Administers() {
		return auth.E(auth.CodeForbidden, "Only administrators invite to the app.")
	}
	return nil
}

func absentApp(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return auth.E(auth.CodeNotFound, "There is no such app.")
	}
	return err
}

// notMember refuses to invite who is there already. To the owner of an account that is no secret: it sees its members.
func notMember(tx *store.Tx, i auth.Invite) error {
	if i.Account == "" {
		return nil
	}
	e, err := tx.EmailByCanonical(i.App, i.Canonical)
	if errors.Is(err, store.ErrNotFound) || err == nil && !e.Verified() {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err = tx.Membership(i.App, i.Account, e.User); errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = auth.E(auth.CodeConflict, "The person is a member already.")
	}
	return err
}

// SendInvite stores an invitation whose rules are settled, and queues its mail.
func (s *Service) SendInvite(tx *store.Tx, c auth.Caller, i auth.Invite) (auth.Invite, error) {
	app, err := openApp(tx, i.App)
	if err != nil {
		return i, err
	}
	i.CreatedAt, i.ExpiresAt = tx.Now(), tx.Now().Add(s.Proofs.Lifetime(auth.ProofInvite)).Truncate(time.Microsecond)
	if err := s.Invites.Send(tx, c, i); err != nil {
		return i, err
	}
	token, err := s.Proofs.Issue(tx, auth.Proof{Kind: auth.ProofInvite, App: i.App, Email: i.Canonical, Data: []byte(i.ID)})
	if err != nil {
		return i, err
	}
	inviter, account, err := introduce(tx, i)
	if err != nil {
		return i, err
	}
	return i, s.Mail.Send(tx, mail.Message{Kind: mail.Invite, App: app, To: i.Email, Token: token, Links: c.Door.Links,
		Inviter: inviter, Account: account, Languages: []string{c.AcceptLanguage}, ExpiresAt: i.ExpiresAt})
}

// introduce says who invites and to which account, so that people know what the mail is about; empty: nobody in
// particular, and the app itself.
func introduce(tx *store.Tx, i auth.Invite) (inviter, account string, err error) {
	if i.Inviter != "" {
		u, err := tx.User(i.App, i.Inviter)
		if err != nil {
			return "", "", err
		}
		if inviter = u.Name; inviter == "" {
			inviter = u.Username
		}
	}
	if i.Account != "" {
		a, err := tx.Account(i.App, i.Account)
		if err != nil {
			return "", "", err
		}
		account = a.Name
	}
	return inviter, account, nil
}

// ListInvites reads pending invitations, oldest first: of an account for its owners, of the whole app for administrators
// and the operator. Codes: forbidden, not-found, invalid-request (account_id).
func (s *Service) ListInvites(ctx context.Context, c auth.Caller, q store.InviteQuery) (list []auth.Invite, err error) {
	q.App = c.App
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		if q.Account == "" && !c.Administers() {
			return auth.Invalid("account_id", auth.ViolationRequired, "Only administrators see the invitations of the whole app.")
		}
		if q.Account != "" {
			if err := s.Accounts.Oversees(tx, c, q.Account); err != nil {
				return err
			}
		}
		list, err = tx.Invites(q)
		return err
	})
	return list, err
}

// RevokeInvite ends a pending invitation. Codes: not-found (also for who may not know of it), forbidden, and those of
// session.Recheck.
func (s *Service) RevokeInvite(ctx context.Context, c auth.Caller, id auth.InviteID) error {
	gone := auth.E(auth.CodeNotFound, "There is no such invite.")
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.Invite(c.App, id)
		if errors.Is(err, store.ErrNotFound) {
			return gone
		}
		if err != nil {
			return fmt.Errorf("read invite: %w", err)
		}
		if err := s.mayInvite(tx, c, i.Account); err != nil {
			if i.Account == "" && auth.Is(err, auth.CodeForbidden) {
				return gone
			}
			return err
		}
		return s.Invites.Revoke(tx, c, i)
	})
}

// Acceptance is who follows an invitation. Name is for somebody who becomes a user by it.
type Acceptance struct {
	Token, Name, Device string
}

// AcceptedInvite is one of three ends: signed in, a second factor to show, or, for who was signed in before, joined.
type AcceptedInvite struct {
	SignInOutcome
	Joined auth.UserID
}

// accepting is an acceptance with everything that must exist before the Write.
type accepting struct {
	in     Acceptance
	caller auth.Caller
	new    user.New
	member auth.MembershipID
	draft  *session.Draft
	guess  *limit.Reservation
}

// AcceptInvite spends the token of a mailed invitation. Somebody who is signed in joins, if the invitation went to their
// own verified address (IN-01). Anybody else proves the mailbox by the token: the user of the address joins and is
// signed in, or a new one is made, with the address verified and without a password. Inviters give nothing that they
// could not give now (IN-02). A key is nobody here. Codes: proof-invalid, forbidden (another's invitation),
// account-disabled, limit-reached, invalid-request (name), rate-limited, and those of session.Recheck.
func (s *Service) AcceptInvite(ctx context.Context, c auth.Caller, in Acceptance) (AcceptedInvite, error) {
	a, err := s.prepareAcceptance(ctx, c, in)
	if err != nil {
		return AcceptedInvite{}, err
	}
	var out AcceptedInvite
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		out = AcceptedInvite{}
		i, err := s.liveInvite(tx, c.App, in.Token)
		if err != nil {
			return err
		}
		if out, err = s.accept(tx, a, i); err != nil {
			return err
		}
		return refund(tx, a.guess)
	})
	if err != nil || out.SignedIn == nil {
		return out, err
	}
	out.SignedIn.Grant, err = s.Sessions.Issue(ctx, a.draft)
	return out, err
}

func (s *Service) prepareAcceptance(ctx context.Context, c auth.Caller, in Acceptance) (a accepting, err error) {
	a = accepting{in: in, caller: c}
	if a.guess, err = s.guessProof(ctx, c); err != nil {
		return a, err
	}
	var p auth.Proof
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		if _, err := openApp(tx, c.App); err != nil {
			return err
		}
		p, err = s.Proofs.Check(tx, auth.ProofInvite, c.App, in.Token)
		return err
	})
	if err != nil {
		return a, err
	}
	now := s.Clock()
	a.member = auth.MembershipID(secret.NewID(s.Rand, now))
	a.new, err = user.Check(user.New{User: auth.User{ID: auth.UserID(secret.NewID(s.Rand, now)), App: c.App, Name: in.Name,
		Locale: s.Mail.Language(c.AcceptLanguage)},
		Email: auth.Email{ID: auth.EmailID(secret.NewID(s.Rand, now)), Address: p.Email}, Verified: true})
	if err != nil {
		s.Refund(ctx, a.guess)
		return a, err
	}
	a.draft, err = s.Sessions.Draft(session.Start{User: a.new.User, EmailVerified: true, Caller: c, AMR: []string{auth.AMREmail},
		Device: cleanDevice(in.Device)})
	return a, err
}

// liveInvite spends the token and locks its invitation, in the one order of locks: the inviter's rights first.
func (s *Service) liveInvite(tx *store.Tx, app auth.AppID, token string) (auth.Invite, error) {
	p, err := s.Proofs.Check(tx, auth.ProofInvite, app, token)
	if err != nil {
		return auth.Invite{}, err
	}
	i, err := tx.Invite(app, auth.InviteID(p.Data))
	if err != nil {
		return i, proofInvalid(err)
	}
	if err := s.mayStillInvite(tx, i); err != nil {
		return i, err
	}
	if _, err := s.Proofs.Consume(tx, auth.ProofInvite, app, token); err != nil {
		return i, err
	}
	if i, err = tx.InviteForUpdate(app, i.ID); err != nil {
		return i, proofInvalid(err)
	}
	if !i.Open(tx.Now()) || i.Canonical != p.Email {
		return i, auth.E(auth.CodeProofInvalid, "")
	}
	return i, nil
}

// mayStillInvite asks whether the inviter could invite today what it invited to (IN-02). The account's row, or the app's,
// is locked. The operator always may.
func (s *Service) mayStillInvite(tx *store.Tx, i auth.Invite) error {
	dead := auth.E(auth.CodeProofInvalid, "")
	if _, err := tx.AppForUpdate(i.App); err != nil {
		return proofInvalid(err)
	}
	if i.Account != "" {
		if _, err := tx.AccountForUpdate(i.App, i.Account); err != nil {
			return proofInvalid(err)
		}
	}
	if i.Inviter == "" {
		return nil
	}
	inviter, err := tx.User(i.App, i.Inviter)
	if err != nil {
		return proofInvalid(err)
	}
	switch {
	case inviter.Shown() != auth.UserActive:
		return dead
	case inviter.Role == auth.RoleAdmin:
		return nil
	case i.Account == "":
		return dead
	}
	m, err := tx.Membership(i.App, i.Account, i.Inviter)
	if err != nil {
		return proofInvalid(err)
	}
	if m.Role != auth.MemberOwner {
		return dead
	}
	return nil
}

func (s *Service) accept(tx *store.Tx, a accepting, i auth.Invite) (AcceptedInvite, error) {
	if a.caller.Kind == auth.CallerSession {
		return s.acceptAs(tx, a, i)
	}
	known, err := tx.EmailByCanonical(i.App, i.Canonical)
	if errors.Is(err, store.ErrNotFound) {
		return s.acceptNew(tx, a, i)
	}
	if err != nil {
		return AcceptedInvite{}, err
	}
	now, err := user.Lock(tx, i.App, known.User)
	if err != nil {
		return AcceptedInvite{}, err
	}
	if now.User.Status != auth.UserActive {
		return AcceptedInvite{}, auth.E(auth.CodeAccountDisabled, "")
	}
	if now.Email.Canonical != i.Canonical {
		return AcceptedInvite{}, auth.E(auth.CodeProofInvalid, "")
	}
	// Whoever signed up with the address before it was proven may be somebody else (ET-12).
	if now, err = s.proveByMail(tx, a.caller, now); err != nil {
		return AcceptedInvite{}, err
	}
	return s.enterInvited(tx, a, i, now)
}

// acceptAs joins the signed-in user.
func (s *Service) acceptAs(tx *store.Tx, a accepting, i auth.Invite) (AcceptedInvite, error) {
	if _, err := s.Sessions.Recheck(tx, a.caller); err != nil {
		return AcceptedInvite{}, err
	}
	now, err := user.Lock(tx, i.App, a.caller.User)
	if err != nil {
		return AcceptedInvite{}, err
	}
	if now.Email.Canonical != i.Canonical || !now.Email.Verified() {
		return AcceptedInvite{}, auth.E(auth.CodeForbidden, "This invitation went to another address. Sign out to accept it.")
	}
	return AcceptedInvite{Joined: now.User.ID}, s.joinInvited(tx, a, i, now.User.ID)
}

// acceptNew makes the user of the address.
func (s *Service) acceptNew(tx *store.Tx, a accepting, i auth.Invite) (AcceptedInvite, error) {
	n := a.new
	n.Email.Address = i.Email
	if i.Account == "" {
		n.User.Role = auth.Role(i.Role)
	}
	made, email, err := user.Insert(tx, n)
	if err != nil {
		return AcceptedInvite{}, err
	}
	err = s.Record(tx, a.caller, auth.Event{Action: "user.registered", User: made.ID,
		Data: map[string]string{"contract": a.caller.Door.Contract, "by": "invite"}})
	if err != nil {
		return AcceptedInvite{}, err
	}
	return s.enterInvited(tx, a, i, user.Identity{User: made, Email: email})
}

// enterInvited joins the user and makes the session, or the challenge that comes before it.
func (s *Service) enterInvited(tx *store.Tx, a accepting, i auth.Invite, now user.Identity) (AcceptedInvite, error) {
	if err := s.joinInvited(tx, a, i, now.User.ID); err != nil {
		return AcceptedInvite{}, err
	}
	methods := []string{auth.AMREmail}
	if now.User.TOTP {
		ch, err := s.issueChallenge(tx, &attempt{caller: a.caller, in: Credentials{Device: cleanDevice(a.in.Device)}, methods: methods}, now)
		return AcceptedInvite{SignInOutcome: SignInOutcome{Challenge: &ch}}, err
	}
	a.draft.For(now.User, true)
	a.draft.In(i.Account)
	in, err := s.startSession(tx, a.caller, a.draft, now)
	return AcceptedInvite{SignInOutcome: SignInOutcome{SignedIn: &in}}, err
}

func (s *Service) joinInvited(tx *store.Tx, a accepting, i auth.Invite, id auth.UserID) error {
	if i.Account != "" {
		_, err := s.Accounts.Join(tx, a.caller, auth.Membership{ID: a.member, App: i.App, Account: i.Account, User: id,
			Role: auth.MemberRole(i.Role)})
		if err != nil {
			return err
		}
	}
	return s.Invites.Accept(tx, a.caller, i, id)
}
