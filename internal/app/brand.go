package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"image"
	_ "image/jpeg" // the sizes of JPEG files
	_ "image/png"  // the sizes of PNG files
	"net/url"
	"regexp"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/store"
)

// BrandChange is what to change of the looks of an app; nil leaves it as it is, empty takes it away.
type BrandChange struct {
	Accent, TermsURL, PrivacyURL, Support *string
	// Logo is a PNG, JPEG or WebP file of at most MaxLogo bytes in base64.
	Logo *string
}

const (
	// MaxLogo is the most bytes of a logo: in base64 it still fits into the body of a request.
	MaxLogo = 40 << 10

	maxLogoSide = 2048 // pixels
	maxBrandURL = 500  // bytes
)

var accent = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// readLogo makes the image of its text; nil: it is not to change. An empty Image takes it away. What it is, is told by its
// first bytes and by nothing that anybody says; SVG can carry scripts and is none of the three (WB-08).
func (c BrandChange) readLogo() (*auth.Logo, error) {
	if c.Logo == nil {
		return nil, nil
	}
	if *c.Logo == "" {
		return &auth.Logo{}, nil
	}
	if len(*c.Logo) > base64.StdEncoding.EncodedLen(MaxLogo) {
		return nil, auth.Invalid("logo", auth.ViolationTooLong, fmt.Sprintf("A logo has at most %d bytes.", MaxLogo))
	}
	file, err := base64.StdEncoding.DecodeString(*c.Logo)
	if err != nil {
		return nil, auth.Invalid("logo", auth.ViolationFormat, "The file has to be in base64.")
	}
	l := auth.Logo{Type: sniff(file), Image: file}
	refusal := auth.Invalid("logo", auth.ViolationFormat, "A logo is a PNG, JPEG or WebP file of at most 2048 pixels a side.")
	switch l.Type {
	case "":
		return nil, refusal
	case "image/webp":
		return &l, nil
	}
	size, kind, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil || "image/"+kind != l.Type || size.Width > maxLogoSide || size.Height > maxLogoSide {
		return nil, refusal
	}
	return &l, nil
}

// sniff tells the media type by the signature of a file; empty: none of those that a logo may have.
func sniff(file []byte) string {
	switch {
	case bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	case bytes.HasPrefix(file, []byte("\xff\xd8\xff")):
		return "image/jpeg"
	case len(file) > 20 && string(file[:4]) == "RIFF" && string(file[8:15]) == "WEBPVP8":
		return "image/webp"
	}
	return ""
}

// apply changes the settings and stores the image.
func (c BrandChange) apply(tx *store.Tx, app auth.AppID, to *auth.Brand, logo *auth.Logo) error {
	for _, f := range []struct{ into, from *string }{{&to.Accent, c.Accent}, {&to.TermsURL, c.TermsURL},
		{&to.PrivacyURL, c.PrivacyURL}, {&to.Support, c.Support}} {
		if f.from != nil {
			*f.into = strings.TrimSpace(*f.from)
		}
	}
	to.Accent = strings.ToLower(to.Accent)
	switch {
	case logo == nil:
		return nil
	case len(logo.Image) == 0:
		to.LogoHash = ""
		return tx.DeleteAppLogo(app)
	}
	sum := sha256.Sum256(logo.Image)
	to.LogoHash = hex.EncodeToString(sum[:8])
	return tx.PutAppLogo(app, *logo)
}

func checkBrand(b auth.Brand) error {
	if b.Accent != "" && !accent.MatchString(b.Accent) {
		return auth.Invalid("accent", auth.ViolationFormat, "A colour is written #rrggbb.")
	}
	for _, f := range []struct{ field, text string }{{"terms_url", b.TermsURL}, {"privacy_url", b.PrivacyURL}} {
		if f.text == "" {
			continue
		}
		u, err := url.Parse(f.text)
		if err != nil || len(f.text) > maxBrandURL || u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
			strings.ContainsFunc(f.text, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			return auth.Invalid(f.field, auth.ViolationFormat, "It is an https address.")
		}
	}
	if b.Support == "" {
		return nil
	}
	if _, err := auth.CanonicalEmail(b.Support); err != nil {
		return auth.Invalid("support_email", auth.ViolationEmail, "It is an e-mail address.")
	}
	return nil
}

// Logo reads the logo of an app from the cache. Its bytes are shared: do not change them. Code: not-found.
func (s *Service) Logo(ctx context.Context, id auth.AppID) (auth.Logo, error) {
	l, err := s.logos.Get(ctx, string(id), func(tx *store.Tx) (auth.Logo, error) { return tx.AppLogo(id) })
	if err != nil {
		return auth.Logo{}, missing(err, "logo")
	}
	return l, nil
}
