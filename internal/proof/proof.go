package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// sweepBatch bounds what one housekeeping transaction removes.
const sweepBatch = 500

// Ledger issues and spends proofs.
type Ledger struct {
	Rand io.Reader
	// TTL is the lifetime of each kind; a kind that is missing has DefaultTTL.
	TTL map[auth.ProofKind]time.Duration
}

// DefaultTTL is how long a proof of the kind lives unless a setting says otherwise (SECURITY ET-04).
func DefaultTTL(kind auth.ProofKind) time.Duration {
	switch kind {
	case auth.ProofVerifyEmail, auth.ProofChangeEmail, auth.ProofAddEmail, auth.ProofCancelEmail:
		return 24 * time.Hour
	case auth.ProofPasswordReset:
		return time.Hour
	case auth.ProofCancelDelete:
		return 30 * 24 * time.Hour
	case auth.ProofSetup, auth.ProofInvite:
		return 7 * 24 * time.Hour
	case auth.ProofAuthorization:
		return 30 * time.Minute // a person may have to find a mail or a phone first
	case auth.ProofPushedRequest:
		return time.Minute // PA-01
	case auth.ProofPasskeyNew, auth.ProofPasskeyOffered, auth.ProofPasskeySignIn, auth.ProofPasskeySecond, auth.ProofPasskeyStepUp:
		return 5 * time.Minute // WA-01
	}
	return 10 * time.Minute
}

// Lifetime is how long a proof of the kind lives.
func (l *Ledger) Lifetime(kind auth.ProofKind) time.Duration {
	if ttl := l.TTL[kind]; ttl > 0 {
		return ttl
	}
	return DefaultTTL(kind)
}

// replaces reports whether a new proof of the kind ends older unspent ones of the same user (SECURITY ET-05).
// Second-factor challenges, sign-in tokens, sign-ins with a passkey and what is under way to a provider do not, for a
// person may sign in on several devices at once; nor do invites and requests of clients, which belong to no user. The links that take a new
// address back do not, or a thief who changes the address twice would end the owner's (ET-13).
func replaces(kind auth.ProofKind) bool {
	switch kind {
	case auth.ProofSecondFactor, auth.ProofSignIn, auth.ProofInvite, auth.ProofCancelEmail, auth.ProofPasskeySignIn, auth.ProofPasskeySecond,
		auth.ProofOAuthState, auth.ProofIdentity, auth.ProofAuthorization, auth.ProofPushedRequest:
		return false
	}
	return true
}

// Issue writes a new proof and returns its secret: 256 random bits that are stored nowhere. It fills the id, the hash
// and the times of p and spends older proofs of the same kind and user. p must name its kind and app. Since a Write
// may run its function twice, only the secret of the last run counts.
func (l *Ledger) Issue(tx *store.Tx, p auth.Proof) (token string, err error) {
	if p.Kind == "" || p.App == "" {
		return "", errors.New("a proof needs a kind and an app")
	}
	if token, err = secret.Token(l.Rand); err != nil {
		return "", err
	}
	p.ID = auth.ProofID(secret.NewID(l.Rand, tx.Now()))
	p.Hash = secret.Hash(token)
	p.Attempts, p.UsedAt = 0, time.Time{}
	p.CreatedAt, p.ExpiresAt = tx.Now(), tx.Now().Add(l.Lifetime(p.Kind))
	if replaces(p.Kind) {
		if _, err := tx.SpendProofs(p.App, p.User, p.Kind); err != nil {
			return "", fmt.Errorf("end older proofs: %w", err)
		}
	}
	if err := tx.InsertProof(p); err != nil {
		return "", fmt.Errorf("write a proof: %w", err)
	}
	return token, nil
}

// Check finds the proof that a secret belongs to and changes nothing. An unknown, spent or expired secret, or one of
// another kind or app, is proof-invalid, without a hint which.
func (l *Ledger) Check(tx *store.Tx, kind auth.ProofKind, app auth.AppID, token string) (auth.Proof, error) {
	return find(kind, app, token, tx.UnspentProof)
}

// Recall finds the proof that a secret belongs to even if it is spent or expired, for who wants to say what it was about. It
// proves nothing. Code: proof-invalid (nobody remembers it).
func (l *Ledger) Recall(tx *store.Tx, kind auth.ProofKind, app auth.AppID, token string) (auth.Proof, error) {
	return find(kind, app, token, tx.AnyProof)
}

