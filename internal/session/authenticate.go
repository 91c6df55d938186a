package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Identity is who a credential stands for. Its row, map and slices are shared with a cache: do not change them.
type Identity struct {
	App           auth.AppID
	Client        auth.ClientID
	User          auth.UserID
	Role          auth.Role
	Session       auth.SessionID
	Account       auth.AccountID // that the token says, or of a cookie's session; empty: none
	AMR           []string
	AuthTime      time.Time // of the sign-in, or of a later step-up
	EmailVerified bool      // at sign-in or since
	UserRow       auth.User
	Email         auth.Email // the primary address; zero if there is none
	SessionRow    auth.Session
}

// Fill writes the identity into a caller. Request facts (IP, door, app key) stay as they are.
func (i Identity) Fill(c *auth.Caller) {
	c.Kind, c.App, c.Client, c.User, c.Role, c.Session = auth.CallerSession, i.App, i.Client, i.User, i.Role, i.Session
	c.Account = i.Account
	c.AMR, c.AuthTime, c.EmailVerified = i.AMR, i.AuthTime, i.EmailVerified
}

// liveSession is a session's committed row in the cache, with the time of its last use beside it.
type liveSession struct {
	row  auth.Session
	seen atomic.Int64 // microseconds; runs ahead of row.LastSeenAt
}

// person is a user's committed row with the primary address.
type person struct {
	row   auth.User
	email auth.Email
}

// Authenticate recognises an access token. With everything cached it checks no signature, parses nothing and asks
// no row. Errors: CodeInvalidToken, CodeTokenExpired, CodeSessionEnded (Message says why), CodeAccountDisabled.
func (s *Service) Authenticate(ctx context.Context, accessToken string) (Identity, error) {
	d := sha256.Sum256([]byte(accessToken))
	now := s.clock()
	c, round, ok := s.claims.Get(&d, now)
	if !ok {
		verified, err := s.signer.VerifyAccess(ctx, accessToken)
		if err != nil {
			return Identity{}, err
		}
		c = claimOf(verified)
		s.claims.Put(&d, c, verified.ExpiresAt, round, now)
	}
	id, err := s.identify(ctx, c.app, c.session, now)
	if err == nil && (id.User != c.user || id.SessionRow.Delegation != nil) { // what a client was given opens none of our own doors
		return Identity{}, invalidToken()
	}
	id.Account = c.account
	return id, err
}

// AuthenticateCookie recognises a session cookie of the app. Errors are those of Authenticate.
func (s *Service) AuthenticateCookie(ctx context.Context, app auth.AppID, cookie string) (Identity, error) {
	if !secret.TokenShaped(cookie) {
		return Identity{}, invalidToken()
	}
	hash := secret.Hash(cookie)
	// The app is part of the key: what one app's door looked up is no answer at another's.
	key := string(app) + "/" + hex.EncodeToString(hash)
	session, err := s.cookies.Get(ctx, key, func(tx *store.Tx) (auth.SessionID, error) {
		return tx.SessionByCookie(app, hash)
	})
	if err != nil {
		return Identity{}, absent(err, "session cookie")
	}
	id, err := s.identify(ctx, app, session, s.clock())
	if err != nil {
		return Identity{}, err
	}
	// The look-up may be older than the cookie's replacement; the session's own row is not.
	if !secret.Equal(id.SessionRow.CookieHash, hash) {
		return Identity{}, invalidToken()
	}
	return id, nil
}

// identify answers whose session it is, if the session stands.
func (s *Service) identify(ctx context.Context, app auth.AppID, id auth.SessionID, now time.Time) (Identity, error) {
	live, err := s.session(ctx, app, id)
	if err != nil {
		return Identity{}, err
	}
	if !now.Before(live.row.IdleExpiresAt) && live.row.EndedAt.IsZero() {
		// A refresh moves the idle expiry without telling caches; look again before saying no.
		s.live.Drop(string(id))
		if live, err = s.session(ctx, app, id); err != nil {
			return Identity{}, err
		}
	}
	user, err := s.user(ctx, app, live.row.User)
	if err != nil {
		return Identity{}, err
	}
	st, err := s.standing(ctx, live)
	if err != nil {
		return Identity{}, err
	}
	if reason := broken(st, user.row, now); reason != "" {
		return Identity{}, standError(reason)
	}
	s.touch(live, now)
	return Identity{
		App: app, Client: live.row.Client, User: user.row.ID, Role: user.row.Role, Session: id, Account: live.row.Account, AMR: live.row.AMR,
		AuthTime: live.row.ProvenAt(), EmailVerified: live.row.EmailVerified || user.email.Verified(),
		UserRow: user.row, Email: user.email, SessionRow: live.row,
	}, nil
}

// standing puts together from the caches what a Write reads in one statement.
func (s *Service) standing(ctx context.Context, live *liveSession) (store.SessionStanding, error) {
	app, err := s.app(ctx, live.row.App)
	if err != nil {
		return store.SessionStanding{}, err
	}
	client, err := s.client(ctx, live.row.App, live.row.Client)
	if err != nil {
		return store.SessionStanding{}, err
	}
	return store.SessionStanding{Session: live.row, App: app.Status, AppEpoch: app.Epoch, Client: client.Status}, nil
}

func (s *Service) session(ctx context.Context, app auth.AppID, id auth.SessionID) (*liveSession, error) {
	live, err := s.live.Get(ctx, string(id), func(tx *store.Tx) (*liveSession, error) {
		row, err := tx.Session(app, id)
		if err != nil {
			return nil, err
		}
		live := &liveSession{row: row}
		live.seen.Store(row.LastSeenAt.UnixMicro())
		return live, nil
	})
	if err != nil {
		return nil, absent(err, "session")
	}
	if live.row.App != app {
		return nil, invalidToken()
	}
	return live, nil
}

func (s *Service) user(ctx context.Context, app auth.AppID, id auth.UserID) (*person, error) {
	p, err := s.users.Get(ctx, string(id), func(tx *store.Tx) (*person, error) {
		row, err := tx.User(app, id)
		if err != nil {
			return nil, err
		}
		email, err := tx.PrimaryEmail(app, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		return &person{row: row, email: email}, nil
	})
	if err != nil {
		return nil, absent(err, "user")
	}
	if p.row.App != app {
		return nil, invalidToken()
	}
	return p, nil
}

func (s *Service) app(ctx context.Context, id auth.AppID) (*auth.App, error) {
	app, err := s.apps.Get(ctx, string(id), func(tx *store.Tx) (*auth.App, error) {
		app, err := tx.App(id)
		return &app, err
	})
	if err != nil {
		return nil, fmt.Errorf("read app: %w", err)
	}
	return app, nil
}

func (s *Service) client(ctx context.Context, app auth.AppID, id auth.ClientID) (*auth.Client, error) {
	client, err := s.clients.Get(ctx, string(id), func(tx *store.Tx) (*auth.Client, error) {
		client, err := tx.Client(app, id)
		return &client, err
	})
	if err != nil {
		return nil, fmt.Errorf("read client: %w", err)
	}
	return client, nil
}
