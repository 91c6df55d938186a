package auth

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Bounds of an address in bytes: RFC 5321 section 4.5.3.1.1 and the path limit of 4.5.3.1.3 without its brackets.
const (
	maxEmailLocal = 64
	maxEmail      = 254
)

// CanonicalEmail checks an address and returns the form in which addresses are compared: the local part NFC and case
// folded, the domain as lower-case A-labels (IDNA2008 through UTS #46, not transitional). It is the one parser of
// addresses in the house (SECURITY EM-01, EM-03, ET-07); mail is sent to the address as typed, trimmed of the
// spaces around it, never to the canonical form.
//
// Accepted is a dot-atom local part (RFC 5322 section 3.2.3, with UTF-8 by RFC 6531), one @ and a host name of two
// labels or more. Quoted local parts, comments, routes, encoded words, IP literals, control, format and zero-width
// characters are refused, and so is every character that compatibility mapping or singleton decomposition turns into
// another one (the Kelvin sign, ligatures, full-width letters): those make two texts that look alike and mail that
// goes astray. Nothing is stripped: plus tags and dots count. Canonical forms are stable: canonicalising one again
// changes nothing.
//
// The error is invalid-request on the field `email`.
func CanonicalEmail(address string) (string, error) {
	address = strings.TrimSpace(address)
	at := strings.IndexByte(address, '@')
	if at <= 0 || at != strings.LastIndexByte(address, '@') || len(address) > maxEmail || at > maxEmailLocal {
		return "", invalidEmail()
	}
	if !plainText(address) {
		return "", invalidEmail()
	}
	local, okLocal := canonicalLocal(address[:at])
	domain, okDomain := canonicalDomain(address[at+1:])
	canonical := local + "@" + domain
	if !okLocal || !okDomain || len(canonical) > maxEmail {
		return "", invalidEmail()
	}
	return canonical, nil
}

func invalidEmail() *Error {
	return Invalid("email", ViolationEmail, "this is not an e-mail address that can be used here")
}

// canonicalLocal folds a dot-atom.
func canonicalLocal(local string) (string, bool) {
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" {
			return "", false
		}
		for i, r := range atom {
			if i == 0 && unicode.In(r, unicode.M) || !atomRune(r) {
				return "", false
			}
		}
	}
	folded, ok := fold(local)
	return folded, ok && !mixesScripts(local) && len(folded) <= maxEmailLocal
}

// atomRune reports whether r may stand in an atom: atext of RFC 5322, or any visible character beyond ASCII.
func atomRune(r rune) bool {
	if r >= utf8.RuneSelf {
		return unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S)
	}
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// canonicalDomain turns a host name into lower-case A-labels.
func canonicalDomain(domain string) (string, bool) {
	// The ideographic full stop would be mapped to a dot after the labels were looked at.
	if strings.ContainsRune(domain, '\u3002') || !strings.Contains(domain, ".") || strings.HasSuffix(domain, ".") {
		return "", false
	}
	profile := idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(), idna.ValidateLabels(true),
		idna.CheckHyphens(true), idna.CheckJoiners(true), idna.StrictDomainName(true), idna.VerifyDNSLength(true))
	ascii, err := profile.ToASCII(domain)
	if err != nil {
		return "", false
	}
	labels := strings.Split(ascii, ".")
	for _, label := range labels {
		if !canonicalLabel(profile, label) {
			return "", false
		}
	}
	// A numeric last label is an IPv4 address or meant as one (RFC 3696 section 2).
	last := labels[len(labels)-1]
	return ascii, strings.Trim(last, "0123456789") != ""
}

// canonicalLabel checks a label after mapping: an A-label must stand for text beyond ASCII, in one script that
// cannot be mistaken for another, and must come back when that text is encoded again.
func canonicalLabel(profile *idna.Profile, label string) bool {
	if !strings.HasPrefix(label, "xn--") {
		return true
	}
	text, err := profile.ToUnicode(label)
	if err != nil || isASCII(text) || mixesScripts(text) {
		return false
	}
	again, err := profile.ToASCII(text)
	return err == nil && again == label
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// plainText reports whether s is valid UTF-8 of visible characters that no normalisation turns into others, apart
// from composing (NFC).
func plainText(s string) bool {
	if isASCII(s) {
		return strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) < 0
	}
	if !utf8.ValidString(s) || norm.NFC.String(s) != norm.NFKC.String(s) {
		return false
	}
	for _, r := range s {
		if invisible(r) || singleton(r) {
			return false
		}
	}
	return true
}

// invisible reports whether r shows nothing of its own: spaces, control, format, unassigned and private-use
// characters, fillers and selectors.
func invisible(r rune) bool {
	const brailleBlank = '\u2800'
	return r == brailleBlank || !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S) ||
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) || r == '\u034f' ||
		r == '\u17b4' || r == '\u17b5'
}

// singleton reports whether NFC replaces r by one other character, as it does with the Kelvin and the Ohm sign.
func singleton(r rune) bool {
	if r < utf8.RuneSelf {
		return false
	}
	composed := []rune(norm.NFC.String(string(r)))
	return len(composed) == 1 && composed[0] != r
}

// fold is NFC and full case folding; ok is false for the rare text whose folding is not stable or leaves its script.
func fold(s string) (folded string, ok bool) {
	if isASCII(s) {
		return strings.ToLower(s), true
	}
	once := norm.NFC.String(cases.Fold().String(norm.NFC.String(s)))
	twice := norm.NFC.String(cases.Fold().String(once))
	return once, once == twice && plainText(once) && !mixesScripts(once)
}

// mixesScripts reports whether s has letters of more than one of Latin, Greek, Cyrillic and Armenian: the scripts
// whose letters are taken for one another (UTS #39 section 5.1, reduced to these).
func mixesScripts(s string) bool {
	if isASCII(s) {
		return false
	}
	var seen [4]int
	for _, r := range s {
		for i, script := range [4]*unicode.RangeTable{unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Armenian} {
			if unicode.Is(script, r) {
				seen[i] = 1
			}
		}
	}
	return seen[0]+seen[1]+seen[2]+seen[3] > 1
}
