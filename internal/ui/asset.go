package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/ostiary-id/ostiary/web"
)

// assets are the files of pages: named after their content, so that browsers keep them for good, and compressed once.
// Pages themselves are not compressed: they show what a request says beside what must stay secret, and the length of such
// a thing, compressed, tells of the secret (BREACH).
type assets struct {
	files   map[string]asset  // by path
	styles  map[string]string // path of the style sheet by skin
	scripts map[string]string // path by name
}

type asset struct {
	kind         string
	plain, small []byte
}

const assetsDir = "/static/"

func newAssets(library *web.Library) (assets, error) {
	a := assets{files: map[string]asset{}, styles: map[string]string{}, scripts: map[string]string{}}
	for _, app := range library.Skins() {
		style, err := library.Skin(app).Style()
		if err != nil {
			return a, fmt.Errorf("style sheet: %w", err)
		}
		if a.styles[app], err = a.add("style", ".css", "text/css; charset=utf-8", style); err != nil {
			return a, err
		}
	}
	for _, name := range web.Scripts() {
		script, err := web.Script(name)
		if err != nil {
			return a, fmt.Errorf("script %s: %w", name, err)
		}
		if a.scripts[name], err = a.add(name, ".js", "text/javascript; charset=utf-8", script); err != nil {
			return a, err
		}
	}
	return a, nil
}

func (a assets) add(name, ending, kind string, plain []byte) (string, error) {
	sum := sha256.Sum256(plain)
	path := assetsDir + name + "-" + hex.EncodeToString(sum[:8]) + ending
	var small bytes.Buffer
	w, err := gzip.NewWriterLevel(&small, gzip.BestCompression)
	if err != nil {
		return "", fmt.Errorf("compress %s: %w", path, err)
	}
	if _, err := w.Write(plain); err != nil {
		return "", fmt.Errorf("compress %s: %w", path, err)
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("compress %s: %w", path, err)
	}
	a.files[path] = asset{kind, plain, small.Bytes()}
	return path, nil
}

// style is the path of the style sheet of an app.
func (a assets) style(app string) string {
	if path, ok := a.styles[app]; ok {
		return path
	}
	return a.styles[""]
}

func (a assets) serve(w http.ResponseWriter, r *http.Request) error {
	file := a.files[r.URL.Path]
	h := w.Header()
	h.Set("Content-Type", file.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := file.plain
	if takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = file.small
	}
	_, _ = w.Write(body) // a client that hung up cannot be told
	return nil
}

// takesGzip reads Accept-Encoding (RFC 9110 section 12.5.3) as far as browsers use it.
func takesGzip(r *http.Request) bool {
	for one := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.ReplaceAll(one, " ", ""), ";")
		if strings.EqualFold(name, "gzip") {
			return strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
		}
	}
	return false
}
