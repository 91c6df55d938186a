package operation

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/account"
	"github.com/ostiary-id/ostiary/internal/apikey"
	"github.com/ostiary-id/ostiary/internal/app"
	"github.com/ostiary-id/ostiary/internal/audit"
	"github.com/ostiary-id/ostiary/internal/challenge"
	"github.com/ostiary-id/ostiary/internal/federation"
	"github.com/ostiary-id/ostiary/internal/invite"
	"github.com/ostiary-id/ostiary/internal/lifecycle"
	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/login"
	"github.com/ostiary-id/ostiary/internal/oauth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/signer"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/user"
	"github.com/ostiary-id/ostiary/internal/waitlist"
)

// Scopes that API keys need for our own operations.
const (
	ScopeAccountRead  = "account:read"
	ScopeAccountWrite = "account:write"
	ScopeAPIKeysRead  = "api-keys:read"
	ScopeAPIKeysWrite = "api-keys:write"
	ScopeAdmin        = "admin"

	// Of the accounts that the user belongs to, their members and invites.
	ScopeAccountsRead  = "accounts:read"
	ScopeAccountsWrite = "accounts:write"
)

// Deps are what operations call. All but Observe are needed to call one.
type Deps struct {
	DB         *store.DB
	Keys       *secret.Keys
	Limits     *limit.Limits
	Users      *user.Directory
	Sessions   *session.Service
	APIKeys    *apikey.Service
	Apps       *app.Service
	Challenges *challenge.Verifier
	Accounts   *account.Service
	Invites    *invite.Service
	Waits      *waitlist.Service
	Federation *federation.Service
	Login      *login.Service
	Lifecycle  *lifecycle.Service
	OAuth      *oauth.Service
	Signer     *signer.Signer
	Audit      *audit.Log
	PublicURL  string // scheme://host[:port]
	Clock      func() time.Time
	// Observe is told of every call, for metrics and the wide event; nil: nobody is.
	Observe func(ctx context.Context, o Observation)
}

// Catalogue is every operation by name, and the pipeline that calls them.
type Catalogue struct {
	deps   Deps
	byName map[string]*Definition
	all    []*Definition
}

// New makes the catalogue. With zero Deps it can be read (documents load against it) but not called.
func New(deps Deps) *Catalogue {
	c := &Catalogue{deps: deps, byName: map[string]*Definition{}}
	c.all = c.definitions()
	slices.SortFunc(c.all, func(a, b *Definition) int { return strings.Compare(a.Name, b.Name) })
	for _, d := range c.all {
		c.byName[d.Name] = d
	}
	return c
}

// definitions is the one list of what the server can do, by noun.
func (c *Catalogue) definitions() []*Definition {
	return append(slices.Concat(c.waysInAndTeams(), c.passkeys(), c.addresses(), c.authorizations(), c.administration()), []*Definition{
		c.register(),
		c.signIn(),
		c.completeSecondFactor(),
		c.createFirstAdministrator(),
		c.sendMagicLink(),
		c.signInWithToken(),
		c.signInWithCode(),
		c.checkEmail(),
		c.loginMethods(),
		c.getCSRFToken(),
		c.getAuthentication(),

		c.refreshSession(),
		c.signOut(),
		c.signOutEverywhere(),
		c.listSessions(),
		c.endSession(),

		c.getMe(),
		c.updateMe(),
		c.changePassword(),
		c.changeEmail(),
		c.cancelEmailChange(),
		c.changeUsername(),
		c.stepUp(),
		c.listMyEvents(),
		c.exportMyData(),
		c.deleteAccount(),
		c.cancelDeletion(),

		c.requestPasswordReset(),
		c.checkResetToken(),
		c.previewLink(),
		c.resetPassword(),
		c.requestEmailVerification(),
		c.verifyEmail(),

		c.beginTOTP(),
		c.confirmTOTP(),
		c.disableTOTP(),
		c.regenerateBackupCodes(),
		c.getTOTPStatus(),

		c.createAPIKey(),
		c.listAPIKeys(),
		c.getAPIKey(),
		c.rotateAPIKey(),
		c.refreshAPIKey(),
		c.revokeAPIKey(),
	}...)
}

