package operation

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/factor"
	"github.com/ostiary-id/ostiary/internal/lifecycle"
	"github.com/ostiary-id/ostiary/internal/login"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/user"
)

// done is the outcome of an operation that only succeeds or not.
func done(err error) (Outcome, error) {
	if err != nil {
		return Outcome{}, err
	}
	return OK(Done{}), nil
}

// userOutcome is the outcome of an operation that answers a user.
func userOutcome(p user.Profile, err error) (Outcome, error) {
	if err != nil {
		return Outcome{}, err
	}
	return OK(UserResult{User: profile(p)}), nil
}

// granted shows a finished sign-in.
func granted(s login.SignedIn) Granted {
	return Granted{Tokens: tokens(s.Grant), SessionCookie: s.Grant.SessionCookie,
		User:    profileIn(user.Profile{User: s.User, Email: s.Email, Belongings: s.Belongings}, s.Grant.Session.Account),
		Session: sessionView(s.Grant.Session, s.Grant.Session.ID)}
}

func tokens(g session.Grant) Tokens {
	return Tokens{AccessToken: g.AccessToken, RefreshToken: g.RefreshToken, TokenType: g.TokenType, ExpiresIn: g.ExpiresIn}
}

func profile(p user.Profile) Profile {
	u := p.User
	attributes := u.Attributes
	if attributes == nil {
		attributes = map[string]any{}
	}
	memberships := make([]Membership, len(p.Memberships))
	for i, m := range p.Memberships {
		memberships[i] = membershipView(m.Membership)
		account := accountView(m.Account)
		memberships[i].Account = &account
	}
	var credit *Credit
	if p.Credit != nil {
		shown := creditView(u.Number, *p.Credit)
		credit = &shown
	}
	emails := []EmailAddress{}
	if p.Email.ID != "" {
		emails = append(emails, EmailAddress{ID: p.Email.ID, Email: p.Email.Address, VerifiedAt: p.Email.VerifiedAt})
	}
	return Profile{
		Memberships: memberships, Credit: credit, Emails: emails,
		ID: u.ID, Number: u.Number, Email: p.Email.Address, EmailVerified: p.Email.Verified(),
		EmailVerifiedAt: p.Email.VerifiedAt, Username: u.Username, Name: u.Name, GivenName: u.GivenName,
		FamilyName: u.FamilyName, Locale: u.Locale, Role: u.Role, Status: u.Shown(), TwoFactorEnabled: u.TOTP,
		ExternalID: u.ExternalID, Attributes: attributes, Version: u.Version, CreatedAt: u.CreatedAt,
		UpdatedAt: u.UpdatedAt, DisabledAt: u.DisabledAt, DeletesAt: u.DeleteAt,
	}
}

// profileIn is profile for a session that acts for an account.
func profileIn(p user.Profile, account auth.AccountID) Profile {
	out := profile(p)
	for i := range out.Memberships {
		if account != "" && out.Memberships[i].AccountID == account {
			out.ActiveMembership = &out.Memberships[i]
		}
	}
	return out
}

// sessionView shows a session; current is the one that asks.
func sessionView(s auth.Session, current auth.SessionID) Session {
	return Session{
		ID: s.ID, Client: s.Client, Account: s.Account, Current: s.ID == current, Device: s.Device, IP: s.IP, UserAgent: s.UserAgent,
		Agent: Agent(session.DescribeAgent(s.UserAgent)), Ended: !s.EndedAt.IsZero(),
		Door: s.Contract, AMR: s.AMR, AuthTime: s.AuthTime, EmailVerified: s.EmailVerified, CreatedAt: s.CreatedAt,
		LastSeenAt: s.LastSeenAt, IdleExpiresAt: s.IdleExpiresAt, ExpiresAt: s.ExpiresAt, EndedAt: s.EndedAt,
		EndReason: s.EndReason,
	}
}

