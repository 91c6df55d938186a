package app

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

const (
	maxClients       = 200 // of one app, made by administrators
	maxDynamic       = 1000
	maxDocuments     = 5000
	maxURIs          = 50 // redirect URIs, and origins, of one client
	maxURI           = 2000
	minAccessTTL     = time.Minute
	maxAccessTTL     = 24 * time.Hour
	minRefreshTTL    = 5 * time.Minute
	maxRefreshTTL    = 365 * 24 * time.Hour
	defaultHTTPPort  = "80"
	defaultHTTPSPort = "443"
)

// ClientInput is what a new client is made from.
type ClientInput struct {
	App      auth.AppID
	Name     string
	Settings auth.ClientSettings
}

// CreateClient registers a client of an app and answers it with its secret, if it proves itself by one, which is shown
// this once. Errors: CodeInvalidRequest (by the names of RFC 7591; scopes, access_ttl ...), CodeForbidden, CodeNotFound,
// CodeLimitReached, and those of Recheck.
func (s *Service) CreateClient(ctx context.Context, c auth.Caller, in ClientInput) (auth.Client, string, error) {
	made, err := s.PrepareClient(in)
	if err != nil {
		return auth.Client{}, "", err
	}
	var secrets []auth.ClientSecret
	var text string
	if made.Settings.OAuth.AuthMethod.Secret() {
		row, shown, err := s.NewSecret(made, auth.SecretOfClient)
		if err != nil {
			return auth.Client{}, "", err
		}
		secrets, text = append(secrets, row), shown
	}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		if err := s.Admit(tx, c, in.App); err != nil {
			return err
		}
		return s.InsertClient(tx, c, &made, secrets)
	})
	if err != nil {
		return auth.Client{}, "", err
	}
	return made, text, nil
}

// PrepareClient checks what a client is to be made from and makes it, with a new id, outside of any Write. Error:
// CodeInvalidRequest.
func (s *Service) PrepareClient(in ClientInput) (auth.Client, error) {
	name, err := checkName(in.Name)
	if err != nil {
		return auth.Client{}, err
	}
	settings, err := s.checkClient(in.Settings)
	if err != nil {
		return auth.Client{}, err
	}
	return auth.Client{ID: auth.ClientID(secret.NewID(s.rand, s.clock())), App: in.App, Name: name, Status: auth.ClientActive,
		Settings: settings}, nil
}

// InsertClient stores a client that PrepareClient made, with its secrets, and fills its times. Who may make it was asked
// before. Errors: CodeNotFound (the app), CodeInvalidRequest (resources), CodeLimitReached.
func (s *Service) InsertClient(tx *store.Tx, c auth.Caller, made *auth.Client, secrets []auth.ClientSecret) error {
	// The app's row is held while the clients are counted, so that two calls decide one after the other.
	if _, err := tx.AppForUpdate(made.App); err != nil {
		return missing(err, "app")
	}
	origin := made.Settings.OAuth.Origin()
	n, err := tx.CountClients(made.App, origin)
	if err != nil {
		return fmt.Errorf("count clients: %w", err)
	}
	if most := mostClients(origin); n >= most {
		return auth.E(auth.CodeLimitReached, fmt.Sprintf("An app has at most %d clients of this kind.", most))
	}
	if err := resourcesExist(tx, *made, nil); err != nil {
		return err
	}
	made.CreatedAt, made.UpdatedAt = tx.Now(), tx.Now()
	if err := tx.InsertClient(*made); err != nil {
		return fmt.Errorf("insert client: %w", err)
	}
	if err := insertSecrets(tx, secrets); err != nil {
		return err
	}
	return s.clientChanged(tx, c, *made, "client.created")
}

// mostClients is how many clients of an origin an app has at most.
func mostClients(o auth.ClientOrigin) int {
	switch o {
	case auth.OriginDynamic:
		return maxDynamic
	case auth.OriginDocument:
		return maxDocuments
	}
	return maxClients
}

// resourcesExist refuses a client that names a resource which its app does not have. Those that it named before may have
// been deleted since.
func resourcesExist(tx *store.Tx, c auth.Client, before []string) error {
	for _, uri := range c.Settings.OAuth.Resources {
		if slices.Contains(before, uri) {
			continue
		}
		r, err := tx.ResourceByURI(uri)
		if errors.Is(err, store.ErrNotFound) || err == nil && r.App != c.App {
			return auth.Invalid("resources", auth.ViolationInvalid, "The app has no resource "+uri+".")
		}
		if err != nil {
			return fmt.Errorf("read a resource: %w", err)
		}
	}
	return nil
}

// clientChanged drops what caches hold of the client and of the app's origins, and records the change.
func (s *Service) clientChanged(tx *store.Tx, c auth.Caller, changed auth.Client, action string) error {
	tx.Invalidate(store.KindClient, string(changed.ID))
	tx.Invalidate(store.KindApp, string(changed.App))
	return s.audit.Record(tx, c, auth.Event{App: changed.App, Action: action, Outcome: "ok", User: c.User, Session: c.Session,
		Target: string(changed.ID), Data: originData(changed)})
}

