package ui

import (
	"context"
	"io"
	"net/http"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/web"
)

// locale is the language of an app.
func (p *Pages) locale(ctx context.Context, app string) string {
	if p.o.Locale == nil {
		return ""
	}
	if app == "" {
		app = string(auth.DefaultApp)
	}
	return p.o.Locale(ctx, auth.AppID(app))
}

// translate fills the sentences of a view that come by key.
func (v *view) translate() (err error) {
	for _, part := range []struct {
		key string
		out *string
	}{{v.title, &v.Title}, {v.text, &v.Text}} {
		if part.key == "" {
			continue
		}
		if *part.out, err = v.T(part.key); err != nil {
			return err
		}
	}
	if v.problem == nil {
		return nil
	}
	if v.refused {
		v.Text = v.explain(v.problem)
	} else {
		v.Problem = v.explain(v.problem)
	}
	return nil
}

// explain says in the language of the page what went wrong. Operations explain themselves in English; in other
// languages the code must do.
func (v *view) explain(e *auth.Error) string {
	if v.Lang == web.English && e.Message != "" && e.Code.Status() < http.StatusInternalServerError {
		return e.Message
	}
	key := "error." + string(e.Code)
	if len(e.Violations) > 0 {
		key = "violation." + plainViolation(e.Violations[0].Code)
	}
	said, err := v.T(key)
	if err != nil { // a code without a sentence, which a test rules out, is no reason to say nothing
		return e.Code.Title() + "."
	}
	return said
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

// refusal is the page about an error.
func refusal(e *auth.Error) view {
	title := "page.message.failed"
	switch e.Code {
	case auth.CodeProofInvalid:
		title = "page.message.dead-link"
	case auth.CodeNotFound:
		title = "page.message.not-found"
	}
	return view{title: title, problem: e, refused: true}
}

// Check fills every page of every skin and language with a sample, as it could be, and says what fails.
func Check(library *web.Library) (problems web.Problems) {
	for _, app := range library.Skins() {
		skin := library.Skin(app)
		for _, language := range library.Speaks() {
			t, err := skin.Translator(language)
			if err != nil {
				problems = problems.Add("locales/"+language+".json", err)
				continue
			}
			for _, name := range web.Pages() {
				problems = problems.Add("pages/"+name, checkPage(skin, t, name))
			}
			problems = problems.Add("locales/"+language+".json", checkSentences(t))
		}
	}
	return problems
}

// checkPage fills a page with everything it can show and with nothing.
func checkPage(skin *web.Skin, t *web.Translator, name string) error {
	page, err := skin.Page(name)
	if err != nil {
		return err
	}
	for _, v := range []view{{}, {Title: "Title", Style: "/static/style.css", Problem: "Problem", Wide: true, Token: "token", App: "default",
		Name: "Ada", Email: "ada@example.com", Text: "Text", RequestID: "request", Inbox: true,
		Contracts: []contract.Info{{Name: "ostiary", Title: "Ostiary", Bases: []string{"/api"}}},
		Messages:  []mail.InboxMessage{{ID: "1", To: "ada@example.com", Subject: "Subject", Text: "Text", Links: []string{"https://example.com/"}}}}} {
		v.Translator = t
		if err := page.Execute(io.Discard, v); err != nil {
			return err
		}
	}
	return nil
}

// checkSentences says those that code names and no template: titles of pages and errors.
func checkSentences(t *web.Translator) error {
	keys := []string{"page.message.failed", "page.message.dead-link", "page.message.not-found"}
	for _, page := range web.Pages() {
		if page != "message" {
			keys = append(keys, "page."+page+".title")
		}
	}
	for _, v := range messages {
		keys = append(keys, v.title, v.text)
	}
	for _, code := range auth.Codes() {
		keys = append(keys, "error."+string(code))
	}
	for _, code := range auth.ViolationCodes() {
		keys = append(keys, "violation."+plainViolation(code))
	}
	for _, key := range keys {
		if _, err := t.T(key); err != nil {
			return err
		}
	}
	return nil
}
