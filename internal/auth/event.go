package auth

import "time"

// Event is one line of the audit log. It is written in the transaction of the change it tells of.
type Event struct {
	ID        EventID
	App       AppID
	At        time.Time
	Action    string // dotted past tense, `user.registered`, `session.ended`
	Outcome   string // `ok` or an error code
	Actor     string // user id, key id, or `system`
	ActorKind string // CallerKind
	User      UserID // whom it concerns; empty if nobody
	Session   SessionID
	Target    string // id of the thing changed
	IP        string
	UserAgent string
	RequestID string
	// Data holds facts worth keeping (reason, factor, contract); never a secret.
	Data map[string]string
}
