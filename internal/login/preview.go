package login

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
)

// LinkPreview is whom a link is about and what it would do, for the page to say before its button is pressed.
type LinkPreview struct {
	Kind     auth.ProofKind
	Email    string // the address it is about
	Account  string // name of the account that an invitation leads to; empty: to the app alone
	Provider string // title of the provider that an identity is of
	Upstream string // what the person is called there; their address if the provider tells no name
	// ExpiresAt is when the link dies by itself.
	ExpiresAt time.Time
}

// previewed are the kinds of proofs that the page of a kind takes; nil: it has no page.
func previewed(kind auth.ProofKind) []auth.ProofKind {
	switch kind {
	case auth.ProofVerifyEmail:
		return []auth.ProofKind{auth.ProofVerifyEmail, auth.ProofChangeEmail, auth.ProofAddEmail}
	case auth.ProofMagicLink, auth.ProofInvite, auth.ProofCancelEmail, auth.ProofCancelDelete, auth.ProofIdentity:
		return []auth.ProofKind{kind}
	}
	return nil
}

// PreviewLink tells what a link would do and for whom, and spends nothing. Who has the token has the mailbox or the browser
// that it was given to, so nothing is told that its mail did not say (IN-03); an upstream identity is told to its own
// browser alone, in the same words whether or not somebody here has its address (EN-01). Codes: proof-invalid,
// invalid-request (kind), rate-limited.
func (s *Service) PreviewLink(ctx context.Context, c auth.Caller, kind auth.ProofKind, token, browser string) (LinkPreview, error) {
	kinds := previewed(kind)
	if kinds == nil {
		return LinkPreview{}, auth.Invalid("kind", auth.ViolationEnum, "There is no such kind of link.")
	}
	guess, err := s.guessProof(ctx, c)
	if err != nil {
		return LinkPreview{}, err
	}
	var out LinkPreview
	err = s.DB.Read(ctx, func(tx *store.Tx) error {
		if _, err := openApp(tx, c.App); err != nil {
			return err
		}
		p, err := s.anyProof(tx, c.App, kinds, token)
		if err != nil {
			return err
		}
		out, err = s.preview(tx, p, browser)
		return proofInvalid(err)
	})
	if err != nil {
		return LinkPreview{}, err
	}
	s.Refund(ctx, guess)
	return out, nil
}

// anyProof finds the live proof of one of the kinds. Code: proof-invalid.
func (s *Service) anyProof(tx *store.Tx, app auth.AppID, kinds []auth.ProofKind, token string) (p auth.Proof, err error) {
	for _, kind := range kinds {
		if p, err = s.Proofs.Check(tx, kind, app, token); !auth.Is(err, auth.CodeProofInvalid) {
			return p, err
		}
	}
	return p, err
}

func (s *Service) preview(tx *store.Tx, p auth.Proof, browser string) (LinkPreview, error) {
	out := LinkPreview{Kind: p.Kind, Email: p.Email, ExpiresAt: p.ExpiresAt}
	switch p.Kind {
	case auth.ProofIdentity:
		return previewIdentity(tx, p, browser, out)
	case auth.ProofInvite:
		i, err := tx.Invite(p.App, auth.InviteID(p.Data))
		if err != nil {
			return out, err
		}
		out.Email = i.Email
		_, out.Account, err = introduce(tx, i)
		return out, err
	case auth.ProofChangeEmail, auth.ProofAddEmail:
		var next NewEmail
		if err := json.Unmarshal(p.Data, &next); err != nil {
			return out, fmt.Errorf("decode an address: %w", err)
		}
		out.Email = next.Address
		return out, nil
	}
	who, err := user.Load(tx, p.App, p.User)
	if err != nil {
		return out, err
	}
	if out.Email == "" || out.Email == who.Email.Canonical {
		out.Email = who.Email.Address
	}
	return out, nil
}

func previewIdentity(tx *store.Tx, p auth.Proof, browser string, out LinkPreview) (LinkPreview, error) {
	var held claimed
	if err := json.Unmarshal(p.Data, &held); err != nil {
		return out, fmt.Errorf("decode an upstream identity: %w", err)
	}
	if !sameBrowser(held.Pass.Browser, browser) || p.Attempts >= codeAttempts {
		return out, auth.E(auth.CodeProofInvalid, "")
	}
	up := held.Upstream
	provider, err := federation.Active(tx, p.App, up.ProviderName)
	if err != nil {
		return out, auth.E(auth.CodeProofInvalid, "")
	}
	out.Provider, out.Upstream, out.Email = provider.Settings.Title, up.Name, up.Email
	if out.Upstream == "" {
		out.Upstream = up.Email
	}
	return out, nil
}
