package telemetry

import (
	"io"
	"log/slog"
	"os"
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
	return slog.New(slog.NewJSONHandler(o.Writer, &slog.HandlerOptions{Level: level, ReplaceAttr: redact}))
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
	for _, word := range secretKeys {
		if hasSuffixFold(a.Key, word) {
			return slog.String(a.Key, Redacted)
		}
	}
	return a
}

// hasSuffixFold is strings.HasSuffix without regard to case and without allocating.
func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}