// administration is what administrators and the operator do with users, apps and the house itself.
func (c *Catalogue) administration() []*Definition {
	return []*Definition{
		c.listUsers(),
		c.getUser(),
		c.createUser(),
		c.updateUser(),
		c.disableUser(),
		c.enableUser(),
		c.deleteUser(),
		c.setRole(),
		c.endUserSessions(),

		c.listApps(),
		c.getApp(),
		c.createApp(),
		c.listAppKeys(),
		c.createAppKey(),
		c.revokeAppKey(),
		c.updateApp(),
		c.disableApp(),
		c.enableApp(),

		c.listEvents(),

		c.rotateSigningKeys(),
		c.getSharedSecret(),
		c.verifyAudit(),
		c.issueSetupLink(),
		c.backup(),
		c.importUsers(),
		c.exportUsers(),
	}
}

// addresses are what a user does with several addresses.
func (c *Catalogue) addresses() []*Definition {
	return []*Definition{c.listEmails(), c.addEmail(), c.makeEmailPrimary(), c.removeEmail()}
}

// passkeys are what a user does with passkeys, and an administrator with a user's.
func (c *Catalogue) passkeys() []*Definition {
	return []*Definition{
		c.beginPasskeyRegistration(),
		c.finishPasskeyRegistration(),
		c.beginPasskeySignIn(),
		c.finishPasskeySignIn(),
		c.beginPasskeyStepUp(),
		c.listPasskeys(),
		c.renamePasskey(),
		c.deletePasskey(),
		c.listUserPasskeys(),
		c.deleteUserPasskey(),
	}
}

// authorizations are what a person decides about OAuth clients.
func (c *Catalogue) authorizations() []*Definition {
	return []*Definition{
		c.showAuthorization(),
		c.approveAuthorization(),
		c.denyAuthorization(),
		c.showDevice(),
		c.approveDevice(),
		c.denyDevice(),
	}
}

// waysInAndTeams are clients, accounts, and what leads into an app.
func (c *Catalogue) waysInAndTeams() []*Definition {
	return []*Definition{
		c.listClients(),
		c.getClient(),
		c.createClient(),
		c.updateClient(),
		c.deleteClient(),
		c.listClientSecrets(),
		c.rotateClientSecret(),
		c.revokeClientSecret(),
		c.previewClaims(),
		c.listResources(),
		c.getResource(),
		c.createResource(),
		c.updateResource(),
		c.deleteResource(),
		c.listRegistrationTokens(),
		c.createRegistrationToken(),
		c.revokeRegistrationToken(),
		c.listConsents(),
		c.revokeConsent(),
		c.listUserConsents(),
		c.revokeUserConsent(),

		c.listAccounts(),
		c.getAccount(),
		c.createAccount(),
		c.updateAccount(),
		c.listMembers(),
		c.addMember(),
		c.setMemberRole(),
		c.removeMember(),
		c.switchAccount(),

		c.listInvites(),
		c.createInvite(),
		c.revokeInvite(),
		c.acceptInvite(),
		c.listInviteCodes(),
		c.createInviteCode(),
		c.revokeInviteCode(),

		c.beginFederatedSignIn(),
		c.finishFederatedSignIn(),
		c.confirmIdentity(),
		c.linkIdentity(),
		c.unlinkIdentity(),
		c.listIdentities(),
		c.listProviders(),
		c.getProvider(),
		c.createProvider(),
		c.updateProvider(),
		c.deleteProvider(),

		c.getCredit(),
		c.grantCredit(),

		c.listWaitlists(),
		c.getWaitlistEntry(),
		c.joinWaitlist(),
		c.leaveWaitlist(),
		c.listWaitlistEntries(),
		c.approveWaitlistEntry(),
		c.denyWaitlistEntry(),
	}
}

// Lookup finds an operation by name; nil if there is none.
func (c *Catalogue) Lookup(name string) *Definition { return c.byName[name] }

// All lists every operation by name. Callers must not change the slice.
func (c *Catalogue) All() []*Definition { return c.all }
