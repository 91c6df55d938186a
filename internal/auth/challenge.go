package auth

// ChallengeKind is how an app asks strangers to show that they are no robots.
type ChallengeKind string

const (
	ChallengeNone      ChallengeKind = ""           // nobody is asked
	ChallengeAllowList ChallengeKind = "allow-list" // one of the app's site keys; it keeps out who has not looked at the page
	ChallengeTurnstile ChallengeKind = "turnstile"
	ChallengeHCaptcha  ChallengeKind = "hcaptcha"
	ChallengeReCAPTCHA ChallengeKind = "recaptcha" // v2, or v3 with its score
)

// Service reports whether somebody outside the house decides.
func (k ChallengeKind) Service() bool {
	return k == ChallengeTurnstile || k == ChallengeHCaptcha || k == ChallengeReCAPTCHA
}

// String is the name of the kind; that of ChallengeNone is `none`.
func (k ChallengeKind) String() string {
	if k == ChallengeNone {
		return "none"
	}
	return string(k)
}

// ChallengeSettings are an app's choices about challenges.
type ChallengeSettings struct {
	Kind ChallengeKind `json:"kind,omitempty"`
	// SiteKeys are public. An allow-list takes any of them; a service's widget is made with the first.
	SiteKeys []string `json:"site_keys,omitempty"`
	// Secret is that of the app at the service, sealed by package challenge.
	Secret []byte `json:"secret,omitempty"`
	// Hostnames are those of the pages that may show the widget; empty: the service alone decides.
	Hostnames []string `json:"hostnames,omitempty"`
	// MinScore is the least score of reCAPTCHA v3, 0 to 1; 0 means ChallengeMinScore for answers that have a score.
	MinScore float64 `json:"min_score,omitempty"`
	// CheckAction asks that the widget names the operation as its action. Services other than hCaptcha tell it.
	CheckAction bool `json:"check_action,omitempty"`
	// ExemptAppKeys lets requests with a key of the app pass without a response.
	ExemptAppKeys bool `json:"exempt_app_keys,omitempty"`
}

// ChallengeMinScore is the score below which reCAPTCHA v3 itself suggests to think of a robot.
const ChallengeMinScore = 0.5
