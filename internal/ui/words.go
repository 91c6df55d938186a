package ui

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/operation"
	"github.com/ostiary-id/ostiary/web"
)

// explain says in the language of the page what went wrong. Operations explain themselves in English; in other
// languages the code must do.
func (b *base) explain(e *auth.Error) string {
	if b.Lang == web.English && e.Message != "" && e.Code.Status() < http.StatusInternalServerError {
		return sentence(e.Message)
	}
	if len(e.Violations) > 0 {
		return b.violated(e.Violations[0])
	}
	return b.said("error."+string(e.Code), e.Code.Title()+".")
}

// violated says what is wrong with one field.
func (b *base) violated(one auth.Violation) string {
	if b.Lang == web.English && one.Message != "" {
		return sentence(one.Message)
	}
	return b.said("violation."+plainViolation(one.Code), one.Message)
}

// sentence begins with a capital and ends. The name of a parameter, such as client_id, is written as it is wherever it stands.
func sentence(text string) string {
	if word, _, _ := strings.Cut(text, " "); !strings.Contains(word, "_") {
		first, size := utf8.DecodeRuneInString(text)
		text = string(unicode.ToUpper(first)) + text[size:]
	}
	if !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?") {
		text += "."
	}
	return text
}

// said is the sentence of a key, or instead of nothing the other one: a code without a sentence, which a test rules out,
// is no reason to say nothing.
func (b *base) said(key, instead string) string {
	if text, err := b.T(key); err == nil {
		return text
	}
	return instead
}

// plainViolation is the code under which people are told of a broken rule. Most rules cannot be broken in a browser,
// whose forms have them too; one sentence is enough for these.
func plainViolation(code string) string {
	switch code {
	case auth.ViolationRequired, auth.ViolationTooShort, auth.ViolationTooLong, auth.ViolationEmail, auth.ViolationPasswordWeak,
		auth.ViolationMismatch:
		return code
	}
	return auth.ViolationInvalid
}

// Check fills every page of every skin and language with samples, as it could be, and says what fails.
func Check(library *web.Library) (problems web.Problems) {
	assets, err := newAssets(library)
	if problems = problems.Add("pages/style.css", err); err != nil {
		return problems
	}
	p := &Pages{o: Options{Library: library}, assets: assets}
	for _, app := range library.Skins() {
		for _, language := range library.Speaks() {
			t, err := library.Skin(app).Translator(language)
			if err != nil {
				problems = problems.Add("locales/"+language+".json", err)
				continue
			}
			for _, name := range web.Pages() {
				problems = problems.Add("pages/"+name, p.checkPage(app, t, name))
			}
			problems = problems.Add("locales/"+language+".json", checkSentences(t))
		}
	}
	return problems
}

// checkPage fills a page with everything it can show and with nothing.
func (p *Pages) checkPage(app string, t *web.Translator, name string) error {
	page, err := p.o.Library.Skin(app).Page(name)
	if err != nil {
		return err
	}
	for _, problem := range []*auth.Error{nil, {Code: auth.CodeInvalidRequest, Violations: []auth.Violation{
		{Field: "password", Code: auth.ViolationTooShort}, {Field: "code", Code: auth.ViolationInvalid}}}} {
		for _, content := range samples(name) {
			b := content.common()
			b.Translator, b.problem = t, problem
			v := &visit{p: p, r: &http.Request{}, app: auth.App{ID: auth.AppID(app), Name: "App", Settings: auth.AppSettings{Brand: sampleBrand(problem == nil)}}, returnTo: "/", form: url.Values{"email": {"ada@example.com"}}}
			if err := v.fill(b); err != nil {
				return err
			}
			if err := page.Execute(io.Discard, content); err != nil {
				return err
			}
		}
	}
	return nil
}

// sampleBrand is everything an app may show of itself, or nothing.
func sampleBrand(full bool) auth.Brand {
	if !full {
		return auth.Brand{}
	}
	return auth.Brand{Accent: "#1f5f8b", TermsURL: "https://example.com/terms", PrivacyURL: "https://example.com/privacy",
		Support: "help@example.com", LogoHash: "0"}
}

