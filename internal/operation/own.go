package operation

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/lifecycle"
	"github.com/ostiary-id/ostiary/internal/session"
	"github.com/ostiary-id/ostiary/internal/store"
)

// EvidenceInput shows that it is the person who asks: the current password, a code, or neither within five minutes of a
// full sign-in.
type EvidenceInput struct {
	CurrentPassword string `input:"current_password,secret"`
	Code            string `input:"code,secret"` // TOTP or backup code
}

func (in *EvidenceInput) evidence() lifecycle.Evidence {
	return lifecycle.Evidence{CurrentPassword: in.CurrentPassword, Code: in.Code}
}

// AccountDeletion is the value of delete-account.
type AccountDeletion struct {
	DeletesAt time.Time `json:"deletes_at"`
}

func (c *Catalogue) deleteAccount() *Definition {
	return define(Definition{
		Name: "delete-account",
		Doc: "Lets the user who asks be erased, with everything about them, after a grace period (30 days unless the " +
			"server says otherwise). At once every session ends and API keys rest. A mail tells when, with a link that keeps the " +
			"account; signing in keeps it as well. Needs the current password, a second-factor code, or a sign-in of the last " +
			"five minutes. The last administrator of the app and the last owner of an account with other members are refused.",
		Access:  Person,
		Results: []Result{result[AccountDeletion]("ok", "When the user is erased.")},
		Errors: []auth.Code{auth.CodeConflict, auth.CodeInvalidCredentials, auth.CodeSecondFactorWrong, auth.CodeReauthRequired,
			auth.CodeTotpNotEnabled},
		Unverified: true,
	}, func(ctx context.Context, r *Request, in *EvidenceInput) (Outcome, error) {
		at, err := c.deps.Lifecycle.DeleteAccount(ctx, r.Caller, in.evidence())
		if err != nil {
			return Outcome{}, err
		}
		return OK(AccountDeletion{DeletesAt: at}), nil
	})
}

// CancelDeletionInput is the input of cancel-account-deletion.
type CancelDeletionInput struct {
	Token string `input:"token,required,secret"`
}

func (c *Catalogue) cancelDeletion() *Definition {
	return define(Definition{
		Name:     "cancel-account-deletion",
		Doc:      "Spends the link of the mail of `delete-account`: the account stays. Nobody is signed in by it.",
		Access:   Anyone,
		Results:  []Result{result[Done]("ok", "The account stays.")},
		Errors:   []auth.Code{auth.CodeProofInvalid},
		Consumes: true,
	}, func(ctx context.Context, r *Request, in *CancelDeletionInput) (Outcome, error) {
		return done(c.deps.Login.CancelDeletion(ctx, r.Caller, in.Token))
	})
}

// DeleteUserInput is the input of delete-user.
type DeleteUserInput struct {
	ID          auth.UserID `input:"id,required"`
	Immediately bool        `input:"immediately"`
}

func (c *Catalogue) deleteUser() *Definition {
	return define(Definition{
		Name: "delete-user",
		Doc: "Shuts a user out at once, as `disable-user` does, and erases everything about them after the grace period, or " +
			"with `immediately` within minutes. Until then `enable-user` takes it back. The last active administrator of an app " +
			"cannot be deleted. Events of the audit log stay; they name the user by an id that is never given again.",
		Access:  Administrator,
		Scope:   ScopeAdmin,
		Results: []Result{result[UserResult]("ok", "The user is about to be erased.")},
		Errors:  []auth.Code{auth.CodeNotFound, auth.CodeConflict},
	}, func(ctx context.Context, r *Request, in *DeleteUserInput) (Outcome, error) {
		return userOutcome(c.deps.Lifecycle.DeleteUser(ctx, r.Caller, in.ID, in.Immediately))
	})
}

// OwnEvent is one line of the audit log as the person sees it whom it concerns.
type OwnEvent struct {
	ID        auth.EventID      `json:"id"`
	At        time.Time         `json:"at"`
	Action    string            `json:"action"`               // dotted past tense, `session.ended`
	Outcome   string            `json:"outcome"`              // `ok` or an error code
	By        lifecycle.Actor   `json:"by"`                   // me, administrator, system or stranger
	Session   auth.SessionID    `json:"session_id,omitempty"` // one's own
	Target    string            `json:"target,omitempty"`     // id of the thing changed
	IP        string            `json:"ip,omitempty"`
	UserAgent string            `json:"user_agent,omitempty"`
	Agent     Agent             `json:"agent"`
	Data      map[string]string `json:"data"`
}

// OwnEvents is one page of them.
type OwnEvents struct {
	Events     []OwnEvent `json:"events"`
	NextCursor string     `json:"next_cursor,omitempty"`
}

