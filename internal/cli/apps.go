package cli

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/client"
)

type appsCmd struct {
	List    appsListCmd    `cmd:"" help:"List the apps."`
	Create  appsCreateCmd  `cmd:"" help:"Make an app."`
	Show    appsShowCmd    `cmd:"" help:"Show an app."`
	Update  appsUpdateCmd  `cmd:"" help:"Change an app: what is left out stays, an empty text takes a setting back."`
	Disable appsDisableCmd `cmd:"" help:"Close an app at once: its people, keys and clients are refused."`
	Enable  appsEnableCmd  `cmd:"" help:"Open an app again."`
	Keys    appKeysCmd     `cmd:"" help:"Keys that identify an app."`
}

type appsListCmd struct{}

// Run lists the apps.
func (appsListCmd) Run(e *env) error {
	return e.ask("", func(c *client.Client) error {
		apps, err := listApps(e.ctx, c)
		if err != nil {
			return err
		}
		return e.showApps(apps, apps)
	})
}

func listApps(ctx context.Context, c *client.Client) ([]client.App, error) {
	return all(ctx, func(ctx context.Context, p client.Paging) ([]client.App, string, error) {
		page, err := c.ListApps(ctx, p)
		return page.Apps, page.NextCursor, err
	})
}

type appsCreateCmd struct {
	Name     string `arg:"" optional:"" help:"Name that people see."`
	NameFlag string `name:"name" placeholder:"NAME" help:"The same."`
}

// Run makes an app.
func (c appsCreateCmd) Run(e *env) error {
	name := first(c.Name, c.NameFlag)
	if name == "" {
		return errors.New("an app needs a name: ostiary apps create NAME")
	}
	return e.ask("", func(ask *client.Client) error {
		app, err := ask.CreateApp(e.ctx, name)
		if err != nil {
			return err
		}
		return e.showApps(app, []client.App{app})
	})
}

type appsShowCmd struct {
	ID string `arg:"" help:"Id of the app."`
}

// Run shows an app.
func (c appsShowCmd) Run(e *env) error {
	return e.ask("", func(ask *client.Client) error {
		app, err := ask.GetApp(e.ctx, c.ID)
		if err != nil {
			return err
		}
		return e.showApps(app, []client.App{app})
	})
}

type appsDisableCmd struct {
	ID string `arg:"" help:"Id of the app."`
}

// Run closes an app.
func (c appsDisableCmd) Run(e *env) error {
	return one(e, "", e.showApps, func(ask *client.Client) (client.App, error) { return ask.DisableApp(e.ctx, c.ID) })
}

type appsEnableCmd struct {
	ID string `arg:"" help:"Id of the app."`
}

// Run opens an app again.
func (c appsEnableCmd) Run(e *env) error {
	return one(e, "", e.showApps, func(ask *client.Client) (client.App, error) { return ask.EnableApp(e.ctx, c.ID) })
}

type appsUpdateCmd struct {
	ID                string   `arg:"" help:"Id of the app."`
	Name              *string  `help:"Name that people see."`
	Registration      *string  `placeholder:"MODE" help:"How people sign up: open, invite-code, invite, waitlist or closed."`
	MetadataDocuments *string  `placeholder:"yes|no" enum:",yes,no" help:"Whether clients that nobody registered are known by a document at their client id."`
	AccountsOnSignUp  *string  `placeholder:"yes|no" enum:",yes,no" help:"Whether everybody who signs up gets an account."`
	PasswordMin       *int     `placeholder:"N" help:"Least length of a password, 8 to 128; 0: as the door says."`
	Locale            *string  `placeholder:"TAG" help:"Language of mails and pages for people who say none, such as de."`
	Attribute         []string `placeholder:"NAME=TYPE:WRITER[:MAX]" help:"Field that users have beyond ours: string, integer, number or boolean, written by user or admin; NAME=none ends it. May be repeated."`
	Permission        []string `placeholder:"ROLE=NAME,NAME" help:"What a role may do, for the claim permissions; ROLE=none ends it. May be repeated." sep:"none"`
	SigningAlgorithm  *string  `placeholder:"ALG" help:"Of access tokens: ES256, EdDSA, RS256, or HS256 for old resource servers (ostiary keys shared)."`

	Accent  *string `placeholder:"#RRGGBB" help:"Colour of the app on pages; none takes it away."`
	Logo    *string `placeholder:"FILE" help:"PNG, JPEG or WebP file of at most 40 KiB; none takes it away."`
	Terms   *string `placeholder:"URL" help:"https address of the terms of use; none takes it away."`
	Privacy *string `placeholder:"URL" help:"https address of the privacy statement; none takes it away."`
	Support *string `placeholder:"ADDRESS" help:"Mail address for people who need help; none takes it away."`

	Challenge              *string  `placeholder:"KIND" help:"What strangers must show before they sign up, sign in or have a mail sent: none, allow-list, turnstile, hcaptcha or recaptcha."`
	ChallengeSecretFile    *string  `placeholder:"FILE" help:"File with the secret of the app at the service; - reads it from the input."`
	ChallengeSiteKey       []string `sep:"none" placeholder:"KEY" help:"Public site key; may be repeated."`
	ChallengeHostname      []string `sep:"none" placeholder:"HOST" help:"Host of a page that may show the widget; may be repeated."`
	ChallengeMinScore      *float64 `placeholder:"N" help:"Least score of reCAPTCHA v3, 0 to 1."`
	ChallengeCheckAction   *string  `placeholder:"yes|no" enum:",yes,no" help:"Whether the widget must name the operation as its action."`
	ChallengeExemptAppKeys *string  `placeholder:"yes|no" enum:",yes,no" help:"Whether requests with a key of the app need no response."`
}

// Run changes an app.
func (c appsUpdateCmd) Run(e *env) error {
	change := map[string]any{}
	setName(change, c.Name)
	setTexts(change, map[string]*string{"registration": c.Registration, "locale": c.Locale, "signing_algorithm": c.SigningAlgorithm})
	if err := c.settings(change); err != nil {
		return err
	}
	challenge, err := c.challenge(e)
	if err != nil {
		return err
	}
	if len(challenge) > 0 {
		change["challenge"] = challenge
	}
	brand, err := c.brand()
	if err != nil {
		return err
	}
	if len(brand) > 0 {
		change["brand"] = brand
	}
	return e.ask("", func(ask *client.Client) error {
		app, err := ask.UpdateApp(e.ctx, c.ID, 0, change)
		if err != nil {
			return err
		}
		return e.showApps(app, []client.App{app})
	})
}

// attributeRules reads NAME=TYPE:WRITER:MAX, the last left out where it is not meant, and NAME=none.
func attributeRules(flags []string) (map[string]any, error) {
	rules := map[string]any{}
	for _, flag := range flags {
		name, text, found := strings.Cut(flag, "=")
		parts := strings.Split(text, ":")
		switch {
		case found && text == "none":
			rules[name] = nil
		case found && (len(parts) == 2 || len(parts) == 3):
			rule := client.AttributeRule{Type: parts[0], Writer: parts[1]}
			if len(parts) == 3 {
				most, err := strconv.Atoi(parts[2])
				if err != nil {
					return nil, fmt.Errorf("--attribute %s: %q is no length", flag, parts[2])
				}
				rule.MaxLength = most
			}
			rules[name] = rule
		default:
			return nil, fmt.Errorf("--attribute %s: write NAME=TYPE:WRITER, such as branch=string:user, or NAME=none", flag)
		}
	}
	return rules, nil
}

// settings is the part of the change that is neither text nor looks nor challenge.
func (c appsUpdateCmd) settings(change map[string]any) error {
	setYesNo(change, "client_id_metadata_documents", c.MetadataDocuments)
	setYesNo(change, "accounts_on_sign_up", c.AccountsOnSignUp)
	set(change, "password_min", c.PasswordMin)
	if len(c.Permission) > 0 {
		lists, err := permissions(c.Permission)
		if err != nil {
			return err
		}
		change["permissions"] = lists
	}
	if len(c.Attribute) > 0 {
		rules, err := attributeRules(c.Attribute)
		if err != nil {
			return err
		}
		change["attributes"] = rules
	}
	return nil
}

// permissions reads flags of the form ROLE=NAME,NAME.
func permissions(flags []string) (map[string]any, error) {
	lists := map[string]any{}
	for _, flag := range flags {
		role, text, found := strings.Cut(flag, "=")
		switch {
		case !found || role == "" || text == "":
			return nil, fmt.Errorf("--permission %s: write ROLE=NAME,NAME, such as owner=billing,members, or ROLE=none", flag)
		case text == "none":
			lists[role] = nil
		default:
			lists[role] = strings.Split(text, ",")
		}
	}
	return lists, nil
}

// brand is the part of the change that is about the looks of the app.
func (c appsUpdateCmd) brand() (map[string]any, error) {
	change := map[string]any{}
	setOrNone(change, map[string]*string{"accent": c.Accent, "terms_url": c.Terms, "privacy_url": c.Privacy, "support_email": c.Support,
		"logo": c.Logo})
	if change["logo"] == nil {
		return change, nil
	}
	file, err := os.ReadFile(*c.Logo)
	change["logo"] = base64.StdEncoding.EncodeToString(file)
	return change, err
}

