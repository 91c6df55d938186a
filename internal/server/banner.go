package server

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Announce tells a person where to go next: the server, the one-time link that makes the first administrator (only
// while there is none), the development inbox (only if there is one).
func (s *Server) Announce(ctx context.Context) error {
	base := s.base()
	var b strings.Builder
	fmt.Fprintf(&b, "\n  Ostiary %s\n\n  Server               %s\n", s.o.Version, base)
	link, needed, err := s.house.login.EnsureSetupProof(ctx)
	if err != nil {
		return fmt.Errorf("first administrator: %w", err)
	}
	if needed {
		fmt.Fprintf(&b, "  First administrator  %s/setup?token=%s\n                       (works once, until %s)\n",
			base, url.QueryEscape(link.Token), link.ExpiresAt.Local().Format(time.DateTime))
	}
	if s.house.inbox != nil {
		fmt.Fprintf(&b, "  Development inbox    %s/dev/inbox\n", base)
	}
	if s.config.Dev {
		b.WriteString("\n  DEVELOPMENT MODE: everybody who reaches this server reads its mails. Never use it for real people.\n")
	}
	if _, err := fmt.Fprintln(s.o.Out, b.String()); err != nil {
		return fmt.Errorf("first administrator: %w", err)
	}
	return nil
}

// base is the public URL; with a listener on port 0 and no public URL, the address that was taken.
func (s *Server) base() string {
	if s.config.PublicURL == "" && s.Addr() != nil && strings.HasSuffix(s.config.Listen, ":0") {
		c := s.config
		c.Listen = s.Addr().String()
		return c.PublicBase()
	}
	return s.config.PublicBase()
}
