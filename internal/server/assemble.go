package server

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/ostiary-id/ostiary/internal/account"
	oauthdoor "github.com/ostiary-id/ostiary/internal/api/oauth"
	"github.com/ostiary-id/ostiary/internal/apikey"
	"github.com/ostiary-id/ostiary/internal/app"
	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/challenge"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/factor"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/geo"
	"github.com/ostiary-id/ostiary/internal/grant"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/invite"
	"github.com/ostiary-id/ostiary/internal/lifecycle"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/login"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/oauth"
	"github.com/ostiary-id/ostiary/internal/operation"
	"github.com/ostiary-id/ostiary/internal/outbound"
	"github.com/ostiary-id/ostiary/internal/proof"
	"github.com/ostiary-id/ostiary/internal/queue"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/signer"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/telemetry"
	"github.com/ostiary-id/ostiary/internal/ui"
	"github.com/ostiary-id/ostiary/internal/user"
	"github.com/ostiary-id/ostiary/internal/waitlist"
	"github.com/ostiary-id/ostiary/web"
)

// house is everything that a server is made of, from the words up.
type house struct {
	metrics *telemetry.Metrics
	traces  *telemetry.Traces

	db       *store.DB
	keys     *secret.Keys
	pool     *secret.Pool
	outbound *outbound.Client

	audit      *audit.Log
	queue      *queue.Queue
	proofs     *proof.Ledger
	challenges *challenge.Verifier
	signer     *signer.Signer
	limits     *limit.Limits

	apps       *app.Service
	factors    *factor.Factors
	sessions   *session.Service
	apikeys    *apikey.Service
	accounts   *account.Service
	invites    *invite.Service
	waits      *waitlist.Service
	federation *federation.Service
	library    *web.Library
	geo        *geo.File // nil: none is configured
	mailer     *mail.Mailer
	inbox      *mail.Inbox // nil: there is none

	users     *user.Directory
	login     *login.Service
	lifecycle *lifecycle.Service
	oauth     *oauth.Service
	late      *late
	catalogue *operation.Catalogue
	engine    *contract.Engine
	pages     *ui.Pages
	door      *oauthdoor.Door
	jwks      http.Handler
}

// userCache is how many users are kept for the answers that show one.
const userCache = 10_000

// loaded is a contract engine on its way.
type loaded struct {
	engine *contract.Engine
	err    error
}

// assemble builds the house in one list. The documents are compiled while the database opens; on the very first start,
// when there is no master key yet, afterwards.
func assemble(ctx context.Context, c config.Config, p plan, o Options) (_ *house, err error) {
	h := &house{late: &late{plan: operation.New(operation.Deps{})}}
	if h.library, err = Templates(c); err != nil {
		return nil, err
	}
	master, found, err := findMaster(c)
	if err != nil {
		return nil, err
	}
	engine := make(chan loaded, 1)
	if found {
		go func() { engine <- h.load(ctx, c, p, o, master.key) }()
	}
	defer func() {
		if err != nil {
			h.close(ctx)
		}
	}()
	if h.db, err = openStore(ctx, c, o); err == nil {
		h.keys, err = tie(ctx, h.db, master, found, o.Rand)
	}
	if err == nil {
		err = h.furnish(ctx, c, p, o)
	}
	if !found && err == nil {
		if master, _, err = findMaster(c); err == nil {
			go func() { engine <- h.load(ctx, c, p, o, master.key) }()
			found = true
		}
	}
	if found {
		result := <-engine
		h.engine = result.engine
		err = errors.Join(err, result.err)
	}
	if err != nil {
		return nil, err
	}
	return h, h.open(c, o)
}

// load compiles the documents. The engine's own keys come from the master key and not from the root key, which lies
// in the database; they bind CSRF tokens to sessions and nothing that is stored.
func (h *house) load(ctx context.Context, c config.Config, p plan, o Options, m secret.Master) loaded {
	keys, err := secret.NewKeys(m)
	if err != nil {
		return loaded{err: err}
	}
	engine, err := contract.New(ctx, contract.Options{
		Operations: h.late, Credentials: h.late, Mounts: p.mounts, PublicURL: c.PublicBase(), Rand: o.Rand,
		Keys: keys, Origins: h.origins, AppName: h.appName, Words: h.words, Reserved: reserved(),
	})
	return loaded{engine, err}
}

