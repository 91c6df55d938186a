package lifecycle

import (
	"context"
	"fmt"
	"strconv"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// ExportPage asks for a part of the users, oldest first.
type ExportPage struct {
	user.Page
	Secrets bool // TOTP secrets in the clear
}

// Exported is a user as a line of a file, and the row for its place in the list.
type Exported struct {
	User auth.User
	Line string
}

// Export writes users in the format that Import reads: password hashes always, TOTP secrets only if asked for. Backup
// codes cannot be read by anybody; the line says how many were left. more says that users follow. Every page is
// recorded before it is handed over. Codes: not-found (no such app), forbidden.
func (s *Service) Export(ctx context.Context, c auth.Caller, in ExportPage) (out []Exported, more bool, err error) {
	err = s.Login.DB.Read(ctx, func(tx *store.Tx) error {
		if _, err := tx.App(c.App); err != nil {
			return absent(err, "There is no such app.")
		}
		users, err := tx.Users(c.App, in.Filter, in.AfterTime, in.AfterID, in.Limit+1)
		if err != nil {
			return err
		}
		if more = len(users) > in.Limit; more {
			users = users[:in.Limit]
		}
		out, err = s.exportLines(tx, c.App, users, in.Secrets)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return out, more, s.Login.DB.Write(ctx, func(tx *store.Tx) error {
		if err := s.recheckAdministrator(tx, c); err != nil {
			return err
		}
		return s.Login.Record(tx, c, auth.Event{Action: "users.exported", Data: map[string]string{
			"count": strconv.Itoa(len(out)), "secrets": strconv.FormatBool(in.Secrets)}})
	})
}

func (s *Service) exportLines(tx *store.Tx, app auth.AppID, users []auth.User, secrets bool) ([]Exported, error) {
	ids := make([]auth.UserID, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	emails, err := tx.EmailsOf(app, ids)
	if err != nil {
		return nil, err
	}
	passwords, err := tx.PasswordsOf(app, ids)
	if err != nil {
		return nil, err
	}
	places, err := tx.MembershipsOf(app, ids)
	if err != nil {
		return nil, err
	}
	identities, err := tx.IdentitiesOf(app, ids)
	if err != nil {
		return nil, err
	}
	out := make([]Exported, len(users))
	for i, u := range users {
		l := lineOf(u, emails[u.ID], passwords[u.ID])
		for _, m := range places[u.ID] {
			l.Memberships = append(l.Memberships, lineMembership{Account: string(m.Account.ID), Role: string(m.Membership.Role)})
		}
		exportIdentities(identities[u.ID], &l)
		if u.TOTP {
			if err := s.exportFactor(tx, u, secrets, &l); err != nil {
				return nil, err
			}
		}
		text, err := l.text()
		if err != nil {
			return nil, err
		}
		out[i] = Exported{User: u, Line: text}
	}
	return out, nil
}

func lineOf(u auth.User, emails []auth.Email, p auth.Password) line {
	l := line{ID: string(u.ID), ExternalID: u.ExternalID, Username: u.Username, Name: u.Name, GivenName: u.GivenName,
		FamilyName: u.FamilyName, Locale: u.Locale, Role: u.Role, Status: u.Status, Attributes: u.Attributes, CreatedAt: &u.CreatedAt}
	for _, e := range emails {
		address := lineEmail{Address: e.Address, Verified: e.Verified(), Primary: e.Primary}
		if e.Verified() {
			address.VerifiedAt = &e.VerifiedAt
		}
		l.Emails = append(l.Emails, address)
	}
	if p.Hash != "" {
		l.Password = &linePassword{Hash: p.Hash, Format: secret.PasswordFormat(p.Hash), MustChange: p.MustChange, Normaliser: p.Normaliser}
	}
	return l
}

func (s *Service) exportFactor(tx *store.Tx, u auth.User, secrets bool, l *line) error {
	l.TOTP = &lineTOTP{}
	if secrets {
		base32Secret, err := s.Login.Factors.Reveal(tx, u.App, u.ID)
		if err != nil {
			return err
		}
		l.TOTP.Secret = base32Secret
	}
	left, err := tx.BackupCodesLeft(u.App, u.ID)
	if err == nil && left > 0 {
		l.NotCarried = append(l.NotCarried, fmt.Sprintf("backup codes (%d)", left))
	}
	return err
}
