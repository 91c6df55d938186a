package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// DeviceResponse is what a device shows and polls with (RFC 8628 section 3.2).
type DeviceResponse struct {
	DeviceCode  string        `json:"device_code"`
	UserCode    string        `json:"user_code"`
	VerifyAt    string        `json:"verification_uri"`
	CompleteURL string        `json:"verification_uri_complete"`
	ExpiresIn   time.Duration `json:"-"`
	Interval    time.Duration `json:"-"`
}

// String keeps the codes out of texts and logs.
func (d DeviceResponse) String() string { return "codes for a device" }

// GoString is String, for %#v.
func (d DeviceResponse) GoString() string { return d.String() }

// AuthorizeDevice begins the authorization of a device without a browser (RFC 8628 section 3.1). Errors: those of
// AuthenticateClient, unauthorized_client, invalid_scope, invalid_target, temporarily_unavailable (too many).
func (s *Service) AuthorizeDevice(ctx context.Context, r ClientRequest) (DeviceResponse, error) {
	if err := r.Form.check(); err != nil {
		return DeviceResponse{}, err
	}
	client, err := s.AuthenticateClient(ctx, r)
	if err != nil {
		return DeviceResponse{}, err
	}
	if !client.Settings.OAuth.Allows(auth.GrantDeviceCode) {
		return DeviceResponse{}, refuse(UnauthorizedClient, "The client did not register this grant type.")
	}
	wanted, err := s.asked(ctx, client, r.Form.Words("scope"), resourcesOf(r.Form))
	if err != nil {
		return DeviceResponse{}, err
	}
	_, err = s.o.Limits.Reserve(ctx, limit.Guess{Limiter: limit.DeviceNetwork, Subject: limit.Network(r.Caller.IP)})
	if err != nil {
		return DeviceResponse{}, err
	}
	d := auth.DeviceAuthorization{App: client.App, Client: client.ID, Delegation: wanted, UserAgent: r.Caller.UserAgent}
	if r.Caller.IP.IsValid() {
		d.IP = r.Caller.IP.String()
	}
	return s.insertDevice(ctx, d)
}

// userCodeTries is how many user codes are drawn before we give up: of 25,600 million codes one is rarely taken.
const userCodeTries = 5

func (s *Service) insertDevice(ctx context.Context, d auth.DeviceAuthorization) (DeviceResponse, error) {
	text, err := secret.Token(s.o.Rand)
	if err != nil {
		return DeviceResponse{}, err
	}
	for range userCodeTries {
		d.ID = auth.DeviceAuthorizationID(secret.NewID(s.o.Rand, s.o.Clock()))
		if d.UserCode, err = userCode(s.o.Rand); err != nil {
			return DeviceResponse{}, err
		}
		inserted := false
		err = s.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
			inserted, err = grant.IssueDevice(tx, text, d, s.o.Settings.DeviceTTL)
			return err
		})
		if err != nil {
			return DeviceResponse{}, err
		}
		if inserted {
			shown := grant.ShownUserCode(d.UserCode)
			page, mark := s.o.Issuer+DeviceVerifyPath, "?"
			if d.App != auth.DefaultApp { // the page has to know where the person signs in
				page, mark = page+"?app="+url.QueryEscape(string(d.App)), "&"
			}
			return DeviceResponse{DeviceCode: text, UserCode: shown, VerifyAt: page, CompleteURL: page + mark + "user_code=" + shown,
				ExpiresIn: s.o.Settings.DeviceTTL, Interval: grant.DeviceInterval}, nil
		}
	}
	return DeviceResponse{}, errors.New("no user code is free")
}

// userCode draws a code that people can type. Bytes that would favour some letters are drawn again.
func userCode(r io.Reader) (string, error) {
	const letters = len(grant.UserCodeAlphabet)
	out, one := make([]byte, 0, grant.UserCodeLength), make([]byte, 1)
	for len(out) < grant.UserCodeLength {
		if _, err := io.ReadFull(r, one); err != nil {
			return "", fmt.Errorf("draw a user code: %w", err)
		}
		if int(one[0]) < 256/letters*letters {
			out = append(out, grant.UserCodeAlphabet[int(one[0])%letters])
		}
	}
	return string(out), nil
}

// proveDevice is the device grant (RFC 8628 section 3.4). A poll is noted whatever comes of it.
func (s *Service) proveDevice(ctx context.Context, x *exchange) (*proven, error) {
	text := x.Form.Get("device_code")
	if text == "" {
		return nil, refuse(InvalidRequest, "device_code is missing.")
	}
	var refusal error
	p := &proven{refresh: x.client.Settings.OAuth.Allows(auth.GrantRefreshToken)}
	err := s.o.DB.WriteRelaxed(ctx, func(tx *store.Tx) (err error) {
		d, found, err := grant.FindDevice(tx, text)
		if err != nil {
			return err
		}
		if !found || d.App != x.client.App || d.Client != x.client.ID {
			refusal = badDevice()
			return nil
		}
		if refusal, err = poll(tx, d); err != nil || refusal != nil {
			return err
		}
		return approved(tx, d, p)
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		return nil, err
	}
	p.identify = slices.Contains(p.most.Scopes, auth.ScopeOpenID)
	p.commit = s.begin(p, func(tx *store.Tx, _ auth.SessionID) (refusal, err error) {
		d, found, err := grant.FindDevice(tx, text)
		if err != nil {
			return nil, err
		}
		if !found || d.Status != auth.DeviceApproved || !tx.Now().Before(d.ExpiresAt) {
			return badDevice(), nil
		}
		return nil, grant.RedeemDevice(tx, d)
	})
	return p, nil
}

// approved is what an approval has shown.
func approved(tx *store.Tx, d auth.DeviceAuthorization, p *proven) (err error) {
	p.most, p.amr, p.authTime = d.Delegation, d.AMR, d.AuthTime
	if p.person, err = tx.User(d.App, d.User); err != nil {
		return fmt.Errorf("read who let a device in: %w", err)
	}
	browser, err := tx.Session(d.App, d.Session)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("read where a device was let in: %w", err)
	}
	p.verified = browser.EmailVerified
	return nil
}

// poll says why a device gets nothing yet, or nothing at all; nil: it may come in.
func poll(tx *store.Tx, d auth.DeviceAuthorization) (refusal, err error) {
	switch {
	case d.Status == auth.DeviceRedeemed:
		return badDevice(), nil
	case d.Status == auth.DeviceDenied:
		return refuse(AccessDenied, "The device was not let in."), nil
	case !tx.Now().Before(d.ExpiresAt):
		return refuse(ExpiredToken, "The device was not let in in time."), nil
	}
	early, err := grant.PollDevice(tx, d)
	switch {
	case err != nil:
		return nil, err
	case early:
		return refuse(SlowDown, "The device polls too often."), nil
	case d.Status != auth.DeviceApproved:
		return refuse(AuthorizationPending, "Nobody has let the device in yet."), nil
	}
	return nil, nil
}

func badDevice() *Error { return refuse(InvalidGrant, "The device code is not valid for this client.") }