// samples are what a page may be filled with. A page that has none is a plain form.
func samples(name string) []shown {
	plain := base{Title: "Title", Wide: true, Token: "token", remedy: "page.sign-in.title", remedyPath: "/"}
	if strings.HasPrefix(name, "my") {
		return mySamples(name, plain)
	}
	if list := oauthSamples(name, plain); list != nil {
		return list
	}
	switch name {
	case "index":
		return []shown{&indexPage{}, &indexPage{base: plain, Inbox: true,
			Contracts: []contract.Info{{Name: "ostiary", Title: "Ostiary", Bases: []string{"/api"}}}}}
	case "inbox":
		return []shown{&inboxPage{}, &inboxPage{base: plain,
			Messages: []mail.InboxMessage{{ID: "1", To: "ada@example.com", Subject: "Subject", Text: "Text", Links: []string{"https://example.com/"}}}}}
	case "message":
		return []shown{&messagePage{}, &messagePage{base: plain, Text: "Text", Detail: "invalid_request: client_id is missing.", Site: "https://app.example.com/", Host: "app.example.com", Next: &remedy{"/", "Text"}, Also: &remedy{"/", "Text"}}}
	case "sign-in", "password":
		return []shown{&signInPage{}, &signInPage{base: plain, Identifier: "ada@example.com", Password: true, Mail: true, Passkey: true, Autofill: true, SignUp: true,
			Who: "ada@example.com", Providers: sampleProviders()}}
	case "magic-code":
		return []shown{&codePage{}, &codePage{base: plain, Identifier: "ada@example.com"}}
	case "two-factor":
		return []shown{&twoFactorPage{}, &twoFactorPage{base: plain, Code: true, Passkey: true}}
	case "sign-up":
		return []shown{&signUpPage{Providers: sampleProviders()}, &signUpPage{base: plain, Code: true}, &signUpPage{Waiting: true}, &signUpPage{Shut: true}, &signUpPage{Shut: true, Invited: true}}
	case "step-up":
		return []shown{&stepUpPage{}, &stepUpPage{base: plain, Email: "ada@example.com", Password: true, Code: true, Passkey: true}}
	case "reset":
		return []shown{&resetPage{}, &resetPage{base: plain, Email: "ada@example.com"}}
	}
	return samplesBeyond(name, plain)
}

// samplesBeyond are those of pages that somebody comes to from elsewhere: from a mail, a provider or the first start.
func samplesBeyond(name string, plain base) []shown {
	switch name {
	case "verify", "cancel", "keep", "magic", "invite", "link":
		return []shown{&mailedPage{}, &mailedPage{plain, operation.LinkPreview{Email: "ada@example.com", Account: "Team", Provider: "Provider", Upstream: "Ada"}}}
	case "add-provider":
		return []shown{&addPage{}, &addPage{plain, "Provider", "provider", "ada@example.com"}}
	case "connection":
		return []shown{&connectionPage{}, &connectionPage{plain, sampleProviders()[0], true}}
	case "leave":
		return []shown{&leavePage{base: plain, To: "/"}, &leavePage{plain, "https://id.example.com/", "id.example.com"}}
	case "signed-in":
		return []shown{&welcomePage{}, &welcomePage{plain, "ada@example.com", true, "{}"}}
	case "setup", "setup-app", "setup-people":
		return []shown{&setupPage{}, &setupPage{plain, 1, setupSteps, []choice{{"open", "Label", "Hint", true}}}}
	case "setup-done":
		return []shown{&startPage{}, &startPage{plain, "https://id.example.com/sign-in", []contract.Sample{{Contract: "ostiary", Title: "Ostiary", Method: "POST", Headers: []string{contract.SampleAppKey}}}}}
	}
	return []shown{&formPage{}, &formPage{base: plain}}
}

func sampleProviders() []operation.ProviderMethod {
	return []operation.ProviderMethod{{Provider: "provider", Title: "Provider"}}
}

// checkSentences says those that code names and no template: titles of pages, fields and errors.
func checkSentences(t *web.Translator) error {
	keys := []string{"page.message.failed", "page.message.dead-link", "page.message.not-found", "page.field.optional", "page.signed-out.title",
		"page.signed-out.text", "page.signed-out.ended",
		"page.magic.done", "page.leave.title", "page.setup.done",
		"page.field.check", "page.password.wrong", "page.field.show", "page.field.hide", "page.field.strength"}
	for _, title := range titles {
		keys = append(keys, title)
	}
	for _, f := range fields {
		keys = append(keys, f.label)
		if f.hint != "" {
			keys = append(keys, f.hint)
		}
	}
	for _, sentence := range endings {
		keys = append(keys, sentence)
	}
	for _, mode := range modeWords {
		keys = append(keys, mode[:]...)
	}
	keys = append(keys, errorWords...)
	for _, m := range messages {
		keys = append(keys, m.title, m.text)
		if m.next != "" {
			keys = append(keys, m.next)
		}
	}
	keys = append(append(keys, myKeys()...), oauthKeys()...)
	for _, code := range auth.Codes() {
		keys = append(keys, "error."+string(code))
	}
	for _, code := range auth.ViolationCodes() {
		keys = append(keys, "violation."+plainViolation(code))
	}
	for _, key := range keys {
		if _, err := t.T(key, brand{}); err != nil {
			return err
		}
	}
	return nil
}
