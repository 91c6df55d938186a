package lifecycle

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// ApproveWait lets a subject of a waitlist have the feature. A stranger who waited to sign up is mailed an invitation to
// the app. Codes: forbidden, not-found, and those of session.Recheck.
func (s *Service) ApproveWait(ctx context.Context, c auth.Caller, id auth.WaitlistEntryID) (auth.WaitlistEntry, error) {
	return s.decideWait(ctx, c, id, auth.Approved)
}

// DenyWait refuses a subject of a waitlist. Nobody is told. Codes: those of ApproveWait.
func (s *Service) DenyWait(ctx context.Context, c auth.Caller, id auth.WaitlistEntryID) (auth.WaitlistEntry, error) {
	return s.decideWait(ctx, c, id, auth.Denied)
}

func (s *Service) decideWait(ctx context.Context, c auth.Caller, id auth.WaitlistEntryID, status auth.WaitStatus) (e auth.WaitlistEntry, err error) {
	err = s.Login.DB.Write(ctx, func(tx *store.Tx) error {
		if err := s.recheckAdministrator(tx, c); err != nil {
			return err
		}
		var news bool
		if e, news, err = s.Login.Waits.Decide(tx, c, id, status); err != nil || !news {
			return err
		}
		if status != auth.Approved || e.User != "" || e.Email == "" {
			return nil
		}
		invite, err := s.Login.NewInvite(c, e.Email)
		if err != nil {
			return err
		}
		_, err = s.Login.SendInvite(tx, c, invite)
		return err
	})
	return e, err
}