func (c *Catalogue) apiKeyView(k auth.APIKey) APIKey {
	scopes := k.Scopes
	if scopes == nil {
		scopes = []string{}
	}
	return APIKey{ID: k.ID, Name: k.Name, Prefix: k.Prefix, Scopes: scopes, CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt,
		LastUsedAt: k.LastUsedAt, RevokedAt: k.RevokedAt, PreviousUntil: k.PreviousUntil, Usable: k.Usable(c.deps.Clock())}
}

func (c *Catalogue) appView(ctx context.Context, a auth.App) (App, error) {
	client, err := c.deps.Apps.DefaultClient(ctx, a.ID)
	return App{ID: a.ID, Name: a.Name, Status: a.Status, DefaultClient: client.ID,
		SigningAlgorithm: a.Settings.SigningAlgorithm, Attributes: a.Settings.Attributes, Permissions: a.Settings.Permissions, Version: a.Version,
		Registration: registration(a.Settings), AccountsOnSignUp: a.Settings.AccountsOnSignUp, MetadataDocuments: a.Settings.MetadataDocuments, PasswordMin: a.Settings.PasswordMin,
		Locale:    a.Settings.Locale,
		Brand:     c.brandView(a),
		Challenge: challengeView(a.Settings.Challenge), CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt}, err
}

func (c *Catalogue) brandView(a auth.App) Brand {
	b := a.Settings.Brand
	out := Brand{Accent: b.Accent, TermsURL: b.TermsURL, PrivacyURL: b.PrivacyURL, SupportEmail: b.Support}
	if path := b.LogoPath(a.ID); path != "" {
		out.LogoURL = c.deps.PublicURL + path
	}
	return out
}

func challengeView(s auth.ChallengeSettings) Challenges {
	return Challenges{Kind: s.Kind.String(), SiteKeys: append([]string{}, s.SiteKeys...), SecretSet: len(s.Secret) > 0,
		Hostnames: append([]string{}, s.Hostnames...), MinScore: s.MinScore, CheckAction: s.CheckAction, ExemptAppKeys: s.ExemptAppKeys}
}

func appKeyView(k auth.AppKey) AppKey {
	return AppKey{ID: k.ID, App: k.App, Name: k.Name, Prefix: k.Prefix, CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt,
		LastUsedAt: k.LastUsedAt, RevokedAt: k.RevokedAt}
}

func eventView(e auth.Event) Event {
	data := e.Data
	if data == nil {
		data = map[string]string{}
	}
	return Event{ID: e.ID, At: e.At, Action: e.Action, Outcome: e.Outcome, Actor: e.Actor, ActorKind: e.ActorKind, User: e.User,
		Session: e.Session, Target: e.Target, IP: e.IP, UserAgent: e.UserAgent, RequestID: e.RequestID, Data: data}
}

func passkeyView(p auth.Passkey) Passkey {
	transports := p.Transports
	if transports == nil {
		transports = []string{}
	}
	return Passkey{ID: p.ID, CredentialID: factor.CredentialText(p.CredentialID), Name: p.Name, AAGUID: p.AAGUID,
		Model: factor.PasskeyModel(p.AAGUID), Transports: transports, Syncable: p.BackupEligible, Synced: p.BackedUp,
		CreatedAt: p.CreatedAt, LastUsedAt: p.LastUsedAt, CloneSuspectedAt: p.ClonedAt}
}

func passkeysView(held lifecycle.HeldPasskeys) Passkeys {
	out := Passkeys{Passkeys: make([]Passkey, len(held.Passkeys))}
	ids := make([]string, len(held.Passkeys))
	for i, p := range held.Passkeys {
		out.Passkeys[i] = passkeyView(p)
		ids[i] = out.Passkeys[i].CredentialID
	}
	if held.PartyID != "" && len(held.Handle) > 0 {
		out.Signals = &PasskeySignals{RPID: held.PartyID, UserHandle: factor.CredentialText(held.Handle), CredentialIDs: ids,
			Name: held.Name, DisplayName: held.DisplayName}
	}
	return out
}
