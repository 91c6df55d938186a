package operation

import (
	"fmt"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// CheckPolicy refuses a combination of knobs that no answer can be true to; doors call it with the policy in
// force, when a document loads. Signing up at once while concealing who is known is the only one: a known
// address cannot be signed in, so the missing session would tell.
func CheckPolicy(p auth.Policy) error {
	if p.SignUpImmediate && !p.RevealExisting {
		return fmt.Errorf("%s: %s needs %s: %s (a known address cannot be signed in, so the answer tells); use %s: %s to conceal",
			auth.KnobSignUpSession, auth.SessionImmediate, auth.KnobSignUpExisting, auth.Reveal,
			auth.KnobSignUpSession, auth.SessionAfterVerification)
	}
	return nil
}
