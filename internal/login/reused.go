package login

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// TellReused mails the owner of a session that it ended because its refresh token was used twice (RT-02). Only an address
// that is proven to be theirs is told.
func (s *Service) TellReused(tx *store.Tx, c auth.Caller, ended auth.Session) error {
	who, err := user.Load(tx, ended.App, ended.User)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the owner of a session: %w", err)
	}
	if !who.Email.Verified() {
		return nil
	}
	app, err := tx.App(ended.App)
	if err != nil {
		return fmt.Errorf("read the app of a session: %w", err)
	}
	about := mail.Ended{Began: ended.CreatedAt}
	device := ended
	if ended.Delegation != nil {
		client, err := tx.Client(ended.App, ended.Client)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("read the client of a session: %w", err)
		}
		about.Client, device.Device = client.Name, "" // the session's own is the client's name
		// A person knows the browser in which they let the client in, and not the machine that fetched its tokens.
		switch parent, err := tx.Session(ended.App, ended.Parent); {
		case err == nil:
			device = parent
		case !errors.Is(err, store.ErrNotFound):
			return fmt.Errorf("read the parent of a session: %w", err)
		}
	}
	about.Device = device.Device
	about.IP, _ = netip.ParseAddr(device.IP) // empty: not known
	err = s.Notify(tx, c, mail.Message{Kind: mail.TokenReused, App: app, Ended: about}, who)
	if auth.Is(err, auth.CodeInvalidRequest) {
		return nil // an address that no mail can go to must not keep the session alive
	}
	return err
}
