package server

import (
	"net/http"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/httpx"
)

// buttons are the pages of ours that say the same as the button before an operation.
var buttons = map[string]string{
	"verify-email":            "verify",
	"sign-in-with-token":      "magic",
	"accept-invite":           "invite",
	"cancel-email-change":     "cancel",
	"cancel-account-deletion": "keep",
}

// words are those of the page that contracts show a browser before an operation spends a secret: the sentences of our own page for
// it, in the language that the request asks for, else in that of the app. None for an operation that has no such page.
func (h *house) words(r *http.Request, id auth.AppID, operation string) (w contract.Words) {
	page, found := buttons[operation]
	if !found {
		return w
	}
	app, err := h.apps.Get(r.Context(), id)
	if err != nil {
		return w
	}
	t, err := h.library.Skin(string(id)).Translator(httpx.AcceptLanguage(r), app.Settings.Locale)
	if err != nil {
		return w
	}
	w.Lang, w.Dir = t.Lang, t.Dir
	for _, part := range []struct {
		name string
		to   *string
	}{{"title", &w.Title}, {"text", &w.Text}, {"button", &w.Button}} {
		if *part.to, err = t.T("page."+page+"."+part.name, struct{ Name string }{app.Name}); err != nil {
			return contract.Words{}
		}
	}
	return w
}
