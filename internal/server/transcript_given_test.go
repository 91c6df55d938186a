package server_test

import (
	"regexp"
	"strconv"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// limitsOf sets the limiters that the directives `limit NAME MAX` of a transcript name, each for a minute. They hold
// for the whole transcript, because a server reads its limits when it starts.
func limitsOf(exchanges []exchange) servertest.Option {
	return servertest.Configure(func(c *config.Config) {
		for _, e := range exchanges {
			for _, d := range e.directives {
				if d[0] == "limit" {
					most, _ := strconv.Atoi(d[2]) // what is no number is refused as a limit
					c.Limits[d[1]] = config.Limit{Max: most, Per: time.Minute}
				}
			}
		}
	})
}

// prepare does what directives ask for before the request. They set variables: `mail NAME ADDRESS` (the token of the
// newest link), `mail-code NAME ADDRESS`, `totp NAME SECRET`, `app-key NAME`, `foreign-key NAME` (of another app), `administrator NAME` (an access token),
// `account NAME ADDRESS` (the id of an account that the user owns); or they make something true: `advance DURATION`,
// `invite ADDRESS ACCOUNT` (a variable, or nothing: to the app), `invite-code CODE CREDIT`, `registration MODE`, `disable ADDRESS`, `verify ADDRESS`, `provider NAME DOMAIN` (an identity provider
// that is the authority for the domain), `person ID ADDRESS` (who sits at it); `travel CODE STATE LOCATION` goes to the provider, by
// the variable LOCATION, and takes what it sends back.
func (c *conversation) prepare(e exchange) {
	c.t.Helper()
	ctx := c.t.Context()
	c.i.Clock.Advance(time.Second)
	for _, d := range e.directives {
		switch d[0] {
		case "capture", "limit":
		case "advance":
			span, err := time.ParseDuration(d[1])
			none(c.t, err)
			c.i.Clock.Advance(span)
		case "mail":
			c.vars[d[1]] = mailed(c.t, c.i, d[2])
		case "mail-code":
			c.vars[d[1]] = regexp.MustCompile(`: (\d{6})\n`).FindStringSubmatch(c.i.Inbox(d[2]).Text)[1]
		case "totp":
			c.vars[d[1]] = code(c.t, c.i, c.vars[d[2]])
		case "app-key":
			c.vars[d[1]] = ok[client.NewAppKey](c.t)(c.i.Operator.CreateAppKey(ctx, "default", "door", "")).Secret
		case "foreign-key":
			app := ok[client.App](c.t)(c.i.Operator.CreateApp(ctx, "Another"))
			c.vars[d[1]] = ok[client.NewAppKey](c.t)(c.i.Operator.CreateAppKey(ctx, app.ID, "door", "")).Secret
		case "administrator":
			c.vars[d[1]] = ok[client.SignedIn](c.t)(c.i.Client.CreateFirstAdministrator(ctx, client.Setup{Token: c.i.SetupToken(),
				Email: "admin@example.com", Password: phrase, Name: "Ada"})).Tokens.AccessToken
			c.i.Clock.Advance(time.Second) // what comes next is later
		case "account":
			owner := ok[client.User](c.t)(c.i.Operator.GetUser(ctx, d[2]))
			c.vars[d[1]] = ok[client.Account](c.t)(c.i.Operator.CreateAccount(ctx, client.NewAccount{Name: "Acme", OwnerID: owner.ID})).ID
		case "invite":
			i := client.NewInvite{Email: d[1]}
			if len(d) > 2 {
				i.AccountID = c.vars[d[2]]
			}
			ok[client.Invite](c.t)(c.i.Operator.CreateInvite(ctx, i))
		case "invite-code":
			credit, err := strconv.ParseFloat(d[2], 64)
			none(c.t, err)
			ok[client.InviteCode](c.t)(c.i.Operator.CreateInviteCode(ctx, client.NewInviteCode{Code: d[1], Uses: 1, Credit: credit}))
		case "registration":
			ok[client.App](c.t)(c.i.Operator.UpdateApp(ctx, "default", 0, map[string]any{"registration": d[1]}))
		case "verify":
			none(c.t, c.i.Client.VerifyEmail(ctx, mailed(c.t, c.i, d[1])))
		case "disable":
			user := ok[client.User](c.t)(c.i.Operator.GetUser(ctx, d[1]))
			ok[client.User](c.t)(c.i.Operator.DisableUser(ctx, user.ID))
		case "provider":
			c.club = startUpstream(c.t)
			c.club.connect(c.i, d[1], shopURI, d[2])
		case "person":
			c.club.as(object{"id": d[1], "email": d[2], "email_verified": true, "name": "Kim"})
		case "travel":
			back := c.club.answer(c.vars[d[3]])
			c.vars[d[1]], c.vars[d[2]] = back.Get("code"), back.Get("state")
		default:
			c.t.Fatalf("no directive %q", d[0])
		}
	}
}
