package login

import (
	"context"
	"errors"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// Method is one way to sign in.
type Method string

// The ways to sign in: with a memory, a mailbox, or an authenticator.
const (
	MethodPassword  Method = "password"
	MethodMagicLink Method = "magic-link"
	MethodPasskey   Method = "passkey"
)

// ProviderMethod is the way through an identity provider of the app.
func ProviderMethod(name string) Method { return Method("provider:" + name) }

// Methods are the ways to sign in to the app, the usual one first, and the identity providers among them. Codes:
// not-found, forbidden (disabled).
func (s *Service) Methods(ctx context.Context, app auth.AppID) (methods []Method, providers []auth.Provider, err error) {
	methods = []Method{MethodPassword, MethodMagicLink}
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		if _, err := openApp(tx, app); err != nil {
			return err
		}
		providers, err = federation.Offered(tx, app)
		return err
	})
	if s.Factors.Party != nil {
		methods = append(methods, MethodPasskey)
	}
	for _, p := range providers {
		methods = append(methods, ProviderMethod(p.Name))
	}
	return methods, providers, err
}

// EmailStatus is what somebody may know about an address before signing in.
type EmailStatus struct {
	Active  bool
	Methods []Method // in order of preference
}

// CheckEmail tells how the owner of an address can sign in. Unless the policy check-email says `reveal`, it is the
// app's whole list for every address (C7). Revealing is counted per network and recorded. Codes: invalid-request,
// rate-limited.
func (s *Service) CheckEmail(ctx context.Context, c auth.Caller, email string) (EmailStatus, error) {
	if _, err := auth.CanonicalEmail(email); err != nil {
		return EmailStatus{}, err
	}
	methods, _, err := s.Methods(ctx, c.App)
	if err != nil || !c.Door.Policy.RevealEmail {
		return EmailStatus{Active: true, Methods: methods}, err
	}
	if _, err := s.Limits.Reserve(ctx, limit.Guess{Limiter: limit.CheckEmailNetwork, Subject: limit.Network(c.IP)}); err != nil {
		return EmailStatus{}, err
	}
	out := EmailStatus{Methods: []Method{}}
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		who, _, err := user.ByIdentifier(tx, c.App, email)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err == nil && who.User.Status == auth.UserActive {
			out = EmailStatus{Active: true, Methods: []Method{MethodMagicLink}}
			if who.Password.Hash != "" {
				out.Methods = []Method{MethodPassword, MethodMagicLink}
			}
			if out.Methods, err = s.withPasskey(tx, who.User, out.Methods); err != nil {
				return err
			}
			identities, err := federation.OfUser(tx, c.App, who.User.ID)
			if err != nil {
				return err
			}
			for _, i := range identities {
				if m := ProviderMethod(i.ProviderName); slices.Contains(methods, m) && !slices.Contains(out.Methods, m) {
					out.Methods = append(out.Methods, m)
				}
			}
		}
		return s.Record(tx, c, auth.Event{Action: "email.checked", User: who.User.ID})
	})
	return out, err
}

// withPasskey adds passkeys to the ways in of a user who has one.
func (s *Service) withPasskey(tx *store.Tx, u auth.User, methods []Method) ([]Method, error) {
	if s.Factors.Party == nil {
		return methods, nil
	}
	held, err := tx.Passkeys(u.App, u.ID)
	if len(held) > 0 {
		methods = append(methods, MethodPasskey)
	}
	return methods, err
}
