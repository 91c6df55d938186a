package operation

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const (
	defaultLimit = 50
	maxLimit     = 200
	cursorMAC    = 16 // bytes of the MAC that a cursor carries
	maxCursor    = 300
)

// Paging are the inputs of every list: an opaque cursor from the page before, and how many to return.
type Paging struct {
	Cursor string `input:"cursor"`
	Limit  int    `input:"limit"` // 1 to 200; 0 means 50
}

// place is where a page ends: the creation time and id of its last row.
type place struct {
	at time.Time
	id string
}

// page is a decoded Paging: what to ask of a noun. One row more than the limit tells whether there is another page.
type page struct {
	after place
	limit int
	seal  func(place) string
}

// page checks the paging of one list. A cursor is bound to the list, the app and the user whose list it is, by a
// MAC (KM-05): it opens nothing else, and nobody can make one. Code: invalid-request about cursor or limit.
func (c *Catalogue) page(list string, r *Request, p Paging) (page, error) {
	out := page{limit: p.Limit}
	switch {
	case p.Limit == 0:
		out.limit = defaultLimit
	case p.Limit < 0:
		return out, auth.Invalid("limit", auth.ViolationTooSmall, "At least 1.")
	case p.Limit > maxLimit:
		return out, auth.Invalid("limit", auth.ViolationTooLarge, "At most 200.")
	}
	mac := func(body string) []byte {
		return c.deps.Keys.MAC("cursor", list, string(r.Caller.App), string(r.Caller.User), body)[:cursorMAC]
	}
	out.seal = func(at place) string {
		body := binary.BigEndian.AppendUint64(nil, uint64(at.at.UnixMicro()))
		body = append(body, at.id...)
		return base64.RawURLEncoding.EncodeToString(append(body, mac(string(body))...))
	}
	if p.Cursor == "" {
		return out, nil
	}
	bad := auth.Invalid("cursor", auth.ViolationInvalid, "This cursor does not belong to this list.")
	if len(p.Cursor) > maxCursor {
		return out, bad
	}
	raw, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil || len(raw) <= 8+cursorMAC {
		return out, bad
	}
	body, got := raw[:len(raw)-cursorMAC], raw[len(raw)-cursorMAC:]
	if !hmac.Equal(got, mac(string(body))) {
		return out, bad
	}
	micros := int64(binary.BigEndian.Uint64(body))
	out.after = place{at: time.UnixMicro(micros).UTC(), id: string(body[8:])}
	return out, nil
}

// paged cuts the one row too many off and answers the cursor of the next page; empty if there is none.
func paged[T any](p page, rows []T, at func(T) place) ([]T, string) {
	if len(rows) <= p.limit {
		return rows, ""
	}
	rows = rows[:p.limit]
	return rows, p.seal(at(rows[len(rows)-1]))
}
