package telemetry

import (
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"
)

// LogOptions says how log lines look. The zero value of Format and Level means auto and info.
type LogOptions struct {
	Writer io.Writer
	Format string // json, text, or auto: text in a terminal, JSON elsewhere
	Level  string // debug, info, warn, error
}

// Redacted stands where a secret would have been.
const Redacted = "[redacted]"

// NewLogger makes the server's logger. Attributes whose key names a secret are redacted whatever their value, as
// a second line behind secret.Secret, which redacts itself (LG-02). Both formats escape control characters, so
// that a value from a request cannot forge a line (LG-03).
func NewLogger(o LogOptions) *slog.Logger {
	level := ParseLevel(o.Level)
	if o.Format == "text" || (o.Format != "json" && terminal(o.Writer)) {
		return slog.New(tint.NewTextHandler(o.Writer, &tint.Options{
			Level: level, TimeFormat: time.TimeOnly, NoColor: !terminal(o.Writer), ReplaceAttr: redact,
		}))
	}
	return slog.New(redacting{slog.NewJSONHandler(o.Writer, &slog.HandlerOptions{Level: level})})
}

// ParseLevel reads a level's name; anything unknown is info.
func ParseLevel(name string) slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(name)); err != nil {
		return slog.LevelInfo
	}
	return level
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// secretKeys are the words that mark an attribute as secret when they end its key.
var secretKeys = []string{"password", "secret", "token", "cookie", "authorization", "api_key", "app_key", "totp_code", "master_key"}

func redact(_ []string, a slog.Attr) slog.Attr {
	if secretKey(a.Key) {
		return slog.String(a.Key, Redacted)
	}
	return a
}

func secretKey(key string) bool {
	for _, word := range secretKeys {
		if hasSuffixFold(key, word) {
			return true
		}
	}
	return false
}

// hasSuffixFold is strings.HasSuffix without regard to case and without allocating. The last byte says no to most.
func hasSuffixFold(s, suffix string) bool {
	n := len(s) - len(suffix)
	return n >= 0 && s[len(s)-1]|0x20 == suffix[len(suffix)-1] && strings.EqualFold(s[n:], suffix)
}

// redacting redacts what redact does. It is a handler of its own because slog.JSONHandler with a ReplaceAttr takes a
// slow way for every attribute, level and time through encoding/json: 2.7 us for the line of a request instead of 1.9.
type redacting struct{ slog.Handler }

func (h redacting) Handle(ctx context.Context, r slog.Record) error {
	secret := false
	r.Attrs(func(a slog.Attr) bool {
		secret = tells(a)
		return !secret
	})
	if !secret {
		return h.Handler.Handle(ctx, r)
	}
	clean := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(cleaned(a))
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

func (h redacting) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = cleaned(a)
	}
	return redacting{h.Handler.WithAttrs(clean)}
}

func (h redacting) WithGroup(name string) slog.Handler { return redacting{h.Handler.WithGroup(name)} }

// tells reports whether an attribute, or one in its group, is marked as secret by its key.
func tells(a slog.Attr) bool {
	switch a.Value.Kind() {
	case slog.KindGroup, slog.KindLogValuer:
		if v := a.Value.Resolve(); v.Kind() == slog.KindGroup {
			return slices.ContainsFunc(v.Group(), tells)
		}
	}
	return secretKey(a.Key)
}

func cleaned(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	if v.Kind() != slog.KindGroup {
		return redact(nil, slog.Attr{Key: a.Key, Value: v})
	}
	inner := make([]slog.Attr, 0, len(v.Group()))
	for _, one := range v.Group() {
		inner = append(inner, cleaned(one))
	}
	return slog.Attr{Key: a.Key, Value: slog.GroupValue(inner...)}
}
