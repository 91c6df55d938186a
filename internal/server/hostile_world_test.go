package server_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// world is a server on which much has happened, and what a stranger might know or guess of it.
type world struct {
	i      *servertest.Instance
	rand   *rand.Rand
	serial int
	// known are values by the name of the input that they fit.
	known map[string][]string
	// likely are the two that most requests carry: an administrator and a member, replaced when they are used up.
	likely [2][2]string
	// credentials are request headers of people, keys and what is none of them any more.
	credentials [][2]string
	// secrets are what no answer and no log line may hold.
	secrets []string
}

func (w *world) know(input string, values ...string) {
	w.known[input] = append(w.known[input], values...)
}

func (w *world) credential(header, value string) {
	w.credentials = append(w.credentials, [2]string{header, value})
}

// secret is remembered and handed back.
func (w *world) secret(s string) string {
	w.secrets = append(w.secrets, s)
	return s
}

// hostileLimits leaves the budgets of guesses on or takes them all away.
func hostileLimits(on bool) servertest.Option {
	return servertest.Configure(func(c *config.Config) {
		if on {
			return
		}
		for _, name := range []string{"register.network", "check-email.network", "mail.recipient", "mail.network", "mail.app",
			"sign-in.account", "sign-in.network", "second-factor.account", "proof.network"} {
			c.Limits[name] = config.Limit{Off: true}
		}
	})
}

// newWorld fills a server: an administrator, members of an account, somebody with a second factor, somebody unverified,
// somebody disabled, somebody of another app; keys of every kind, invitations, codes, waiting lists and mailed links.
func newWorld(t testing.TB, i *servertest.Instance, r *rand.Rand) *world {
	t.Helper()
	ctx := t.Context()
	w := &world{i: i, rand: r, known: map[string][]string{}}
	ada := ok[client.SignedIn](t)(i.Client.CreateFirstAdministrator(ctx, client.Setup{Token: i.SetupToken(), Email: "ada@example.com", Password: phrase, Name: "Ada"}))
	w.credential("Authorization", "Bearer "+w.secret(ada.Tokens.AccessToken))
	jo := signUp(t, i, i.Client, "jo@example.com")
	w.credential("Authorization", "Bearer "+w.secret(jo.Tokens.AccessToken))
	me := i.Client.WithToken(jo.Tokens.AccessToken)
	w.know("users", jo.User.ID, ada.User.ID)
	w.know("email", "jo@example.com", "ada@example.com", "nobody@example.com")
	w.know("refresh_token", jo.Tokens.RefreshToken)

	acme := ok[client.Account](t)(me.CreateAccount(ctx, client.NewAccount{Name: "Acme"}))
	w.know("accounts", acme.ID)
	ok[client.Invite](t)(me.CreateInvite(ctx, client.NewInvite{Email: "guest@example.com", AccountID: acme.ID, Role: "viewer"}))
	w.know("token", mailed(t, i, "guest@example.com"))
	entry := ok[client.WaitlistEntry](t)(me.JoinWaitlist(ctx, "beta"))
	w.know("feature", "beta")
	w.know("waitlist-entries", entry.ID)
	ok[client.InviteCode](t)(i.Operator.CreateInviteCode(ctx, client.NewInviteCode{Code: "FRIENDS", Uses: 100, Credit: 5}))
	w.know("invite_code", "FRIENDS")
	shop := ok[client.AppClient](t)(i.Operator.CreateClient(ctx, "default", client.NewClient{Name: "Shop", AllowedOrigins: []string{"https://shop.example"}}))
	w.know("client_id", "default", shop.ID)
	w.know("clients", shop.ID)

	key := ok[client.NewAPIKey](t)(me.CreateAPIKey(ctx, client.KeyRequest{Name: "k", Scopes: []string{"account:read", "account:write",
		"api-keys:read", "api-keys:write", "accounts:read", "accounts:write"}}))
	w.know("tokens", key.APIKey.ID)
	w.credential("Authorization", "Bearer "+w.secret(key.Secret))
	w.credential("X-Api-Key", key.Secret)
	door := ok[client.NewAppKey](t)(i.Operator.CreateAppKey(ctx, "default", "door", ""))
	w.know("keys", door.AppKey.ID)
	appKey := door.Secret
	w.credential("X-Api-Key", w.secret(appKey))
	w.credential("X-App-Key", appKey)
	w.others(t)
	w.browsers(t)
	w.know("app", "default", "nothing")
	w.know("app_id", "default", "nothing")
	w.know("password", phrase)
	w.know("current_password", phrase)
	w.know("role", "user", "owner", "viewer")
	w.refill(t)
	return w
}

