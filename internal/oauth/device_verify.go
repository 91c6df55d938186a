package oauth

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/store"
)

// WaitingDevice is a device that waits for somebody to let it in, as that person is told of it.
type WaitingDevice struct {
	AskedFor
	UserCode  string // as the device shows it
	IP        string // where it asked from
	UserAgent string
	AskedAt   time.Time
}

// ShowDevice tells what waits under a user code, and claims it for the caller's session: nobody else can decide about it
// from then on (DV-02). Wrong codes are counted for the network and the user (DV-01). Codes: proof-invalid (no such code, too
// old, decided about, or claimed by somebody else), rate-limited.
func (s *Service) ShowDevice(ctx context.Context, c auth.Caller, typed string) (WaitingDevice, error) {
	guess, err := s.o.Limits.Reserve(ctx, limit.Guess{Limiter: limit.DeviceCodeNetwork, Subject: limit.Network(c.IP)},
		limit.Guess{Limiter: limit.DeviceCodeAccount, Subject: limit.Account(c.App, c.User)})
	if err != nil {
		return WaitingDevice{}, err
	}
	var d auth.DeviceAuthorization
	err = s.o.DB.Write(ctx, func(tx *store.Tx) error {
		if d, err = s.device(tx, c, typed); err != nil {
			return err
		}
		ours, err := grant.ClaimDevice(tx, d, c.User, c.Session)
		switch {
		case err != nil:
			return err
		case !ours:
			return auth.E(auth.CodeProofInvalid, "")
		}
		return guess.Refund(tx)
	})
	if err != nil {
		return WaitingDevice{}, err
	}
	out := WaitingDevice{UserCode: grant.ShownUserCode(d.UserCode), IP: d.IP, UserAgent: d.UserAgent, AskedAt: d.CreatedAt}
	out.Consent = true
	return out, s.describe(ctx, &out.AskedFor, d.App, d.Client, d.Delegation)
}

// device reads and holds the device of a user code, for a person who is signed in to its app. Codes: proof-invalid,
// email-unverified.
func (s *Service) device(tx *store.Tx, c auth.Caller, typed string) (auth.DeviceAuthorization, error) {
	dead := auth.E(auth.CodeProofInvalid, "")
	if _, err := s.o.Sessions.Recheck(tx, c); err != nil {
		return auth.DeviceAuthorization{}, err
	}
	if !c.EmailVerified { // whose address nobody has seen is nobody to a client (C5), as at the authorization endpoint
		return auth.DeviceAuthorization{}, auth.E(auth.CodeEmailUnverified, "")
	}
	code, ok := grant.CanonicalUserCode(typed)
	if !ok {
		return auth.DeviceAuthorization{}, dead
	}
	d, found, err := grant.WaitingDevice(tx, code)
	if err != nil {
		return d, err
	}
	if !found || d.App != c.App {
		return d, dead
	}
	client, err := tx.Client(d.App, d.Client)
	if err != nil {
		return d, fmt.Errorf("read the client of a device: %w", err)
	}
	if client.Status != auth.ClientActive || !client.Settings.OAuth.Allows(auth.GrantDeviceCode) {
		return d, dead
	}
	return d, nil
}

// ApproveDevice lets a device in. Codes: proof-invalid (also where another session looked at it).
func (s *Service) ApproveDevice(ctx context.Context, c auth.Caller, typed string) error {
	return s.decideDevice(ctx, c, typed, "device.approved", func(tx *store.Tx, d auth.DeviceAuthorization) error {
		row, err := tx.Session(c.App, c.Session)
		if err != nil {
			return fmt.Errorf("read a session: %w", err)
		}
		if err := grant.ApproveDevice(tx, d, row.AMR, row.ProvenAt()); err != nil {
			return err
		}
		return grant.Remember(tx, d.App, c.User, d.Client, d.Delegation)
	})
}

// DenyDevice turns a device away. Codes as those of ApproveDevice.
func (s *Service) DenyDevice(ctx context.Context, c auth.Caller, typed string) error {
	return s.decideDevice(ctx, c, typed, "device.denied", grant.DenyDevice)
}

func (s *Service) decideDevice(ctx context.Context, c auth.Caller, typed, action string, decide func(*store.Tx, auth.DeviceAuthorization) error) error {
	return s.o.DB.Write(ctx, func(tx *store.Tx) error {
		d, err := s.device(tx, c, typed)
		if err != nil {
			return err
		}
		if d.User != c.User || d.Session != c.Session {
			return auth.E(auth.CodeProofInvalid, "")
		}
		if err := decide(tx, d); err != nil {
			return err
		}
		return s.o.Audit.Record(tx, c, auth.Event{App: d.App, Action: action, Outcome: "ok", User: c.User, Session: c.Session,
			Target: string(d.Client), Data: map[string]string{"scope": strings.Join(d.Delegation.Scopes, " "), "device_ip": d.IP}})
	})
}