// challenge is the part of the change that is about challenges.
func (c appsUpdateCmd) challenge(e *env) (map[string]any, error) {
	change := map[string]any{}
	setTexts(change, map[string]*string{"kind": c.Challenge, "secret": c.ChallengeSecretFile})
	if c.ChallengeSecretFile != nil && *c.ChallengeSecretFile != "" {
		secret, err := e.secretFile(*c.ChallengeSecretFile)
		if err != nil {
			return nil, err
		}
		change["secret"] = secret
	}
	setLists(change, map[string][]string{"site_keys": c.ChallengeSiteKey, "hostnames": c.ChallengeHostname})
	set(change, "min_score", c.ChallengeMinScore)
	setYesNo(change, "check_action", c.ChallengeCheckAction)
	setYesNo(change, "exempt_app_keys", c.ChallengeExemptAppKeys)
	return change, nil
}

func (e *env) showApps(value any, apps []client.App) error {
	var rows [][]string
	for _, a := range apps {
		rows = append(rows, []string{a.ID, a.Name, a.Status, a.Registration, a.Challenge.Kind, when(a.CreatedAt)})
	}
	return e.show(value, table([]string{"id", "name", "status", "sign-up", "challenge", "created"}, rows))
}

type appKeysCmd struct {
	Create appKeysCreateCmd `cmd:"" help:"Make a key; it is shown once."`
	List   appKeysListCmd   `cmd:"" help:"List the keys of an app."`
	Revoke appKeysRevokeCmd `cmd:"" help:"End a key at once."`
}

type appKeysCreateCmd struct {
	App       string `arg:"" optional:"" default:"default" help:"Id of the app."`
	AppFlag   string `name:"app" placeholder:"ID" help:"The same."`
	Name      string `default:"command line" help:"What the key is for."`
	ExpiresIn string `placeholder:"365d" help:"How long it works; left out: until it is revoked."`
}

// newAppKey is what `apps keys create` prints.
type newAppKey struct {
	ID        string     `json:"id"`
	App       string     `json:"app"`
	Name      string     `json:"name"`
	Key       string     `json:"key"`
	ExpiresAt *time.Time `json:"expires_at"`
}

// Run makes an app key.
func (c appKeysCreateCmd) Run(e *env) error {
	return e.ask("", func(ask *client.Client) error {
		made, err := ask.CreateAppKey(e.ctx, first(c.AppFlag, c.App), c.Name, c.ExpiresIn)
		if err != nil {
			return err
		}
		out := newAppKey{ID: made.AppKey.ID, App: made.AppKey.AppID, Name: made.AppKey.Name, Key: made.Secret, ExpiresAt: made.AppKey.ExpiresAt}
		return e.show(out, func(w io.Writer) {
			_, _ = fmt.Fprintf(w, "%s\n\nThis is the only time the key is shown. Its id is %s, its app %s.\n", out.Key, out.ID, out.App)
		})
	})
}

type appKeysListCmd struct {
	App     string `arg:"" optional:"" default:"default" help:"Id of the app."`
	AppFlag string `name:"app" placeholder:"ID" help:"The same."`
}

// Run lists the keys of an app.
func (c appKeysListCmd) Run(e *env) error {
	return e.ask("", func(ask *client.Client) error {
		keys, err := all(e.ctx, func(ctx context.Context, p client.Paging) ([]client.AppKey, string, error) {
			page, err := ask.ListAppKeys(ctx, first(c.AppFlag, c.App), p)
			return page.AppKeys, page.NextCursor, err
		})
		if err != nil {
			return err
		}
		var rows [][]string
		for _, k := range keys {
			rows = append(rows, []string{k.ID, k.Name, k.Prefix + "...", when(k.ExpiresAt), when(k.LastUsedAt)})
		}
		return e.show(keys, table([]string{"id", "name", "key", "expires", "last used"}, rows))
	})
}

type appKeysRevokeCmd struct {
	ID  string `arg:"" help:"Id of the key."`
	App string `default:"default" placeholder:"ID" help:"Id of the app (${default})."`
}

// Run ends an app key.
func (c appKeysRevokeCmd) Run(e *env) error {
	return e.ask("", func(ask *client.Client) error {
		if err := ask.RevokeAppKey(e.ctx, c.App, c.ID); err != nil {
			return err
		}
		return e.show(map[string]string{"id": c.ID, "app": c.App, "status": "revoked"}, func(w io.Writer) {
			_, _ = fmt.Fprintf(w, "%s is revoked.\n", c.ID)
		})
	})
}

// first is the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