// originData tells of clients that no administrator made.
func originData(c auth.Client) map[string]string {
	if o := c.Settings.OAuth.Origin(); o != auth.OriginAdministrator {
		return map[string]string{"origin": string(o)}
	}
	return nil
}

// ClientQuery is a place in the list of an app's clients: zero values start at the oldest.
type ClientQuery = store.ClientQuery

// ListClients reads the clients of an app, oldest first. Errors: CodeForbidden, CodeNotFound.
func (s *Service) ListClients(ctx context.Context, c auth.Caller, q ClientQuery) (list []auth.Client, err error) {
	if err := Manages(c, q.App); err != nil {
		return nil, err
	}
	err = s.db.Read(ctx, func(tx *store.Tx) error {
		if _, err := tx.App(q.App); err != nil {
			return missing(err, "app")
		}
		list, err = tx.Clients(q)
		return err
	})
	return list, err
}

// ShowClient reads one client of an app that the caller may manage. Errors: CodeForbidden, CodeNotFound.
func (s *Service) ShowClient(ctx context.Context, c auth.Caller, app auth.AppID, id auth.ClientID) (auth.Client, error) {
	if err := Manages(c, app); err != nil {
		return auth.Client{}, err
	}
	return s.Client(ctx, app, id)
}

// ClientChange is what to change of a client; nil leaves it as it is.
type ClientChange struct {
	Name           *string
	RedirectURIs   *[]string
	AllowedOrigins *[]string
	AccessTTL      *time.Duration // 0: what the door says
	RefreshTTL     *time.Duration
	OAuth          func(*auth.OAuthSettings) // nil: they stay
}

func (s *Service) apply(to *auth.Client, ch ClientChange) (err error) {
	set(&to.Name, ch.Name)
	set(&to.Settings.RedirectURIs, ch.RedirectURIs)
	set(&to.Settings.AllowedOrigins, ch.AllowedOrigins)
	set(&to.Settings.AccessTTL, ch.AccessTTL)
	set(&to.Settings.RefreshTTL, ch.RefreshTTL)
	if to.Name, err = checkName(to.Name); err != nil {
		return err
	}
	if ch.OAuth != nil {
		ch.OAuth(&to.Settings.OAuth)
	}
	to.Settings, err = s.checkClient(to.Settings)
	return err
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// UpdateClient changes a client. New origins count at once, on every node within a second; secrets end when the client
// proves itself by none any more. Errors are those of CreateClient but CodeLimitReached.
func (s *Service) UpdateClient(ctx context.Context, c auth.Caller, app auth.AppID, id auth.ClientID, change ClientChange) (out auth.Client, err error) {
	return s.changeClient(ctx, c, app, id, clientChange{action: "client.updated", apply: func(tx *store.Tx, to *auth.Client) error {
		before := to.Settings.OAuth
		if err := s.apply(to, change); err != nil {
			return err
		}
		return settled(tx, *to, before)
	}})
}

// settled ends the secrets of a client that proves itself by none any more, and refuses resources that there are not.
func settled(tx *store.Tx, c auth.Client, before auth.OAuthSettings) error {
	if before.AuthMethod.Secret() && !c.Settings.OAuth.AuthMethod.Secret() {
		if _, err := tx.RevokeClientSecrets(c.App, c.ID, auth.SecretOfClient); err != nil {
			return fmt.Errorf("end the secrets of a client: %w", err)
		}
	}
	return resourcesExist(tx, c, before.Resources)
}

// DeleteClient ends a client: its sessions are refused at once, and its id is not found any more. Errors:
// CodeForbidden, CodeNotFound, CodeConflict (the default client stays).
func (s *Service) DeleteClient(ctx context.Context, c auth.Caller, app auth.AppID, id auth.ClientID) error {
	_, err := s.changeClient(ctx, c, app, id, clientChange{action: "client.deleted", apply: end})
	return err
}

func end(tx *store.Tx, to *auth.Client) error {
	if to.Default {
		return auth.E(auth.CodeConflict, "The default client of an app cannot be deleted.")
	}
	to.Status, to.DeletedAt = auth.ClientDisabled, tx.Now()
	return nil
}

// clientChange is something that is done to a client whose row is held.
type clientChange struct {
	action string // of the audit log
	apply  func(tx *store.Tx, to *auth.Client) error
}

func (s *Service) changeClient(ctx context.Context, c auth.Caller, app auth.AppID, id auth.ClientID, change clientChange) (out auth.Client, err error) {
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		if err := s.Admit(tx, c, app); err != nil {
			return err
		}
		out, err = s.changeHeld(tx, c, app, id, change)
		return err
	})
	return out, err
}

func (s *Service) changeHeld(tx *store.Tx, c auth.Caller, app auth.AppID, id auth.ClientID, change clientChange) (auth.Client, error) {
	out, err := tx.ClientForUpdate(app, id)
	if err == nil && !out.DeletedAt.IsZero() {
		err = store.ErrNotFound
	}
	if err != nil {
		return auth.Client{}, missing(err, "client")
	}
	if err := change.apply(tx, &out); err != nil {
		return auth.Client{}, err
	}
	out.UpdatedAt = tx.Now()
	if _, err := tx.UpdateClient(out); err != nil {
		return auth.Client{}, fmt.Errorf("update client: %w", err)
	}
	return out, s.clientChanged(tx, c, out, change.action)
}