// furnish makes ledgers, nouns, flows and the catalogue over an open database.
func (h *house) furnish(ctx context.Context, c config.Config, p plan, o Options) (err error) {
	h.metrics = telemetry.NewMetrics()
	h.traces, err = telemetry.StartTraces(ctx, telemetry.TraceOptions{Endpoint: c.Telemetry.Traces.Endpoint, Sample: p.sample, Version: o.Version})
	if err != nil {
		return err
	}
	h.pool = secret.NewPool(poolOptions(c.Password, o))
	h.outbound = outbound.New(outboundOptions(c.Outbound, p.roots))

	h.audit = &audit.Log{Keys: h.keys, Rand: o.Rand, Logger: o.Logger}
	h.queue = &queue.Queue{Keys: h.keys, Rand: o.Rand}
	h.proofs = &proof.Ledger{Rand: o.Rand, TTL: proofLifetimes(c.Lifetimes)}
	h.signer = signer.New(signer.Options{DB: h.db, Keys: h.keys, Clock: o.Clock, Rand: o.Rand, Issuer: c.PublicBase(),
		Overlap: c.Lifetimes.SigningOverlap, Period: c.Lifetimes.SigningPeriod})
	if err := h.signer.Start(ctx); err != nil {
		return err
	}
	h.limits = limit.New(limit.Options{DB: h.db, Keys: h.keys, Clock: o.Clock, Settings: p.limits})

	h.challenges = challenge.New(challenge.Options{Keys: h.keys, Post: h.outbound, URLs: challengeURLs(c.Challenge), Clock: o.Clock,
		Logger: o.Logger, Timeout: c.Challenge.Timeout})

	endWaiting := func(tx *store.Tx, app auth.AppID, user auth.UserID) error { return grant.EndWaiting(tx, app, user, "") }
	tellReused := func(tx *store.Tx, c auth.Caller, ended auth.Session) error { return h.login.TellReused(tx, c, ended) } // made below
	h.sessions = session.New(session.Options{DB: h.db, Signer: h.signer, Keys: h.keys, Audit: h.audit, Queue: h.queue, EndWaiting: endWaiting,
		Reused: tellReused, Clock: o.Clock, Rand: o.Rand, Settings: sessionSettings(c.Lifetimes)})
	h.apps = app.New(app.Options{DB: h.db, Audit: h.audit, Clock: o.Clock, Rand: o.Rand, Recheck: h.sessions.Recheck,
		SealChallenge: h.challenges.Seal, BadClaim: oauth.BadClaim})
	h.apikeys = apikey.New(apikey.Options{DB: h.db, Audit: h.audit, Clock: o.Clock, Rand: o.Rand, Recheck: h.sessions.Recheck})
	h.accounts = &account.Service{DB: h.db, Audit: h.audit, Clock: o.Clock, Rand: o.Rand, Recheck: h.sessions.Recheck}
	h.invites = &invite.Service{DB: h.db, Audit: h.audit, Clock: o.Clock, Rand: o.Rand, Recheck: h.sessions.Recheck}
	h.waits = &waitlist.Service{DB: h.db, Audit: h.audit, Clock: o.Clock, Rand: o.Rand, Recheck: h.sessions.Recheck}
	h.federation = federation.New(federation.Options{DB: h.db, Keys: h.keys, Audit: h.audit, Outbound: h.outbound, Clock: o.Clock,
		Rand: o.Rand, Recheck: h.sessions.Recheck})
	h.factors = &factor.Factors{Keys: h.keys, Rand: o.Rand, Clock: o.Clock, Pending: c.Lifetimes.TOTPEnrolment, Party: p.party}
	h.mailer = &mail.Mailer{Queue: h.queue, PublicURL: c.PublicBase(), Library: h.library}
	if c.DevInbox() {
		h.inbox = &mail.Inbox{DB: h.db, Keys: h.keys}
	}
	h.users = user.NewDirectory(h.db, userCache)

	h.login = &login.Service{DB: h.db, Pool: h.pool, Sessions: h.sessions, APIKeys: h.apikeys, Factors: h.factors, Proofs: h.proofs,
		Limits: h.limits, Audit: h.audit, Mail: h.mailer, Accounts: h.accounts, Invites: h.invites, Waits: h.waits,
		Federation: h.federation, App: h.apps.Get, Clock: o.Clock, Rand: o.Rand, FailureFloor: c.Password.FailureFloor, Wait: o.Wait}
	if c.Password.BreachCheck {
		h.login.Breaches = &login.BreachCheck{Get: h.outbound.Get, URL: c.Password.BreachURL, Log: o.Logger}
	}
	h.lifecycle = &lifecycle.Service{Login: h.login}
	h.oauth = oauth.New(oauth.Options{DB: h.db, Apps: h.apps, APIKeys: h.apikeys, Sessions: h.sessions, Signer: h.signer, Keys: h.keys, Proofs: h.proofs,
		Limits: h.limits, Audit: h.audit, Outbound: h.outbound, Clock: o.Clock, Rand: o.Rand, Issuer: c.PublicBase(),
		Settings: oauthSettings(c), Logger: o.Logger})

	h.catalogue = operation.New(operation.Deps{DB: h.db, Keys: h.keys, Limits: h.limits, Users: h.users, Sessions: h.sessions,
		APIKeys: h.apikeys, Apps: h.apps, Challenges: h.challenges, Accounts: h.accounts, Invites: h.invites, Waits: h.waits,
		Federation: h.federation,
		Login:      h.login, Lifecycle: h.lifecycle, OAuth: h.oauth, Signer: h.signer, Audit: h.audit,
		PublicURL: c.PublicBase(), Clock: o.Clock, Observe: observe})
	h.late.live = h.catalogue
	h.late.credentials = &operation.Credentials{Sessions: h.sessions, Keys: h.apikeys, Apps: h.apps, Limits: h.limits}
	h.measure()
	return nil
}

