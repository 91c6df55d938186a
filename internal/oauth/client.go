package oauth

import (
	"context"
	"fmt"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// Client finds the OAuth client of a request by what it is called on the wire: its id, or the URL of its metadata document
// where the app takes such. Error: invalid_client, the same for clients that are unknown, disabled or no OAuth clients.
func (s *Service) Client(ctx context.Context, id string, f Form) (auth.Client, error) {
	home := auth.DefaultApp // of no matter to others
	if isDocument(id) {
		var err error
		if home, err = s.home(ctx, f); err != nil {
			return auth.Client{}, fmt.Errorf("find the app of a client: %w", err)
		}
	}
	return s.clientIn(ctx, home, id)
}

// isDocument reports whether a client id is an address. No other id begins so.
func isDocument(id string) bool { return strings.HasPrefix(id, "https://") }

// clientIn is Client where it is known in which app a client that is known by its document acts.
func (s *Service) clientIn(ctx context.Context, home auth.AppID, id string) (auth.Client, error) {
	if isDocument(id) {
		return s.documented(ctx, home, id)
	}
	client, err := s.o.Apps.ClientByID(ctx, auth.ClientID(id))
	if err == nil {
		err = s.usable(ctx, client)
	}
	if auth.Is(err, auth.CodeNotFound) {
		err = unknownClient()
	}
	return client, err
}

func unknownClient() *Error { return refuse(InvalidClient, "There is no such client.") }

// usable refuses a client that may do nothing now.
func (s *Service) usable(ctx context.Context, client auth.Client) error {
	if client.Status != auth.ClientActive || client.Settings.OAuth.AuthMethod == "" {
		return unknownClient()
	}
	home, err := s.o.Apps.Get(ctx, client.App)
	if err != nil {
		return fmt.Errorf("read the app of a client: %w", err)
	}
	if home.Status != auth.AppActive {
		return unknownClient()
	}
	return nil
}
