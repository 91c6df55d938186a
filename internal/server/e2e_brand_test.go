package server_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// brandWith changes the looks of the default app.
func brandWith(t *testing.T, i *servertest.Instance, change map[string]any) (client.App, error) {
	t.Helper()
	return i.Operator.UpdateApp(t.Context(), "default", 0, map[string]any{"brand": change})
}

func pngOf(t *testing.T, side int) []byte {
	t.Helper()
	var b bytes.Buffer
	none(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, side, side))))
	return b.Bytes()
}

// A logo is one of three kinds of files by its first bytes, and is served as that alone (WB-08).
func TestBrand_WB08(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		file := pngOf(t, 8)
		text := base64.StdEncoding.EncodeToString(file)
		app := ok[client.App](t)(brandWith(t, i, map[string]any{"accent": "#1F4D3A", "logo": text, "terms_url": "https://example.com/terms",
			"privacy_url": "https://example.com/privacy", "support_email": "help@example.com"}))
		if b := app.Brand; b.Accent != "#1f4d3a" || b.TermsURL != "https://example.com/terms" || b.SupportEmail != "help@example.com" ||
			!strings.HasPrefix(b.LogoURL, i.URL+"/brand/default/logo?v=") {
			t.Errorf("%+v", b)
		}
		get := func(url string) (*http.Response, []byte) {
			r := ok[*http.Response](t)(i.HTTP.Get(url))
			defer func() { _ = r.Body.Close() }()
			var b bytes.Buffer
			_, err := b.ReadFrom(r.Body)
			none(t, err)
			return r, b.Bytes()
		}
		r, body := get(app.Brand.LogoURL)
		if r.StatusCode != http.StatusOK || !bytes.Equal(body, file) || r.Header.Get("Content-Type") != "image/png" ||
			r.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(r.Header.Get("Cache-Control"), "immutable") ||
			!strings.Contains(r.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%d %v", r.StatusCode, r.Header)
		}
		if r, _ := get(i.URL + "/brand/default/logo?v=another"); strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%v", r.Header)
		}
		for _, path := range []string{"/brand/nobody/logo", "/brand/default", "/brand/default/", "/brand//logo", "/brand/default%2Flogo/logo", "/brand/"} {
			if r, _ := get(i.URL + path); r.StatusCode != http.StatusNotFound {
				t.Errorf("%s: %d", path, r.StatusCode)
			}
		}

		svg := base64.StdEncoding.EncodeToString([]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`))
		html := base64.StdEncoding.EncodeToString([]byte("\x89PNG\r\n\x1a\n<script>alert(1)</script>"))
		for _, wrong := range []map[string]any{{"logo": svg}, {"logo": html}, {"logo": "no base64!"}, {"logo": text[:40]},
			{"logo": base64.StdEncoding.EncodeToString(append(pngOf(t, 8), make([]byte, 40<<10)...))},
			{"logo": base64.StdEncoding.EncodeToString(pngOf(t, 3000))},
			{"accent": "red"}, {"accent": "#12345"}, {"accent": "#12345g"}, {"accent": "#1f4d3a;color:red"}, {"terms_url": "http://example.com/"},
			{"terms_url": "javascript:alert(1)"}, {"privacy_url": "https://user@example.com/"}, {"privacy_url": "//example.com"},
			{"privacy_url": "https://exa mple.com/"}, {"support_email": "nobody"}} {
			if _, err := brandWith(t, i, wrong); !client.IsCode(err, string(auth.CodeInvalidRequest)) {
				t.Errorf("%v: %v", wrong, err)
			}
		}
		if now := ok[client.App](t)(i.Operator.GetApp(t.Context(), "default")); now.Brand != app.Brand {
			t.Errorf("a refused change has changed %+v", now.Brand)
		}
		if now := ok[client.App](t)(brandWith(t, i, map[string]any{"logo": nil, "accent": nil})); now.Brand.LogoURL != "" || now.Brand.Accent != "" ||
			now.Brand.TermsURL == "" {
			t.Errorf("%+v", now.Brand)
		}
		if r, _ := get(i.URL + "/brand/default/logo"); r.StatusCode != http.StatusNotFound {
			t.Errorf("the logo is there: %d", r.StatusCode)
		}
	})
}