// Origins lists the allowed origins of all clients of an app, from the cache: what preflights answer for.
func (s *Service) Origins(ctx context.Context, app auth.AppID) ([]string, error) {
	return s.origins.Get(ctx, string(app), func(tx *store.Tx) ([]string, error) {
		clients, err := tx.Clients(store.ClientQuery{App: app, Limit: maxClients + maxDynamic + maxDocuments})
		var out []string
		for _, c := range clients {
			if c.Status == auth.ClientActive {
				out = append(out, c.Settings.AllowedOrigins...)
			}
		}
		slices.Sort(out)
		return slices.Compact(out), err
	})
}

// checkClient refuses what no client may have and answers the form that is stored.
func (s *Service) checkClient(settings auth.ClientSettings) (auth.ClientSettings, error) {
	settings, err := checkClientSettings(settings)
	if err != nil {
		return settings, err
	}
	settings.OAuth, err = s.checkOAuth(settings)
	return settings, err
}

// checkClientSettings looks at what every client has, those too that no OAuth endpoint serves.
func checkClientSettings(s auth.ClientSettings) (auth.ClientSettings, error) {
	switch {
	case len(s.RedirectURIs) > maxURIs:
		return s, auth.Invalid("redirect_uris", auth.ViolationTooMany, fmt.Sprintf("A client has at most %d.", maxURIs))
	case len(s.AllowedOrigins) > maxURIs:
		return s, auth.Invalid("allowed_origins", auth.ViolationTooMany, fmt.Sprintf("A client has at most %d.", maxURIs))
	case s.AccessTTL != 0 && (s.AccessTTL < minAccessTTL || s.AccessTTL > maxAccessTTL):
		return s, auth.Invalid("access_ttl", auth.ViolationInvalid, "An access token lives from a minute to a day.")
	case s.RefreshTTL != 0 && (s.RefreshTTL < minRefreshTTL || s.RefreshTTL > maxRefreshTTL):
		return s, auth.Invalid("refresh_ttl", auth.ViolationInvalid, "A session idles from 5 minutes to a year.")
	}
	for _, uri := range s.RedirectURIs {
		if why := badRedirect(uri); why != "" {
			return s, auth.Invalid("redirect_uris", auth.ViolationInvalid, why)
		}
	}
	origins := make([]string, 0, len(s.AllowedOrigins))
	for _, text := range s.AllowedOrigins {
		origin, ok := exactOrigin(text)
		if !ok {
			return s, auth.Invalid("allowed_origins", auth.ViolationInvalid,
				"An origin is scheme://host or scheme://host:port of https, or of http on the own machine, and nothing else.")
		}
		origins = append(origins, origin)
	}
	s.RedirectURIs, s.AllowedOrigins = unique(s.RedirectURIs), unique(origins)
	return s, nil
}

// unique keeps the first of each.
func unique(list []string) []string {
	var out []string
	for _, v := range list {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// badRedirect says what is wrong with a redirect URI; empty if nothing is. Redirects go to exactly what is registered
// (RFC 9700 section 2.1): https, http on the own machine (RFC 8252 section 7.3), or a private scheme that is a domain
// name backwards (section 7.1), so that `javascript:` and `data:` cannot even be registered (WB-09).
func badRedirect(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || len(text) > maxURI || !visible(text) || strings.Contains(text, `\`):
		return "A redirect URI is an absolute URI without spaces."
	case strings.Contains(text, "*"):
		return "A redirect URI has no wildcards."
	case strings.Contains(text, "#"):
		return "A redirect URI has no fragment."
	case u.User != nil:
		return "A redirect URI names no user."
	}
	switch u.Scheme {
	case "https":
		if u.Hostname() == "" {
			return "A redirect URI names a host."
		}
	case "http":
		if !loopback(u.Hostname()) {
			return "Plain http goes to the own machine alone: 127.0.0.1, [::1] or localhost."
		}
	default:
		if !strings.Contains(u.Scheme, ".") {
			return "A scheme of an app's own is a domain name backwards, such as com.example.app."
		}
	}
	return ""
}

// exactOrigin is an origin as browsers write it (RFC 6454 section 6.2): lower case, no default port.
func exactOrigin(text string) (string, bool) {
	if len(text) > maxURI || !visible(text) || strings.ContainsAny(text, `#*\?@`) {
		return "", false
	}
	u, err := url.Parse(text)
	if err != nil || u.Path != "" || u.Hostname() == "" || strings.HasSuffix(u.Host, ":") {
		return "", false
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return "", false
	}
	host := strings.ToLower(u.Host)
	if port := u.Port(); u.Scheme == "https" && port == defaultHTTPSPort || u.Scheme == "http" && port == defaultHTTPPort {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return u.Scheme + "://" + host, true
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// visible reports whether text has printable ASCII alone; other hosts are written as A-labels.
func visible(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}
