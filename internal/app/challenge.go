package app

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// ChallengeChange is what to change of an app's challenge; nil leaves it as it is.
type ChallengeChange struct {
	Kind          *auth.ChallengeKind
	SiteKeys      *[]string
	Secret        *string // in the clear; stored sealed, and never told
	Hostnames     *[]string
	MinScore      *float64
	CheckAction   *bool
	ExemptAppKeys *bool
}

const (
	maxSiteKeys        = 20
	maxSiteKey         = 200 // bytes
	maxHostnames       = 50
	maxChallengeSecret = 500 // bytes
)

var hostname = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)

// sealSecret makes the stored form of a new secret; nil: there is none.
func (s *Service) sealSecret(id auth.AppID, plain *string) ([]byte, error) {
	if plain == nil || *plain == "" {
		return nil, nil
	}
	if len(*plain) > maxChallengeSecret {
		return nil, auth.Invalid("challenge_secret", auth.ViolationTooLong, fmt.Sprintf("A secret has at most %d bytes.", maxChallengeSecret))
	}
	sealed, err := s.seal(id, *plain)
	if err != nil {
		return nil, fmt.Errorf("seal the secret of a challenge: %w", err)
	}
	return sealed, nil
}

// apply changes the settings. A secret is of one service, so another kind forgets it, with the rules that only the
// kind of before could follow.
func (c ChallengeChange) apply(to *auth.ChallengeSettings, sealed []byte) {
	if c.Kind != nil && c.kind() != to.Kind {
		*to = auth.ChallengeSettings{Kind: c.kind(), Hostnames: to.Hostnames, ExemptAppKeys: to.ExemptAppKeys}
	}
	set(&to.SiteKeys, c.SiteKeys)
	set(&to.MinScore, c.MinScore)
	set(&to.CheckAction, c.CheckAction)
	set(&to.ExemptAppKeys, c.ExemptAppKeys)
	if c.Hostnames != nil {
		to.Hostnames = make([]string, len(*c.Hostnames))
		for i, name := range *c.Hostnames {
			to.Hostnames[i] = strings.ToLower(strings.TrimSpace(name))
		}
	}
	if c.Secret != nil {
		to.Secret = sealed
	}
}

// kind is the stored form of the kind: `none` is the zero value.
func (c ChallengeChange) kind() auth.ChallengeKind {
	if *c.Kind == auth.ChallengeKind(auth.ChallengeNone.String()) {
		return auth.ChallengeNone
	}
	return *c.Kind
}

// checkChallenge refuses settings that nobody could pass, or that would promise a check that is not made.
func checkChallenge(s auth.ChallengeSettings) error {
	service := s.Kind.Service()
	switch {
	case s.Kind != auth.ChallengeNone && s.Kind != auth.ChallengeAllowList && !service:
		return auth.Invalid("challenge", auth.ViolationEnum, "It is none, allow-list, turnstile, hcaptcha or recaptcha.")
	case service && len(s.Secret) == 0:
		return auth.Invalid("challenge_secret", auth.ViolationRequired, "The secret of the app at the service is needed.")
	case !service && len(s.Secret) > 0:
		return auth.Invalid("challenge_secret", auth.ViolationInvalid, "Only a service has a secret.")
	case s.Kind == auth.ChallengeAllowList && len(s.SiteKeys) == 0:
		return auth.Invalid("challenge_site_keys", auth.ViolationRequired, "An allow-list needs a site key.")
	}
	if err := checkChallengeNames(s); err != nil {
		return err
	}
	return checkChallengeRules(s)
}

func checkChallengeNames(s auth.ChallengeSettings) error {
	if len(s.SiteKeys) > maxSiteKeys || slices.ContainsFunc(s.SiteKeys, func(k string) bool { return k == "" || len(k) > maxSiteKey }) {
		return auth.Invalid("challenge_site_keys", auth.ViolationInvalid,
			fmt.Sprintf("There are at most %d site keys of 1 to %d bytes.", maxSiteKeys, maxSiteKey))
	}
	if len(s.Hostnames) > maxHostnames || slices.ContainsFunc(s.Hostnames, func(h string) bool { return !hostname.MatchString(h) }) {
		return auth.Invalid("challenge_hostnames", auth.ViolationInvalid,
			fmt.Sprintf("There are at most %d names of hosts, without scheme and port.", maxHostnames))
	}
	return nil
}

func checkChallengeRules(s auth.ChallengeSettings) error {
	if s.MinScore < 0 || s.MinScore > 1 || s.MinScore != 0 && s.Kind != auth.ChallengeReCAPTCHA {
		return auth.Invalid("challenge_min_score", auth.ViolationInvalid, "It is from 0 to 1, and only recaptcha has one.")
	}
	if s.CheckAction && s.Kind != auth.ChallengeTurnstile && s.Kind != auth.ChallengeReCAPTCHA {
		return auth.Invalid("challenge_check_action", auth.ViolationInvalid, "Only turnstile and recaptcha tell the action.")
	}
	return nil
}
