package ui

import (
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// waitlistsPage lists what the person, or the account that they act for, waits for.
type waitlistsPage struct {
	owned
	Entries []operation.WaitlistEntry
	Next    string
	Account string // name of the account that waits; empty: the person
}

func (v *visit) newWaitlistsPage() (*waitlistsPage, error) {
	list, err := read[operation.WaitlistEntries](v, "list-waitlists",
		&operation.ListWaitlistsInput{Paging: operation.Paging{Cursor: v.r.URL.Query().Get("cursor")}})
	if err != nil {
		return nil, err
	}
	me, err := v.me()
	shown := &waitlistsPage{Entries: list.Entries, Next: list.NextCursor}
	if m := me.User.ActiveMembership; m != nil && m.Account != nil {
		shown.Account = m.Account.Name
	}
	return shown, err
}

func changeMyWaitlists(v *visit) error {
	if v.form.Get("do") != "leave" {
		return unknownForm()
	}
	_, err := v.person("leave-waitlist", &operation.FeatureInput{Feature: v.form.Get("feature")})
	return settledOr(v, notice{"/my/waitlists", "waitlist-left", "my-waitlists"}, err, v.newWaitlistsPage)
}

// waitKeys are the sentences for how a wait stands.
var waitKeys = map[auth.WaitStatus]string{
	auth.Waiting: "page.my.waitlists.waiting", auth.Approved: "page.my.waitlists.approved", auth.Denied: "page.my.waitlists.denied",
}

// Stands says in words how a wait stands.
func (p *waitlistsPage) Stands(e operation.WaitlistEntry) (string, error) {
	key, ok := waitKeys[e.Status]
	if !ok {
		return string(e.Status), nil
	}
	return p.T(key)
}
