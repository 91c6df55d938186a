package limit

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Names of the limiters.
const (
	RequestsNetwork     = "requests.network"
	RequestsUser        = "requests.user"
	RequestsKey         = "requests.key"
	SignInAccount       = "sign-in.account"
	SignInNetwork       = "sign-in.network"
	SignInTotal         = "sign-in.total"
	SecondFactorAccount = "second-factor.account"
	ProofNetwork        = "proof.network"
	RegisterNetwork     = "register.network"
	CheckEmailNetwork   = "check-email.network"
	PasskeyNetwork      = "passkey.network"
	ClientNetwork       = "client-registration.network"
	DeviceNetwork       = "device.network"
	DeviceCodeNetwork   = "device-code.network"
	DeviceCodeAccount   = "device-code.account"
	MailRecipient       = "mail.recipient"
	MailNetwork         = "mail.network"
	MailApp             = "mail.app"
)

// Kind says how a limiter counts.
type Kind string

const (
	// Requests are counted in memory, each node for itself: the allowance refills evenly (GCRA).
	Requests Kind = "requests"
	// Guesses are counted in the database over a fixed window and given back when the guess was right.
	Guesses Kind = "guesses"
	// Actions are counted like guesses and never given back.
	Actions Kind = "actions"
)

// Limiter is one entry of the catalogue: at most Max in Per.
type Limiter struct {
	Name string
	Doc  string // what is counted, and for whom
	Kind Kind
	Max  int
	Per  time.Duration
}

// Setting overrides a limiter. A zero Max or Per keeps the default.
type Setting struct {
	Max int
	Per time.Duration
	Off bool // nothing is counted or refused
}

// The bounds of a setting.
const (
	maxMax = 1_000_000
	minPer = time.Second
	maxPer = 366 * 24 * time.Hour
)

// Catalogue lists all limiters with their defaults.
func Catalogue() []Limiter {
	return []Limiter{
		{RequestsNetwork, "Requests from one client network", Requests, 1200, time.Minute},
		{RequestsUser, "Requests of one signed-in user, over all sessions", Requests, 1200, time.Minute},
		{RequestsKey, "Requests with one API key", Requests, 1200, time.Minute},
		{SignInAccount, "Wrong passwords for one account, however it was named; an unknown name counts like an account, and a network that the user signed in from before has a count of its own. The window doubles, up to 4 h, each time the number stands in `sign-in.total` once more", Guesses, 10, 15 * time.Minute},
		{SignInNetwork, "Wrong passwords from one client network, over all accounts", Guesses, 100, 15 * time.Minute},
		{SignInTotal, "Wrong passwords in a row, counted like those of `sign-in.account`: a right one, and a new password by a mailed link, begin anew. When it is used up no password is looked at any more, and the owner gets a link to choose another", Guesses, 100, 30 * 24 * time.Hour},
		{SecondFactorAccount, "Wrong TOTP and backup codes, and passkeys as second factor or step-up, for one account, over all flows; a right password does not reset it", Guesses, 5, 15 * time.Minute},
		{ProofNetwork, "Wrong mailed secrets (reset, verification, challenge) from one client network", Guesses, 30, 15 * time.Minute},
		{RegisterNetwork, "Sign-ups from one client network, successful or not", Actions, 60, time.Hour},
		{CheckEmailNetwork, "Addresses looked up from one client network where a contract tells which are known", Actions, 30, 15 * time.Minute},
		{PasskeyNetwork, "Passkey ceremonies begun from one client network, finished or not", Actions, 300, 15 * time.Minute},
		{ClientNetwork, "OAuth clients that register themselves from one client network, with a right initial token or not", Actions, 60, time.Hour},
		{DeviceNetwork, "Codes that devices without a browser ask for from one client network", Actions, 120, 15 * time.Minute},
		{DeviceCodeNetwork, "Wrong codes of devices typed from one client network", Guesses, 30, 15 * time.Minute},
		{DeviceCodeAccount, "Wrong codes of devices typed by one user, over all sessions", Guesses, 10, 15 * time.Minute},
		{MailRecipient, "Mails that requests cause to one address", Actions, 5, time.Hour},
		{MailNetwork, "Mails caused from one client network", Actions, 60, time.Hour},
		{MailApp, "Mails caused in one app", Actions, 5000, time.Hour},
	}
}

// ParseSettings reads settings by limiter name in the form of ParseSetting and reports every mistake at once.
func ParseSettings(texts map[string]string) (map[string]Setting, error) {
	known := map[string]bool{}
	for _, l := range Catalogue() {
		known[l.Name] = true
	}
	out := make(map[string]Setting, len(texts))
	var problems []error
	for name, text := range texts {
		setting, err := ParseSetting(text)
		switch {
		case !known[name]:
			problems = append(problems, fmt.Errorf("limits.%s: there is no limiter of this name", name))
		case err != nil:
			problems = append(problems, fmt.Errorf("limits.%s: %w", name, err))
		default:
			out[name] = setting
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return out, errors.Join(problems...)
}

// ParseSetting reads `off`, or a number and a duration of Go such as `10/15m`.
func ParseSetting(text string) (Setting, error) {
	if text == "off" {
		return Setting{Off: true}, nil
	}
	number, duration, found := strings.Cut(text, "/")
	most, err := strconv.Atoi(number)
	if !found || err != nil {
		return Setting{}, fmt.Errorf("%q is neither `off` nor a number and a duration such as `10/15m`", text)
	}
	per, err := time.ParseDuration(duration)
	if err != nil {
		return Setting{}, fmt.Errorf("%q: %q is no duration such as `30s`, `15m` or `1h`", text, duration)
	}
	if most < 1 || most > maxMax {
		return Setting{}, fmt.Errorf("%q: the number must be from 1 to %d", text, maxMax)
	}
	if per < minPer || per > maxPer {
		return Setting{}, fmt.Errorf("%q: the duration must be from %s to %s", text, minPer, maxPer)
	}
	return Setting{Max: most, Per: per}, nil
}

// with is l under the setting.
func (l Limiter) with(s Setting) Limiter {
	if s.Max > 0 {
		l.Max = s.Max
	}
	if s.Per > 0 {
		l.Per = s.Per
	}
	return l
}
