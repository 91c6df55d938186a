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
	switch name {
	case "my":
		return []shown{&myPage{}, &myPage{owned: some, Me: ada, Sessions: 2}}
	case "my-sessions":
		session := operation.Session{ID: "s", Device: "Laptop", IP: "192.0.2.1", CreatedAt: at, LastSeenAt: at, EndedAt: at, EndReason: auth.EndIdle}
		current := session
		current.Current, current.Device = true, ""
		return []shown{&sessionsPage{}, &sessionsPage{owned: some, Sessions: []operation.Session{current, session},
			Ended: []operation.Session{session, {}}, Others: true, Next: "cursor", First: true}, &sessionsPage{First: true}}
	case "my-apps":
		return []shown{&appsPage{}, &appsPage{owned: some, Apps: []operation.Consent{{Client: operation.AskingClient{ID: "c", Name: "Book Club"},
			Scopes: []operation.AskedScope{{Name: "openid"}, {Name: "read", Text: "Read"}}, Resources: []operation.AskedResource{{URI: "https://api.example.com", Name: "Books"}}, GrantedAt: at}}}}
	case "my-password":
		return []shown{&passwordPage{}, &passwordPage{owned: some, Email: "ada@example.com", Has: true}}
	case "my-two-factor":
		begun := &factorPage{owned: some}
		begun.enrol("ABCDEFGH", "otpauth://totp/App:ada?secret=ABCDEFGH")
		return []shown{&factorPage{}, begun, &factorPage{owned: some, On: true, Left: 3},
			&factorPage{owned: some, On: true, Backup: []string{"abcd-efgh"}}, &factorPage{Backup: []string{"abcd-efgh"}, Renewed: true}}
	}
	return nil
}

// myKeys are the sentences of an account's pages that code names and no template.
func myKeys() []string {
	return slices.Concat(slices.Collect(maps.Values(myTitles)), slices.Collect(maps.Values(notices)),
		slices.Collect(maps.Values(endedBecause)), []string{"page.my.ended.other", "page.my.sessions.unknown"})
}
