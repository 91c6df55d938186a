package oauth

import (
	"context"
	"fmt"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// Client finds an OAuth client by what it is called on the wire: its id, or the URL of its metadata document where the
// app takes such. Error: invalid_client, the same for clients that are unknown, disabled or no OAuth clients.
func (s *Service) Client(ctx context.Context, id string) (auth.Client, error) {
	if strings.HasPrefix(id, "https://") {
		return s.documented(ctx, id)
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