// open makes the doors that need the engine.
func (h *house) open(c config.Config, given Options) (err error) {
	o := ui.Options{Operations: h.late, Credentials: h.late, PublicURL: c.PublicBase(), Contracts: public(h.engine.Contracts()), Samples: h.samples,
		Library: h.library, App: h.apps.Get, ConsentTarget: h.oauth.ConsentTarget, LogoutTarget: h.oauth.LogoutTarget,
		FlowSite: h.oauth.FlowSite, Rand: given.Rand}
	if h.inbox != nil {
		o.Inbox = h.inbox
	}
	if c.GeoIP != "" {
		if h.geo, err = geo.Open(c.GeoIP); err != nil {
			return err
		}
		o.Place = h.geo.Place
	}
	h.pages, err = ui.New(o)
	h.door = oauthdoor.New(oauthdoor.Options{Service: h.oauth, Keys: h.signer, Limits: h.limits, Credentials: h.late.credentials,
		Origins: h.origins, PublicURL: c.PublicBase(), SessionCookie: ui.SessionCookie, Pages: h.pages})
	h.jwks = oauthdoor.JWKS(h.signer, 0)
	return err
}

// samples are requests of the contracts of an app, but for those of the operator.
func (h *house) samples(app auth.AppID, identifier string) []contract.Sample {
	return slices.DeleteFunc(h.engine.Samples(app, identifier), func(s contract.Sample) bool { return s.Host == operatorHost })
}

// public leaves out what is mounted for the operator alone.
func public(list []contract.Info) []contract.Info {
	var out []contract.Info
	for _, info := range list {
		if info.Host != operatorHost {
			out = append(out, info)
		}
	}
	return out
}

// origins lists the allowed origins of a client, or those of all clients of the app, for the engine.
func (h *house) origins(ctx context.Context, id auth.AppID, client auth.ClientID) ([]string, error) {
	if client == "" {
		return h.apps.Origins(ctx, id)
	}
	found, err := h.apps.Client(ctx, id, client)
	return found.Settings.AllowedOrigins, err
}

func (h *house) appName(ctx context.Context, id auth.AppID) string {
	found, err := h.apps.Get(ctx, id)
	if err != nil {
		return string(id)
	}
	return found.Name
}

// observe fills the wide event with what the catalogue knows, whatever door called.
func observe(ctx context.Context, seen operation.Observation) {
	e := httpx.Event(ctx)
	e.SetString(httpx.KeyOperation, seen.Operation)
	e.SetString(httpx.KeyCode, seen.Outcome)
	e.SetString(httpx.KeyApp, string(seen.Caller.App))
	e.SetString(httpx.KeyUser, string(seen.Caller.User))
	e.SetString(httpx.KeySession, string(seen.Caller.Session))
	e.Fail(seen.Err)
}

// close gives back what was opened, in the opposite order. It may be called on half a house.
func (h *house) close(ctx context.Context) {
	if h.signer != nil {
		h.signer.Stop()
	}
	if h.pool != nil {
		h.pool.Close()
	}
	_ = h.geo.Close()          // it was only read
	_ = h.traces.Shutdown(ctx) // spans that cannot be sent any more are lost, that is all
	if h.db != nil {
		_ = h.db.Close() // every acknowledged Write is durable already
	}
}
