package ui

import (
	"github.com/ostiary-id/ostiary/internal/lifecycle"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// activityPage tells what happened to the account lately, newest first.
type activityPage struct {
	owned
	Events []happening
	Next   string
}

// happening is one event in words.
type happening struct {
	operation.OwnEvent
	Text string // what happened
	By   string // who did it
	Bad  bool   // it failed
	Code string // the action as the log calls it, where there are no words for it
}

func showMyActivity(v *visit) error {
	list, err := read[operation.OwnEvents](v, "list-my-events",
		&operation.ListMyEventsInput{Paging: operation.Paging{Cursor: v.r.URL.Query().Get("cursor"), Limit: activityShown}})
	if err != nil {
		return err
	}
	t, err := v.translator()
	if err != nil {
		return err
	}
	shown := &activityPage{Next: list.NextCursor}
	for _, e := range list.Events {
		one := happening{OwnEvent: e, Bad: e.Outcome != "" && e.Outcome != "ok"}
		if key, ok := happenings[e.Action]; !ok {
			one.Code = e.Action
		} else if one.Text, err = t.T(key); err != nil {
			return err
		}
		if key, ok := actors[e.By]; ok {
			if one.By, err = t.T(key); err != nil {
				return err
			}
		}
		shown.Events = append(shown.Events, one)
	}
	return v.mine("my-activity", shown)
}

// activityShown is how many events a page shows.
const activityShown = 25

// Device is what an event says of where it came from.
func (h happening) Device() string { return inWords(h.Agent, "") }

// actors are the sentences for who did something.
var actors = map[lifecycle.Actor]string{
	lifecycle.ActorMe: "page.my.activity.by-me", lifecycle.ActorAdministrator: "page.my.activity.by-administrator",
	lifecycle.ActorSystem: "page.my.activity.by-system", lifecycle.ActorStranger: "page.my.activity.by-stranger",
}

// happenings are the sentences for what happened, by the action of the audit log.
var happenings = map[string]string{
	"account.created":              "page.my.event.account-created",
	"account.joined":               "page.my.event.account-joined",
	"account.left":                 "page.my.event.account-left",
	"account.role-set":             "page.my.event.account-role-set",
	"account.updated":              "page.my.event.account-updated",
	"api-key.created":              "page.my.event.api-key-created",
	"api-key.refreshed":            "page.my.event.api-key-refreshed",
	"api-key.revoked":              "page.my.event.api-key-revoked",
	"api-key.rotated":              "page.my.event.api-key-rotated",
	"backup-code.used":             "page.my.event.backup-code-used",
	"backup-codes.regenerated":     "page.my.event.backup-codes-regenerated",
	"credit.granted":               "page.my.event.credit-granted",
	"data.exported":                "page.my.event.data-exported",
	"email.add-requested":          "page.my.event.email-add-requested",
	"email.added":                  "page.my.event.email-added",
	"email.change-canceled":        "page.my.event.email-change-canceled",
	"email.change-requested":       "page.my.event.email-change-requested",
	"email.changed":                "page.my.event.email-changed",
	"email.removed":                "page.my.event.email-removed",
	"email.restored":               "page.my.event.email-restored",
	"email.verification-requested": "page.my.event.email-verification-requested",
	"email.verified":               "page.my.event.email-verified",
	"identity.linked":              "page.my.event.identity-linked",
	"identity.proof-requested":     "page.my.event.identity-proof-requested",
	"identity.unlinked":            "page.my.event.identity-unlinked",
	"invite.accepted":              "page.my.event.invite-accepted",
	"invite.created":               "page.my.event.invite-created",
	"invite.revoked":               "page.my.event.invite-revoked",
	"passkey.added":                "page.my.event.passkey-added",
	"passkey.clone-suspected":      "page.my.event.passkey-clone-suspected",
	"passkey.refused":              "page.my.event.passkey-refused",
	"passkey.removed":              "page.my.event.passkey-removed",
	"passkey.renamed":              "page.my.event.passkey-renamed",
	"passkeys.removed":             "page.my.event.passkeys-removed",
	"password.changed":             "page.my.event.password-changed",
	"password.known":               "page.my.event.password-known",
	"password.reset":               "page.my.event.password-reset",
	"password.reset-requested":     "page.my.event.password-reset-requested",
	"reauthentication.failed":      "page.my.event.reauthentication-failed",
	"second-factor.failed":         "page.my.event.second-factor-failed",
	"session.account-switched":     "page.my.event.session-account-switched",
	"session.ended":                "page.my.event.session-ended",
	"session.started":              "page.my.event.session-started",
	"session.stepped-up":           "page.my.event.session-stepped-up",
	"sign-in.failed":               "page.my.event.sign-in-failed",
	"sign-in.link-requested":       "page.my.event.sign-in-link-requested",
	"sign-in.succeeded":            "page.my.event.sign-in-succeeded",
	"totp.begun":                   "page.my.event.totp-begun",
	"totp.disabled":                "page.my.event.totp-disabled",
	"totp.enabled":                 "page.my.event.totp-enabled",
	"user.created":                 "page.my.event.user-created",
	"user.deletion-canceled":       "page.my.event.user-deletion-canceled",
	"user.deletion-scheduled":      "page.my.event.user-deletion-scheduled",
	"user.disabled":                "page.my.event.user-disabled",
	"user.enabled":                 "page.my.event.user-enabled",
	"user.imported":                "page.my.event.user-imported",
	"user.registered":              "page.my.event.user-registered",
	"user.role-set":                "page.my.event.user-role-set",
	"user.updated":                 "page.my.event.user-updated",
	"username.changed":             "page.my.event.username-changed",
	"waitlist.approved":            "page.my.event.waitlist-approved",
	"waitlist.denied":              "page.my.event.waitlist-denied",
	"waitlist.joined":              "page.my.event.waitlist-joined",
	"waitlist.left":                "page.my.event.waitlist-left",
}
