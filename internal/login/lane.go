package login

import (
	"context"
	"net/netip"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/store"
)

// knownNetworks is how many of a user's newest sessions tell which networks are known. Sessions that ended are kept for
// the retention of sessions.
const knownNetworks = 20

// lane is the subject that wrong passwords for a user are counted against: one for everybody who guesses from somewhere,
// and one of its own for a network that the user signed in from before, so that strangers who guess cannot shut the
// owner out (RL-07). An empty user is asked about in the same way, so that unknown users cost the same.
func lane(tx *store.Tx, app auth.AppID, user auth.UserID, network string) (string, error) {
	from, err := tx.SessionAddresses(app, user, knownNetworks)
	if err != nil {
		return "", err
	}
	known := slices.ContainsFunc(from, func(text string) bool {
		ip, err := netip.ParseAddr(text)
		return err == nil && limit.Network(ip) == network
	})
	if known {
		return limit.AccountFrom(app, user, network), nil
	}
	return limit.Account(app, user), nil
}

// ReservePassword takes a guess at the password of a known user, as a sign-in does. shut says that too many were wrong in
// a row: the password is not to be looked at, whatever it is. Code: rate-limited.
func (s *Service) ReservePassword(ctx context.Context, c auth.Caller, user auth.UserID) (guess *limit.Reservation, shut bool, err error) {
	var subject string
	err = s.DB.Read(ctx, func(tx *store.Tx) (err error) {
		subject, err = lane(tx, c.App, user, limit.Network(c.IP))
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return s.reservePassword(ctx, c, subject)
}

// reservePassword is ReservePassword for a subject. Once the total is used up, the account and the network are still
// counted: the answers of a password that nobody looks at go on like those of a wrong one.
func (s *Service) reservePassword(ctx context.Context, c auth.Caller, subject string) (guess *limit.Reservation, shut bool, err error) {
	account := limit.Guess{Limiter: limit.SignInAccount, Subject: subject}
	network := limit.Guess{Limiter: limit.SignInNetwork, Subject: limit.Network(c.IP)}
	guess, err = s.Limits.Reserve(ctx, account, network, total(subject))
	if err == nil {
		return guess, false, nil
	}
	if e := auth.AsError(err); e.Limit == nil || e.Limit.Name != limit.SignInTotal {
		return nil, false, err
	}
	guess, err = s.Limits.Reserve(ctx, account, network)
	return guess, err == nil, err
}

// total is the count of wrong passwords in a row.
func total(subject string) limit.Guess {
	return limit.Guess{Limiter: limit.SignInTotal, Subject: subject}
}

// passwordRight gives back what a sign-in took for guesses, and ends the row of wrong passwords.
func (s *Service) passwordRight(tx *store.Tx, a *attempt) error {
	if err := s.Limits.Forget(tx, total(a.subject)); err != nil {
		return err
	}
	return refund(tx, a.guesses...)
}

// reopen forgets what was guessed wrong at a user's password, from known networks and others, for a new one was chosen by who
// reads the user's mail.
func (s *Service) reopen(tx *store.Tx, app auth.AppID, user auth.UserID) error {
	subjects := []string{limit.Account(app, user)}
	from, err := tx.SessionAddresses(app, user, knownNetworks)
	if err != nil {
		return err
	}
	for _, text := range from {
		if ip, err := netip.ParseAddr(text); err == nil {
			subjects = append(subjects, limit.AccountFrom(app, user, limit.Network(ip)))
		}
	}
	slices.Sort(subjects)
	for _, subject := range slices.Compact(subjects) {
		if err := s.Limits.Forget(tx, limit.Guess{Limiter: limit.SignInAccount, Subject: subject}, total(subject)); err != nil {
			return err
		}
	}
	return nil
}
