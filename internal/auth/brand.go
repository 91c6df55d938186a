package auth

import "net/url"

// Brand is how an app looks to people, beside its name. Every field may be empty.
type Brand struct {
	Accent     string `json:"accent,omitempty"` // #rrggbb in small letters
	TermsURL   string `json:"terms_url,omitempty"`
	PrivacyURL string `json:"privacy_url,omitempty"` // both https
	Support    string `json:"support_email,omitempty"`
	// LogoHash names the version of the uploaded image; empty: there is none.
	LogoHash string `json:"logo_hash,omitempty"`
}

// Logo is the image of an app: its media type and its bytes.
type Logo struct {
	Type  string
	Image []byte
}

// LogoPath is where pages show the logo from. It changes with the image, so that browsers may keep it for ever; empty: there
// is none.
func (b Brand) LogoPath(app AppID) string {
	if b.LogoHash == "" {
		return ""
	}
	return "/brand/" + url.PathEscape(string(app)) + "/logo?v=" + b.LogoHash
}
