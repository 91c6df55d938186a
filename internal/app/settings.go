package app

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/ostiary-id/ostiary/internal/auth"
)

const (
	maxAttributes      = 50
	maxAttributeLength = 10_000
	minPasswordMin     = 8 // DESIGN section 7: no app goes below
	maxPasswordMin     = 128
)

var (
	attributeName  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,49}$`)
	attributeTypes = []string{"string", "integer", "number", "boolean"}
	algorithms     = []string{"", auth.AlgorithmES256, auth.AlgorithmEdDSA, auth.AlgorithmRS256, auth.AlgorithmHS256}
)

// checkSettings refuses settings that no part of the house could follow.
func checkSettings(s auth.AppSettings) error {
	if s.PasswordMin != 0 && (s.PasswordMin < minPasswordMin || s.PasswordMin > maxPasswordMin) {
		return invalidSetting("password_min", fmt.Sprintf("it is 0 or from %d to %d", minPasswordMin, maxPasswordMin))
	}
	if !s.Registration.Valid() {
		return auth.Invalid("registration", auth.ViolationEnum, "It is open, invite-code, invite, waitlist or closed.")
	}
	if err := auth.CheckLocale(s.Locale); err != nil {
		return err
	}
	if !slices.Contains(algorithms, s.SigningAlgorithm) {
		return invalidSetting("signing_algorithm", "it is ES256, EdDSA, RS256 or HS256")
	}
	if err := checkBrand(s.Brand); err != nil {
		return err
	}
	if err := checkChallenge(s.Challenge); err != nil {
		return err
	}
	if err := checkPermissions(s.Permissions); err != nil {
		return err
	}
	if len(s.Attributes) > maxAttributes {
		return invalidSetting("attributes", fmt.Sprintf("an app has at most %d", maxAttributes))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Attributes)) {
		if !attributeName.MatchString(name) {
			return invalidSetting("attributes", "a name has 1 to 50 of a-z, 0-9 and _, a letter first")
		}
		if err := checkRule(name, s.Attributes[name]); err != nil {
			return err
		}
	}
	return nil
}

func checkRule(name string, r auth.AttributeRule) error {
	place := "attributes." + name
	switch {
	case !slices.Contains(attributeTypes, r.Type):
		return invalidSetting(place+".type", "it is string, integer, number or boolean")
	case r.Writer != auth.WrittenByUser && r.Writer != auth.WrittenByAdmin:
		return invalidSetting(place+".writer", "it is user or admin")
	case r.MaxLength < 0 || r.MaxLength > maxAttributeLength:
		return invalidSetting(place+".max_length", fmt.Sprintf("it is from 0 to %d", maxAttributeLength))
	case r.MaxLength != 0 && r.Type != "string":
		return invalidSetting(place+".max_length", "only strings have one")
	}
	return nil
}

func invalidSetting(place, rule string) error {
	return auth.Invalid("settings", auth.ViolationInvalid, "The setting "+place+" is not valid: "+rule+".")
}
