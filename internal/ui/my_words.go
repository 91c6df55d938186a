package ui

import (
	"maps"
	"slices"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// mySamples are what a page of an account may be filled with.
func mySamples(name string, plain base) []shown {
	some := owned{base: plain, Notice: "Notice"}
	at := time.Unix(0, 0)
	ada := operation.Me{User: operation.Profile{Email: "ada@example.com", Name: "Ada", TwoFactorEnabled: true}, HasPassword: true}
	some.Below = true
	some.Menu = []menuGroup{{Title: "Group", Items: []menuItem{{Path: "/my", Text: "Text", Current: true}, {Path: "/", Text: "Text"}}}}
	switch name {
	case "my":
		return []shown{&myPage{}, &myPage{owned: some, Me: ada, Sessions: 2, Passkeys: 1}}
	case "my-sessions":
		session := operation.Session{ID: "s", Device: "Laptop", IP: "192.0.2.1", CreatedAt: at, LastSeenAt: at, EndedAt: at, EndReason: auth.EndIdle}
		current := session
		current.Current, current.Device = true, ""
		return []shown{&sessionsPage{}, &sessionsPage{owned: some, Sessions: []operation.Session{current, session},
			Ended: []operation.Session{session, {}}, Others: true, Next: "cursor", First: true}, &sessionsPage{First: true}}
	case "my-apps":
		return []shown{&appsPage{}, &appsPage{owned: some, Apps: []operation.Consent{{Client: "c", ClientName: "Book Club",
			Words: []operation.AskedScope{{Name: "openid"}, {Name: "read", Text: "Read"}}, Targets: []operation.AskedResource{{URI: "https://api.example.com", Name: "Books"}}, GrantedAt: at}}}}
	case "my-password":
		return []shown{&passwordPage{}, &passwordPage{owned: some, Email: "ada@example.com", Has: true}}
	case "my-two-factor":
		begun := &factorPage{owned: some}
		begun.enrol("ABCDEFGH", "otpauth://totp/App:ada?secret=ABCDEFGH")
		return []shown{&factorPage{}, begun, &factorPage{owned: some, On: true, Left: 3},
			&factorPage{owned: some, On: true, Backup: []string{"abcd-efgh"}}, &factorPage{Backup: []string{"abcd-efgh"}, Renewed: true}}
	}
	return ownSamples(name, some)
}

// ownSamples are those of the pages of what the person has.
func ownSamples(name string, some owned) []shown {
	at := time.Unix(0, 0)
	one := picker{ID: "id", Name: "name", Label: "Label", Options: []option{{Value: "a", Text: "A", Lang: "en", Chosen: true}, {}}}
	account := operation.Account{ID: "a", Name: "Club"}
	switch name {
	case "my-profile":
		return []shown{&profilePage{}, &profilePage{owned: some, Username: "ada", Locales: one, Extra: []extra{
			newExtra("company_name", auth.AttributeRule{Type: "string", MaxLength: 9}, "Club"), newExtra("age", auth.AttributeRule{Type: "integer"}, int64(3)),
			newExtra("news", auth.AttributeRule{Type: "boolean"}, true)}}}
	case "my-emails":
		return []shown{&emailsPage{}, &emailsPage{owned: some, Emails: []operation.OwnAddress{{Email: "ada@example.com", Primary: true},
			{Email: "ada@example.org", VerifiedAt: at}, {Email: "old@example.org"}, {Email: "ada@example.net", WaitsUntil: at}}}}
	case "my-passkeys":
		return []shown{&passkeysPage{}, &passkeysPage{owned: some, Signals: "{}", Passkeys: []operation.Passkey{{ID: "p", Name: "Key"},
			{Name: "Phone", Model: "Model", Synced: true, LastUsedAt: at, CloneSuspectedAt: at}}}}
	case "my-identities":
		return []shown{&identitiesPage{}, &identitiesPage{owned: some, Offered: []operation.ProviderMethod{{Provider: "club", Title: "Club"}}, Identities: []identity{{Title: "Club"},
			{Identity: operation.Identity{Email: "ada@example.com", LastUsedAt: at}, Title: "Club"}}}}
	case "my-api-keys":
		key := operation.APIKey{ID: "k", Name: "Build", Prefix: "ok", Scopes: []string{"a", "b"}, ExpiresAt: at, LastUsedAt: at, Usable: true}
		return []shown{&keysPage{}, &keysPage{owned: some, Keys: []operation.APIKey{key, {}}, Next: "cursor", Scopes: []scope{{Name: "a", Text: "A", On: true}},
			Expiry: one}, &keysPage{Made: &operation.NewAPIKey{APIKey: key, Secret: "secret"}, Rotated: true}, &keysPage{Made: &operation.NewAPIKey{}}}
	case "my-accounts":
		return []shown{&accountsPage{}, &accountsPage{owned: some, Active: "a", Places: []operation.Membership{
			{AccountID: "a", Role: auth.MemberOwner, Account: &account}, {AccountID: "b", Role: "other"}}}}
	case "my-account":
		return []shown{&accountPage{}, &accountPage{owned: some, Account: account, Owner: true, Next: "cursor", Roles: one,
			Members: []member{{Membership: operation.Membership{Name: "Ada", Email: "ada@example.com"}, Roles: one}, {Me: true}},
			Invites: []operation.Invite{{ID: "i", Email: "ada@example.com", Role: "member"}}}}
	case "my-waitlists":
		return []shown{&waitlistsPage{}, &waitlistsPage{owned: some, Account: "Club", Next: "cursor", Entries: []operation.WaitlistEntry{
			{Feature: "boats", Status: auth.Denied, DecidedAt: at}, {Status: auth.Waiting}, {Status: "other"}}}}
	case "my-activity":
		return []shown{&activityPage{}, &activityPage{owned: some, Next: "cursor", Events: []happening{{Text: "Text", By: "You", Why: "Why", Bad: true},
			{OwnEvent: operation.OwnEvent{IP: "192.0.2.1", Agent: operation.Agent{Browser: "Firefox"}}, Code: "other.event"}}}}
	case "my-data":
		return []shown{&dataPage{}, &dataPage{owned: some, Email: "ada@example.com"}}
	}
	return nil
}

// myKeys are the sentences of an account's pages that code names and no template.
func myKeys() []string {
	return slices.Concat(slices.Collect(maps.Values(myTitles)), slices.Collect(maps.Values(notices)),
		slices.Collect(maps.Values(endedBecause)), slices.Collect(maps.Values(happenings)), slices.Collect(maps.Values(actors)),
		slices.Collect(maps.Values(waitKeys)), menuKeys(), overviewKeys(), choiceKeys(),
		[]string{"page.my.ended.other", "page.my.sessions.unknown", "page.my.profile.locale", "page.my.profile.locale-none", "page.my.keys.life",
			"page.my.role", "page.my.account.nameless"})
}

// choiceKeys are the sentences of what may be chosen.
func choiceKeys() []string {
	var keys []string
	for _, one := range slices.Concat(scopeKeys, roleKeys) {
		keys = append(keys, one.key)
	}
	for _, one := range lives {
		keys = append(keys, one.key)
	}
	return keys
}