func ownEventView(e lifecycle.OwnEvent) OwnEvent {
	v := eventView(e.Event)
	return OwnEvent{ID: v.ID, At: v.At, Action: v.Action, Outcome: v.Outcome, By: e.By, Session: v.Session, Target: v.Target,
		IP: v.IP, UserAgent: v.UserAgent, Agent: Agent(session.DescribeAgent(v.UserAgent)), Data: v.Data}
}

// ListMyEventsInput is the input of list-my-events.
type ListMyEventsInput struct {
	Paging
}

func (c *Catalogue) listMyEvents() *Definition {
	return define(Definition{
		Name: "list-my-events",
		Doc: "Lists what happened to the account of the user who asks, newest first, as far as the audit log goes back. Of " +
			"what others did who were signed in, neither who they are nor from where is told.",
		Access:  SignedIn,
		Scope:   ScopeAccountRead,
		Results: []Result{result[OwnEvents]("ok", "One page of events.")},
	}, func(ctx context.Context, r *Request, in *ListMyEventsInput) (Outcome, error) {
		page, err := c.page("list-my-events", r, in.Paging)
		if err != nil {
			return Outcome{}, err
		}
		rows, err := c.deps.Lifecycle.OwnEvents(ctx, r.Caller.App, r.Caller.User, store.EventFilter{AfterTime: page.after.at,
			AfterID: auth.EventID(page.after.id), Limit: page.limit + 1})
		if err != nil {
			return Outcome{}, err
		}
		rows, next := paged(page, rows, func(e lifecycle.OwnEvent) place { return place{e.At, string(e.ID)} })
		return OK(OwnEvents{Events: views(rows, ownEventView), NextCursor: next}), nil
	})
}

// views makes what is shown of each row.
func views[R, V any](rows []R, view func(R) V) []V {
	out := make([]V, len(rows))
	for i, row := range rows {
		out[i] = view(row)
	}
	return out
}

// OwnData is the value of export-my-data: everything about the user, without secrets.
type OwnData struct {
	ExportedAt        time.Time       `json:"exported_at"`
	User              Profile         `json:"user"`
	Emails            []OwnAddress    `json:"emails"`
	HasPassword       bool            `json:"has_password"`
	PasswordChangedAt time.Time       `json:"password_changed_at,omitzero"`
	BackupCodesLeft   int             `json:"backup_codes_left"`
	Sessions          []Session       `json:"sessions"`
	APIKeys           []APIKey        `json:"api_keys"`
	Identities        []Identity      `json:"identities"`
	Passkeys          []Passkey       `json:"passkeys"`
	Waitlists         []WaitlistEntry `json:"waitlists"`
	Events            []OwnEvent      `json:"events"`
	EventsComplete    bool            `json:"events_complete"` // false: there are older ones than these
}

func (c *Catalogue) exportMyData() *Definition {
	return define(Definition{
		Name: "export-my-data",
		Doc: "Everything that the server keeps about the user who asks, without secrets: profile, addresses, memberships, " +
			"sessions, API keys, linked identities, waitlists and the newest 10,000 events. Needs the current password, a " +
			"second-factor code, or a sign-in of the last five minutes, and is recorded.",
		Access:  Person,
		Results: []Result{result[OwnData]("ok", "The data.")},
		Errors: []auth.Code{auth.CodeInvalidCredentials, auth.CodeSecondFactorWrong, auth.CodeReauthRequired,
			auth.CodeTotpNotEnabled},
	}, func(ctx context.Context, r *Request, in *EvidenceInput) (Outcome, error) {
		own, err := c.deps.Lifecycle.ExportData(ctx, r.Caller, in.evidence())
		if err != nil {
			return Outcome{}, err
		}
		return OK(c.ownData(own, r.Caller.Session)), nil
	})
}

func (c *Catalogue) ownData(own lifecycle.OwnData, current auth.SessionID) OwnData {
	return OwnData{
		ExportedAt: c.deps.Clock(), User: profile(own.Profile),
		Emails:      views(own.Emails, addressView),
		HasPassword: own.Profile.HasPassword, PasswordChangedAt: own.Password.ChangedAt, BackupCodesLeft: own.Profile.BackupCodesLeft,
		Sessions:   views(own.Sessions, func(s auth.Session) Session { return sessionView(s, current) }),
		APIKeys:    views(own.Keys, c.apiKeyView),
		Identities: views(own.Identities, identityView),
		Passkeys:   views(own.Passkeys, passkeyView), Waitlists: views(own.Waits, waitlistView), Events: views(own.Events, ownEventView), EventsComplete: !own.Cut,
	}
}