// refill replaces who can no longer act, because a request signed them out, and brings in the newest mailed links.
func (w *world) refill(t testing.TB) {
	t.Helper()
	for n, role := range []string{"admin", "user"} {
		token := strings.TrimPrefix(w.likely[n][1], "Bearer ")
		if _, err := w.i.Client.WithToken(token).GetMe(t.Context()); token != "" && err == nil {
			continue
		}
		w.serial++
		email := fmt.Sprintf("%s%d@example.com", role, w.serial)
		made, err := w.i.Operator.CreateUser(t.Context(), client.NewUser{Email: email, EmailVerified: true, Password: phrase, Role: role, Username: fmt.Sprintf("%s%d", role, w.serial)})
		if err != nil {
			t.Fatal(err)
		}
		in, err := w.i.Client.SignIn(t.Context(), client.SignIn{Identifier: email, Password: phrase})
		if err != nil {
			t.Logf("nobody new can sign in: %v", err) // a request may have closed the app or spent the guesses
			return
		}
		w.likely[n] = [2]string{"Authorization", "Bearer " + in.Tokens.AccessToken}
		w.own(t, made.ID, w.i.Client.WithToken(in.Tokens.AccessToken))
		w.know("email", email)
		w.know("refresh_token", in.Tokens.RefreshToken)
	}
	_ = w.i.Client.RequestPasswordReset(t.Context(), pick(w.rand, w.known["email"])) // a budget may be spent
	_, _ = w.i.Client.SendMagicLink(t.Context(), pick(w.rand, w.known["email"]))
	var tokens []string
	none(t, w.i.Server.Work(t.Context())) // not by w.i, which belongs to the test that began it and not to a fuzzer's
	mails, err := w.i.Server.Inbox().List(t.Context(), 50)
	none(t, err)
	for _, m := range mails {
		for _, link := range m.Links {
			if u, err := url.Parse(link); err == nil && u.Query().Get("token") != "" && len(tokens) < 12 {
				tokens = append(tokens, w.secret(u.Query().Get("token")))
			}
		}
	}
	w.known["token"] = tokens
}

// own gives a user one thing of each kind, and makes their ids known by the path segment before them.
func (w *world) own(t testing.TB, user string, me *client.Client) {
	t.Helper()
	ctx := t.Context()
	w.know("users", user)
	w.know("user", user)
	w.know("members", user)
	for range 3 {
		key, err := me.CreateAPIKey(ctx, client.KeyRequest{Name: fmt.Sprint("k", len(w.known["tokens"])), Scopes: []string{"account:read"}})
		none(t, err)
		w.known["tokens"] = append(w.known["tokens"], key.APIKey.ID)
	}
	w.known["api-keys"] = w.known["tokens"]
	acme, err := me.CreateAccount(ctx, client.NewAccount{Name: "Acme"})
	none(t, err)
	invite, err := me.CreateInvite(ctx, client.NewInvite{Email: fmt.Sprintf("guest%d@example.com", w.serial), AccountID: acme.ID, Role: "viewer"})
	if err == nil { // a budget of mails may be spent
		w.know("invites", invite.ID)
	}
	w.know("accounts", acme.ID)
	w.known["account_id"] = w.known["accounts"]
	w.known["user_id"] = w.known["users"]
	w.know("sessions", w.sessionOf(t, me))
	code, err := w.i.Operator.CreateInviteCode(ctx, client.NewInviteCode{})
	none(t, err)
	w.know("invite-codes", code.ID)
}

func (w *world) sessionOf(t testing.TB, me *client.Client) string {
	t.Helper()
	who, err := me.GetMe(t.Context())
	none(t, err)
	return who.SessionID
}

// others are people for whom things are not as usual.
func (w *world) others(t testing.TB) {
	t.Helper()
	ctx, i := t.Context(), w.i
	tess := signUp(t, i, i.Client, "tess@example.com")
	hers := i.Client.WithToken(tess.Tokens.AccessToken)
	totp := ok[client.TOTP](t)(hers.BeginTOTP(ctx, ""))
	for _, c := range ok[[]string](t)(hers.ConfirmTOTP(ctx, code(t, i, w.secret(totp.Secret)))) {
		w.know("code", w.secret(c))
	}
	half := ok[client.SignInResult](t)(i.Client.SignIn(ctx, client.SignIn{Identifier: "tess@example.com", Password: phrase}))
	w.know("token", w.secret(half.Challenge.Token))
	w.know("email", "tess@example.com")

	wire := newWire(t, i)
	fresh := wire.ask("POST", "/v1/auth/register", object{"email": "una@example.com", "password": phrase, "name": "Una"}).want(201)
	w.credential("Authorization", "Bearer "+fresh.text("token"))
	w.know("token", w.secret(mailed(t, i, "una@example.com")))

	dan := signUp(t, i, i.Client, "dan@example.com")
	w.credential("Authorization", "Bearer "+dan.Tokens.AccessToken)
	ok[client.User](t)(i.Operator.DisableUser(ctx, dan.User.ID))
	w.know("users", dan.User.ID)
	w.know("email", "una@example.com", "dan@example.com")

	other := ok[client.App](t)(i.Operator.CreateApp(ctx, "Elsewhere"))
	eve := ok[client.User](t)(i.Operator.WithApp(other.ID).CreateUser(ctx, client.NewUser{Email: "eve@example.com", Password: phrase}))
	foreign := ok[client.NewAppKey](t)(i.Operator.CreateAppKey(ctx, other.ID, "door", "")).Secret
	w.credential("X-Api-Key", w.secret(foreign))
	w.credential("X-App-Key", foreign)
	w.know("users", eve.ID)
	w.know("apps", "default", "default", other.ID)
	w.know("app", other.ID)
	none(t, i.Client.RequestPasswordReset(ctx, "jo@example.com"))
	w.know("token", w.secret(mailed(t, i, "jo@example.com")))
}

// browsers are cookies that a browser would hold.
func (w *world) browsers(t testing.TB) {
	t.Helper()
	wire := newWire(t, w.i)
	for _, in := range []reply{
		wire.ask("POST", "/api/v1/auth/login", url.Values{"username": {"jo@example.com"}, "password": {phrase}}).want(200),
		wire.ask("POST", "/auth/sign-in", object{"client_id": "default", "email": "jo@example.com", "password": phrase}).want(200),
	} {
		var line []string
		response := http.Response{Header: in.Header}
		for _, c := range response.Cookies() {
			line = append(line, c.Name+"="+w.secret(c.Value))
		}
		w.credential("Cookie", strings.Join(line, "; "))
	}
}

// pick is one of a list.
func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }
