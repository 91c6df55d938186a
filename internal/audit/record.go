package audit

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret"
	"github.com/ostiary-id/ostiary/internal/store"
)

// Purposes of the keyed marks.
const (
	purposeMark = "audit-mark" // of an event, by its writer
	purposeLink = "audit"      // of an event and the link before it, by the sealer
	purposeHead = "audit-head" // of the end of a chain, by the sealer
	purposeTail = "audit-tail" // of the last event removed from the beginning of a chain
)

// dataLimit is the most bytes of one value of an event's data, dataEntries the most values.
const (
	dataLimit   = 512
	dataEntries = 20
)

// settle is the default of Log.Settle.
const settle = 2 * time.Second

// Log writes events, seals and verifies them.
type Log struct {
	Keys *secret.Keys
	Rand io.Reader
	// Settle is how old an event must be before it is sealed; 0 means 2 s. It keeps the chain close to the order of
	// time, for a transaction that began earlier may commit later. Nothing hangs on it: an event that turns up late
	// gets a later place in the chain.
	Settle time.Duration
	// Logger is told of events that the sealer will not touch; nil: nobody is.
	Logger *slog.Logger
}

// Record writes e in the transaction of the change it tells of: both stand or neither (LG-04). The caller gives
// actor, address, user agent and request id, and the app if e has none; an Actor that e has already is kept (a
// sign-in's caller is anonymous still). The id and the time are made here.
//
// Text is cleaned and shortened, never refused: a strange user agent must not stop a sign-in.
func (l *Log) Record(tx *store.Tx, c auth.Caller, e auth.Event) error {
	e.ID = auth.EventID(secret.NewID(l.Rand, tx.Now()))
	e.At = tx.Now()
	if e.App == "" {
		e.App = c.App
	}
	if e.Actor == "" {
		e.Actor = actor(c)
	}
	if e.Outcome == "" {
		e.Outcome = "ok"
	}
	e.ActorKind = string(c.Kind)
	if c.IP.IsValid() {
		e.IP = c.IP.Unmap().String()
	}
	e.UserAgent = clean(c.UserAgent)
	e.RequestID = clean(c.RequestID)
	e.Target = clean(e.Target)
	e.Data = cleanData(e.Data)
	if err := tx.InsertEvent(e, l.Keys.MAC(purposeMark, canonical(e)...)); err != nil {
		return fmt.Errorf("record %s: %w", e.Action, err)
	}
	return nil
}

func actor(c auth.Caller) string {
	switch c.Kind {
	case auth.CallerSession:
		return string(c.User)
	case auth.CallerAPIKey:
		return string(c.Key)
	case auth.CallerSystem:
		return "system"
	}
	return ""
}

// canonical is the one encoding of an event under a keyed mark: every column, in this order.
func canonical(e auth.Event) []string {
	data := "{}"
	if len(e.Data) > 0 {
		text, err := json.Marshal(e.Data) // sorted by key
		if err != nil {
			panic(err) // a map of strings always encodes
		}
		data = string(text)
	}
	return []string{string(e.ID), string(e.App), strconv.FormatInt(e.At.UnixMicro(), 10), e.Action, e.Outcome,
		e.Actor, e.ActorKind, string(e.User), string(e.Session), e.Target, e.IP, e.UserAgent, e.RequestID, data}
}

func cleanData(data map[string]string) map[string]string {
	if len(data) == 0 {
		return nil
	}
	out := make(map[string]string, len(data))
	for key, value := range data {
		if len(out) == dataEntries {
			break
		}
		out[key] = clean(value)
	}
	return out
}

// clean makes text safe to store on both engines and to print in a terminal: valid UTF-8 without control
// characters, of bounded length.
func clean(s string) string {
	plain := strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(plain) > dataLimit {
		plain = strings.ToValidUTF8(plain[:dataLimit], "")
	}
	return plain
}
