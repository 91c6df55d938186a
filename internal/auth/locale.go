package auth

import "regexp"

// LocaleMax is the longest language tag, in bytes, that BCP 47 section 4.4.1 asks implementations to keep.
const LocaleMax = 35

// localeForm is the form of a BCP 47 language tag; whether its parts are registered is not checked.
var localeForm = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

// CheckLocale refuses what is neither empty nor a language tag. Code: invalid-request on `locale`.
func CheckLocale(locale string) error {
	if locale != "" && (len(locale) > LocaleMax || !localeForm.MatchString(locale)) {
		return Invalid("locale", ViolationFormat, "This is not a language tag such as en or pt-BR.")
	}
	return nil
}
