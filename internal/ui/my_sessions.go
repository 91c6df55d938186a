package ui

import (
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// sessionsPage lists where the person is signed in and was.
type sessionsPage struct {
	owned
	Sessions, Ended []operation.Session
	Others          bool   // there are sessions beside this one
	Next            string // cursor of the page after this one; empty: there is none
	First           bool   // this is the first page, which shows what ended as well
}

// endedShown is how many sessions that ended the page shows.
const endedShown = 10

func (v *visit) newSessionsPage() (*sessionsPage, error) {
	cursor := v.r.URL.Query().Get("cursor")
	live, err := read[operation.Sessions](v, "list-sessions", &operation.ListSessionsInput{Paging: operation.Paging{Cursor: cursor}})
	if err != nil {
		return nil, err
	}
	shown := &sessionsPage{Sessions: live.Sessions, Others: live.Total > 1, Next: live.NextCursor, First: cursor == ""}
	if !shown.First {
		return shown, nil
	}
	ended, err := read[operation.Sessions](v, "list-sessions",
		&operation.ListSessionsInput{Ended: true, Paging: operation.Paging{Limit: endedShown}})
	shown.Ended = ended.Sessions
	return shown, err
}

func changeMySessions(v *visit) error {
	switch v.form.Get("do") {
	case "end":
		if _, err := v.person("end-session", &operation.EndSessionInput{ID: auth.SessionID(v.form.Get("id"))}); err != nil {
			return err
		}
		return v.settled("/my/sessions", "session-ended")
	case "end-others":
		if _, err := v.person("sign-out-everywhere", &operation.SignOutEverywhereInput{KeepCurrent: true}); err != nil {
			return err
		}
		return v.settled("/my/sessions", "sessions-ended")
	}
	return unknownForm()
}

// unknownForm refuses a form that the page does not have.
func unknownForm() error {
	return auth.Invalid("do", auth.ViolationEnum, "The page has no such form.")
}

// Device is what a session says of where it is, such as "Firefox, Linux". It proves nothing.
func (p *sessionsPage) Device(s operation.Session) (string, error) {
	if text := inWords(s.Agent, s.Device); text != "" {
		return text, nil
	}
	return p.T("page.my.sessions.unknown")
}

// inWords is a device in a few words: what its program calls it, and what the program says of itself unless that is the same;
// empty: nothing is known.
func inWords(agent operation.Agent, device string) string {
	var known []string
	for _, one := range []string{device, agent.Browser, agent.OS} {
		if one != "" && (device == one || !strings.Contains(device, one)) {
			known = append(known, one)
		}
	}
	return strings.Join(known, ", ")
}

// Where is the address that something came from, with its place if there is a file of places.
func (o *owned) Where(ip string) string {
	if o.v.p.o.Place == nil || ip == "" {
		return ip
	}
	if place := o.v.p.o.Place(ip, o.Lang); place != "" {
		return place + " (" + ip + ")"
	}
	return ip
}

// Why says in words why a session ended.
func (p *sessionsPage) Why(s operation.Session) (string, error) {
	key, ok := endedBecause[s.EndReason]
	if !ok {
		key = "page.my.ended.other"
	}
	return p.T(key)
}

// endedBecause are the sentences of a list for why a session ended.
var endedBecause = map[auth.EndReason]string{
	auth.EndSignedOut:           "page.my.ended.signed-out",
	auth.EndSignedOutEverywhere: "page.my.ended.signed-out-everywhere",
	auth.EndExpired:             "page.my.ended.expired",
	auth.EndIdle:                "page.my.ended.idle",
	auth.EndRefreshReused:       "page.my.ended.refresh-token-reused",
	auth.EndPasswordChanged:     "page.my.ended.password-changed",
	auth.EndPasswordReset:       "page.my.ended.password-reset",
	auth.EndUsernameChanged:     "page.my.ended.username-changed",
	auth.EndByUser:              "page.my.ended.ended-by-user",
	auth.EndByAdmin:             "page.my.ended.ended-by-admin",
	auth.EndUserDisabled:        "page.my.ended.user-disabled",
	auth.EndFactorRemoved:       "page.my.ended.second-factor-removed",
	auth.EndEmailProven:         "page.my.ended.email-proven-elsewhere",
	auth.EndEmailKept:           "page.my.ended.email-change-canceled",
	auth.EndAppDisabled:         "page.my.ended.app-disabled",
	auth.EndClientDisabled:      "page.my.ended.client-disabled",
	auth.EndReplaced:            "page.my.ended.replaced",
	auth.EndRestored:            "page.my.ended.restored-from-backup",
}
