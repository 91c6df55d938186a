package invite

import (
	"context"
	"fmt"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Send stores a new invitation, whose rules the flow has settled, with the event invite.created. Older pending ones of
// the same address to the same place die (ET-05).
func (s *Service) Send(tx *store.Tx, c auth.Caller, i auth.Invite) error {
	if err := tx.InsertInvite(i); err != nil {
		return fmt.Errorf("insert invite: %w", err)
	}
	return s.record(tx, c, auth.Event{Action: "invite.created", Target: string(i.ID), Data: data(i)})
}

func data(i auth.Invite) map[string]string {
	d := map[string]string{"role": i.Role}
	if i.Account != "" {
		d["account"] = string(i.Account)
	}
	return d
}

// Accept marks a pending invitation as accepted by a user, with the event invite.accepted. Code: proof-invalid, if it is
// pending no more.
func (s *Service) Accept(tx *store.Tx, c auth.Caller, i auth.Invite, user auth.UserID) error {
	i.AcceptedAt, i.AcceptedBy, i.RevokedAt = tx.Now(), user, time.Time{}
	ok, err := tx.SettleInvite(i)
	if err != nil {
		return fmt.Errorf("accept invite: %w", err)
	}
	if !ok {
		return auth.E(auth.CodeProofInvalid, "")
	}
	return s.record(tx, c, auth.Event{Action: "invite.accepted", User: user, Target: string(i.ID), Data: data(i)})
}

// Query is a place in the list of pending invitations: zero values start at the oldest.
type Query = store.InviteQuery

// List reads pending invitations, oldest first. Who may see them is for the flow to settle.
func (s *Service) List(ctx context.Context, q Query) (list []auth.Invite, err error) {
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		list, err = tx.Invites(q)
		return err
	})
	return list, err
}

// Revoke ends a pending invitation, with the event invite.revoked. Who may is for the flow to settle. Code: not-found.
func (s *Service) Revoke(tx *store.Tx, c auth.Caller, i auth.Invite) error {
	i.RevokedAt = tx.Now()
	ok, err := tx.SettleInvite(i)
	if err != nil {
		return fmt.Errorf("revoke invite: %w", err)
	}
	if !ok {
		return missing(store.ErrNotFound, "invite")
	}
	return s.record(tx, c, auth.Event{Action: "invite.revoked", Target: string(i.ID), Data: data(i)})
}
