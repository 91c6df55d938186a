package oauth

import (
	"context"
	"errors"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/store"
)

// home is the app that a request of a client which is known by its document belongs to. Such a client may be one of every
// app that allows it, under the same id: the resource that is asked for says whose, else what the request brings, which
// was given out in one app. Where nothing tells, it is the default app.
func (s *Service) home(ctx context.Context, f Form) (auth.AppID, error) {
	for _, uri := range resourcesOf(f) {
		if r, found, err := s.anyResource(ctx, uri); err != nil || found {
			return r.App, err
		}
	}
	for _, given := range []struct {
		parameter string
		home      func(context.Context, string) (auth.AppID, error)
	}{{"request_uri", s.homeOfPushed}, {"code", s.homeOfCode}, {"device_code", s.homeOfDevice}, {"refresh_token", s.homeOfToken},
		{"token", s.homeOfToken}, {"subject_token", s.homeOfToken}} {
		text := f.Get(given.parameter)
		if text == "" {
			continue
		}
		if home, err := given.home(ctx, text); err != nil || home != "" {
			return home, err
		}
	}
	return auth.DefaultApp, nil
}

// homeOfCode, and the others like it, answer the app in which a text was given out; empty: nobody was given it. Whether it
// is worth anything, and whose it is, is looked at when its client is known.
func (s *Service) homeOfCode(ctx context.Context, text string) (home auth.AppID, err error) {
	err = s.o.DB.Read(ctx, func(tx *store.Tx) error {
		code, _, err := grant.FindCode(tx, text)
		home = code.App
		return err
	})
	return home, err
}

func (s *Service) homeOfDevice(ctx context.Context, text string) (home auth.AppID, err error) {
	err = s.o.DB.Read(ctx, func(tx *store.Tx) error {
		d, _, err := grant.FindDevice(tx, text)
		home = d.App
		return err
	})
	return home, err
}

func (s *Service) homeOfPushed(ctx context.Context, text string) (home auth.AppID, err error) {
	err = s.o.DB.Read(ctx, func(tx *store.Tx) error {
		home, err = s.o.Proofs.Home(tx, auth.ProofPushedRequest, strings.TrimPrefix(text, pushedPrefix))
		return err
	})
	return home, err
}

func (s *Service) homeOfToken(ctx context.Context, text string) (auth.AppID, error) {
	if strings.HasPrefix(text, refreshPrefix) {
		held, _, err := s.o.Sessions.Holder(ctx, text)
		return held.App, unlessUnknown(err)
	}
	known, err := s.signedHere(ctx, text)
	return known.claims.App, unlessUnknown(err)
}

// homeOfSession is the app of a session that an ID token names; the default one if it is gone.
func (s *Service) homeOfSession(ctx context.Context, id auth.SessionID) (auth.AppID, error) {
	home := auth.DefaultApp
	err := s.o.DB.Read(ctx, func(tx *store.Tx) error {
		session, err := tx.AnySession(id)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		home = session.App
		return err
	})
	return home, err
}

// unlessUnknown drops the refusal of a token that is none of ours.
func unlessUnknown(err error) error {
	if err = badToken(err); Is(err, InvalidToken) {
		return nil
	}
	return err
}