// Home answers the app in which a secret was issued, for a request that names its app by nothing else; empty where Check
// would refuse in every app. It proves nothing.
func (l *Ledger) Home(tx *store.Tx, kind auth.ProofKind, token string) (auth.AppID, error) {
	if !secret.TokenShaped(token) {
		return "", nil
	}
	app, err := tx.ProofHome(kind, secret.Hash(token))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("look up the app of a proof: %w", err)
	}
	return app, nil
}

// Consume spends the proof that a secret belongs to. Of any number of callers one succeeds; everybody else, and every
// secret that Check would refuse, gets proof-invalid.
func (l *Ledger) Consume(tx *store.Tx, kind auth.ProofKind, app auth.AppID, token string) (auth.Proof, error) {
	return find(kind, app, token, tx.SpendProof)
}

// find compares kind, app and hash in the one statement that reads or spends, so that no secret can serve for
// anything but what it was made for (SECURITY ET-02).
func find(kind auth.ProofKind, app auth.AppID, token string, by func(store.ProofKey) (auth.Proof, error)) (auth.Proof, error) {
	if !secret.TokenShaped(token) {
		return auth.Proof{}, invalid()
	}
	p, err := by(store.ProofKey{App: app, Kind: kind, Hash: secret.Hash(token)})
	if errors.Is(err, store.ErrNotFound) {
		return auth.Proof{}, invalid()
	}
	if err != nil {
		return auth.Proof{}, fmt.Errorf("look up a proof: %w", err)
	}
	return p, nil
}

func invalid() *auth.Error { return auth.E(auth.CodeProofInvalid, "") }

// Pending reads the newest unspent proof of a kind that a user has; proof-invalid if there is none. It tells no
// secret: a flow that is asked for again issues a new one.
func (l *Ledger) Pending(tx *store.Tx, kind auth.ProofKind, app auth.AppID, user auth.UserID) (auth.Proof, error) {
	p, err := tx.PendingProof(app, user, kind)
	if errors.Is(err, store.ErrNotFound) {
		return auth.Proof{}, invalid()
	}
	if err != nil {
		return auth.Proof{}, fmt.Errorf("look up a pending proof: %w", err)
	}
	return p, nil
}

// SpendAttempt counts one answer to a proof before the answer is looked at, and returns how many are left after it.
// When most answers were given already, or the proof is spent or expired, it is proof-invalid: a right answer comes
// too late then as well (SECURITY ET-11).
func (l *Ledger) SpendAttempt(tx *store.Tx, app auth.AppID, id auth.ProofID, most int) (left int, err error) {
	given, err := tx.SpendProofAttempt(app, id, most)
	if errors.Is(err, store.ErrNotFound) {
		return 0, invalid()
	}
	if err != nil {
		return 0, fmt.Errorf("count an answer to a proof: %w", err)
	}
	return most - given, nil
}

// RevokeAll spends every unspent proof of a user, of the named kinds or, without names, of all kinds that belong to
// a user: after a password change, a new address, a disabled account. The links that take a new address or a deletion
// back stay, for a thief can cause each of these (ET-13).
func (l *Ledger) RevokeAll(tx *store.Tx, app auth.AppID, user auth.UserID, kinds ...auth.ProofKind) error {
	if len(kinds) == 0 {
		kinds = []auth.ProofKind{auth.ProofVerifyEmail, auth.ProofPasswordReset, auth.ProofSecondFactor, auth.ProofChangeEmail,
			auth.ProofAddEmail,
			auth.ProofMagicLink, auth.ProofEmailCode, auth.ProofSignIn, auth.ProofOAuthState, auth.ProofIdentity,
			auth.ProofPasskeyNew, auth.ProofPasskeyOffered, auth.ProofPasskeySecond, auth.ProofPasskeyStepUp}
	}
	for _, kind := range kinds {
		if _, err := tx.SpendProofs(app, user, kind); err != nil {
			return fmt.Errorf("revoke proofs: %w", err)
		}
	}
	return nil
}

// RevokeCancels spends the links against a change of address that went to the same address as p, and those of the user
// that were made after p.
func (l *Ledger) RevokeCancels(tx *store.Tx, p auth.Proof) error {
	_, err := tx.SpendCancelProofs(p.App, p.User, p.Email, p.CreatedAt)
	return err
}

// Sweep removes one batch of proofs that expired before a time and reports how many those were; 0 means that none is
// left. Nothing depends on it: an expired proof is refused by the clock.
func (l *Ledger) Sweep(ctx context.Context, db *store.DB, before time.Time) (n int64, err error) {
	err = db.Write(ctx, func(tx *store.Tx) error {
		n, err = tx.DeleteExpiredProofs(before, sweepBatch)
		return err
	})
	return n, err
}
