package ui

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/web"
)

func TestEveryPageInEveryLanguage(t *testing.T) {
	if problems := Check(&web.Library{}); len(problems) > 0 {
		t.Error(problems)
	}
	skin := (&web.Library{}).Skin("")
	for _, tag := range web.Languages() {
		tr, err := skin.Translator(tag)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range auth.Codes() {
			if _, err := tr.T("error." + string(code)); err != nil {
				t.Errorf("%s: every error code needs a sentence in every language (web/locales): %v", tag, err)
			}
		}
	}
}

// Every sentence of the catalogues is said somewhere: by a template, or by the code that names it.
func TestNoSentenceIsUnused(t *testing.T) {
	used := regexp.MustCompile(`"((?:page|mail|format|violation|error)\.[a-z0-9_.-]+)"`)
	said := map[string]bool{}
	note := func(text string) {
		for _, m := range used.FindAllStringSubmatch(text, -1) {
			said[m[1]] = true
		}
	}
	for _, name := range web.Names() {
		if text, err := web.BuiltIn(name); err == nil && strings.HasSuffix(name, ".tmpl") {
			note(text)
		}
	}
	for _, dir := range []string{".", "../../web"} {
		sources, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(sources) == 0 {
			t.Fatal(err)
		}
		for _, name := range sources {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			note(string(source))
		}
	}
	for _, kind := range mail.Kinds() {
		for _, part := range []string{"subject", "title", "text", "close", "action"} {
			said[fmt.Sprintf("mail.%s.%s", kind, part)] = true
		}
		for _, detail := range mail.Details()[kind] {
			said[fmt.Sprintf("mail.%s.%s", kind, detail)] = true
		}
	}
	for _, code := range auth.Codes() {
		said["error."+string(code)] = true
	}
	for _, code := range auth.ViolationCodes() {
		said["violation."+plainViolation(code)] = true
	}
	text, err := web.BuiltIn("locales/en.json")
	if err != nil {
		t.Fatal(err)
	}
	var english map[string]any
	if err := json.Unmarshal([]byte(text), &english); err != nil {
		t.Fatal(err)
	}
	for key := range maps.Keys(english) {
		if !said[key] {
			t.Errorf("nothing says %s", key)
		}
	}
	for key := range said {
		if english[key] == nil && !strings.HasSuffix(key, ".action") {
			t.Errorf("there is no sentence %s", key)
		}
	}
}

// Every page is filled, with everything that it can show, within a millisecond at the median.
func BenchmarkPages(b *testing.B) {
	library := &web.Library{}
	assets, err := newAssets(library)
	if err != nil {
		b.Fatal(err)
	}
	p := &Pages{o: Options{Library: library}, assets: assets}
	t, err := library.Skin("").Translator("de")
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range web.Pages() {
		b.Run(name, func(b *testing.B) {
			page, err := library.Skin("").Page(name)
			if err != nil {
				b.Fatal(err)
			}
			v := &visit{p: p, r: &http.Request{}, app: auth.App{Name: "App", Settings: auth.AppSettings{Brand: sampleBrand(true)}}, returnTo: "/"}
			full := samples(name)
			content := full[min(1, len(full)-1)]
			content.common().Translator = t
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				if err := v.fill(content.common()); err != nil {
					b.Fatal(err)
				}
				if err := page.Execute(io.Discard, content); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "ns/median")
		})
	}
}

// A sentence begins with a capital, but for the name of a parameter, which is another name with one.
func TestSentence(t *testing.T) {
	for text, want := range map[string]string{"there is none": "There is none.", "client_id is missing.": "client_id is missing.",
		"Why?": "Why?", "état": "État.", "the redirect_uri is missing": "The redirect_uri is missing."} {
		if got := sentence(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
