package lifecycle

import (
	"context"
	"errors"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// Actor is who did what an event tells, as the person sees it whom it concerns.
type Actor string

// The actors.
const (
	ActorMe            Actor = "me"            // by a session or an API key of one's own
	ActorAdministrator Actor = "administrator" // somebody else of the app who is signed in
	ActorSystem        Actor = "system"        // the server by itself, or its operator
	ActorStranger      Actor = "stranger"      // somebody who was not signed in: tries to sign in, mailed links
)

// OwnEvent is an event without what it tells of other people: of what others did who are signed in, neither who they are
// nor from where.
type OwnEvent struct {
	auth.Event
	By Actor
}

// OwnEvents reads what the audit log says about one user, newest first.
func (s *Service) OwnEvents(ctx context.Context, app auth.AppID, id auth.UserID, f store.EventFilter) (out []OwnEvent, err error) {
	err = s.Login.DB.Read(ctx, func(tx *store.Tx) error {
		out, err = ownEvents(tx, app, id, f)
		return err
	})
	return out, err
}

func ownEvents(tx *store.Tx, app auth.AppID, id auth.UserID, f store.EventFilter) ([]OwnEvent, error) {
	f.User = id
	list, err := tx.Events(app, f)
	if err != nil {
		return nil, err
	}
	keys := map[string]bool{}
	out := make([]OwnEvent, len(list))
	for i, e := range list {
		if out[i], err = ownEvent(tx, e, id, keys); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ownEvent takes out of an event what is another's. keys remembers which API keys are the user's.
func ownEvent(tx *store.Tx, e auth.Event, id auth.UserID, keys map[string]bool) (OwnEvent, error) {
	switch kind := auth.CallerKind(e.ActorKind); {
	case e.Actor == string(id):
		return OwnEvent{Event: e, By: ActorMe}, nil
	case kind == auth.CallerAPIKey:
		own, known := keys[e.Actor]
		if !known {
			key, err := tx.APIKey(e.App, auth.APIKeyID(e.Actor))
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return OwnEvent{}, err
			}
			own = err == nil && key.User == id
			keys[e.Actor] = own
		}
		if own {
			return OwnEvent{Event: e, By: ActorMe}, nil
		}
	case kind == auth.CallerSystem:
		e.IP, e.UserAgent = "", ""
		return OwnEvent{Event: e, By: ActorSystem}, nil
	case kind == auth.CallerAnonymous:
		return OwnEvent{Event: e, By: ActorStranger}, nil
	}
	e.Actor, e.IP, e.UserAgent, e.RequestID = "", "", "", ""
	if !strings.HasPrefix(e.Action, "session.") { // elsewhere it is the session of who did it
		e.Session = ""
	}
	return OwnEvent{Event: e, By: ActorAdministrator}, nil
}

// Bounds of what OwnData reads.
const (
	maxOwnRows   = 1000
	maxOwnEvents = 10_000
)

// OwnData is everything that the server keeps about a user, without secrets.
type OwnData struct {
	Profile    user.Profile
	Emails     []auth.Email // the primary one first
	Password   auth.Password
	Sessions   []auth.Session // alive and ended, newest first, at most 1000 of each
	Keys       []auth.APIKey  // those not revoked, newest first
	Identities []auth.Identity
	Passkeys   []auth.Passkey       // oldest first
	Waits      []auth.WaitlistEntry // those of the user alone
	Events     []OwnEvent           // newest first
	Cut        bool                 // there are more events than 10,000
}

// ExportData reads everything about the caller's own user. It is recorded before it is handed over. Codes: person-required
// and those of a change that needs evidence, as in ChangePassword.
func (s *Service) ExportData(ctx context.Context, c auth.Caller, in Evidence) (OwnData, error) {
	g, err := s.read(ctx, c)
	if err != nil {
		return OwnData{}, err
	}
	if err := g.prove(ctx, in.CurrentPassword, in.Code); err != nil {
		return OwnData{}, err
	}
	if err := g.pass(ctx, func(tx *store.Tx, _ user.Identity) error { return g.record(tx, "data.exported") }); err != nil {
		return OwnData{}, err
	}
	var out OwnData
	err = s.Login.DB.Read(ctx, func(tx *store.Tx) error {
		out, err = ownData(tx, c.App, c.User)
		return err
	})
	return out, err
}

func ownData(tx *store.Tx, app auth.AppID, id auth.UserID) (out OwnData, err error) {
	if out.Profile, err = user.ReadProfile(tx, app, id); err != nil {
		return out, err
	}
	emails, err := tx.EmailsOf(app, []auth.UserID{id})
	if err != nil {
		return out, err
	}
	out.Emails = emails[id]
	if out.Password, err = tx.Password(app, id); err != nil && !errors.Is(err, store.ErrNotFound) {
		return out, err
	}
	for _, ended := range []bool{false, true} {
		list, err := tx.Sessions(store.SessionQuery{App: app, User: id, Ended: ended, Limit: maxOwnRows})
		if err != nil {
			return out, err
		}
		out.Sessions = append(out.Sessions, list...)
	}
	if out.Keys, err = tx.APIKeys(store.APIKeyQuery{App: app, User: id, Limit: maxOwnRows}); err != nil {
		return out, err
	}
	if out.Identities, err = tx.IdentitiesOfUser(app, id); err != nil {
		return out, err
	}
	if out.Passkeys, err = tx.Passkeys(app, id); err != nil {
		return out, err
	}
	if out.Waits, err = tx.WaitlistEntries(store.WaitlistQuery{App: app, Subject: string(id), Limit: maxOwnRows}); err != nil {
		return out, err
	}
	if out.Events, err = ownEvents(tx, app, id, store.EventFilter{Limit: maxOwnEvents + 1}); err != nil {
		return out, err
	}
	if out.Cut = len(out.Events) > maxOwnEvents; out.Cut {
		out.Events = out.Events[:maxOwnEvents]
	}
	return out, nil
}
