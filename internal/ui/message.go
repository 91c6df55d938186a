package ui

import (
	"github.com/go-chi/chi/v5"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/mail"
)

// messagePage says one thing, and perhaps where to go from there.
type messagePage struct {
	base
	Text             string
	Detail           string // what went wrong, in the English of a protocol, for developers
	Site, Host       string // address and host of another's site that is the way on
	Next, Also       *remedy
	text, next, path string // keys of Text and Next, and the path of Next
	resend           bool   // Also leads to another mail
}

// message is a page that says one thing, by keys of sentences.
type message struct {
	title, text string
	next, path  string // key and path of the way on; empty: none
	resend      bool   // another mail can be asked for
}

// messages are the pages after a form and those that others send people to: a closed list, so that nobody can
// make the server say something of theirs.
var messages = map[string]message{
	"verified":   {title: "page.verify.done", text: "page.verify.done-text", next: "page.sign-in.title", path: "/sign-in"},
	"staying":    {title: "page.keep.done", text: "page.keep.done-text"},
	"kept":       {title: "page.cancel.done", text: "page.cancel.done-text"},
	"linked":     {title: "page.add-provider.done", text: "page.add-provider.done-text", next: "page.my.title", path: "/my"},
	"passkey":    {title: "page.passkey.done", text: "page.passkey.done-text", next: "page.my.title", path: "/my"},
	"reset":      {title: "page.reset.done", text: "page.reset.done-text", next: "page.sign-in.title", path: "/sign-in"},
	"registered": {title: "page.done.mail", text: "page.done.registered", next: "page.sign-in.title", path: "/sign-in", resend: true},
	"waiting":    {title: "page.done.waiting", text: "page.done.waiting-text"},
	"forgotten":  {title: "page.done.mail", text: "page.done.forgotten", next: "page.sign-in.title", path: "/sign-in"},
	"proven":     {title: "page.done.proven", text: "page.done.proven-text"},
	"leaving":    {title: "page.my.data.gone", text: "page.my.data.gone-text"},

	"device-connected": {title: "page.device.done", text: "page.device.done-text", next: "page.my.apps.title", path: "/my/apps"},
	"device-refused":   {title: "page.device.refused", text: "page.device.refused-text"},
}

func showDone(v *visit) error {
	if chi.URLParam(v.r, "what") == "signed-in" {
		return showSignedIn(v)
	}
	m, ok := messages[chi.URLParam(v.r, "what")]
	if !ok {
		return auth.E(auth.CodeNotFound, "There is no such page.")
	}
	return v.tell(m)
}

// tell shows one of the messages.
func (v *visit) tell(m message) error {
	return v.say(&messagePage{base: base{title: m.title}, text: m.text, next: m.next, path: m.path, resend: m.resend})
}

// say fills the sentences of a message that come by key.
func (v *visit) say(shown *messagePage) error {
	t, err := v.translator()
	if err == nil && shown.text != "" {
		shown.Text, err = t.T(shown.text, brandOf(v.app))
	}
	if err == nil && shown.next != "" {
		shown.Next = &remedy{Path: v.link(shown.path)}
		shown.Next.Text, err = t.T(shown.next, brandOf(v.app))
	}
	if err == nil && shown.resend {
		shown.Also = &remedy{Path: v.link("/verify/resend")}
		shown.Also.Text, err = t.T(titles["resend"])
	}
	if err != nil {
		return err
	}
	return v.show("message", shown)
}

// refusal is the page about an error that no form can mend.
func refusal(e *auth.Error) *messagePage {
	shown := &messagePage{base: base{title: "page.message.failed", problem: e, status: e.Code.Status()}}
	switch e.Code {
	case auth.CodeProofInvalid:
		shown.title, shown.text, shown.next, shown.path = "page.message.dead-link", "page.error.ask-again", "page.sign-in.title", "/sign-in"
	case auth.CodeNotFound:
		shown.title, shown.text, shown.next, shown.path = "page.message.not-found", "page.error.lost", "page.sign-in.title", "/sign-in"
	case auth.CodeRateLimited, auth.CodeOverloaded, auth.CodeUnavailable, auth.CodeStorageFull, auth.CodeInternal, auth.CodeProviderUnavailable,
		auth.CodeChallengeUnavailable:
		shown.text = "page.error.wait"
	case auth.CodeInvalidRequest, auth.CodeCSRF, auth.CodeConflict, auth.CodeVersionMismatch, auth.CodeUnsupportedMedia, auth.CodeMethodNotAllowed,
		auth.CodePayloadTooLarge, auth.CodeNotAcceptable, auth.CodeAppMismatch:
		shown.text = "page.error.reopen"
	default:
		shown.text = "page.error.ask"
	}
	return shown
}

// errorWords are the sentences of what to do when something went wrong.
var errorWords = []string{"page.error.ask-again", "page.error.lost", "page.error.wait", "page.error.reopen", "page.error.ask", "page.error.other-way"}

// showError is where other parts send a browser with an error code of ours.
func showError(v *visit) error {
	code := auth.Code(v.r.URL.Query().Get("code"))
	if !code.Known() {
		code = auth.CodeInvalidRequest
	}
	shown := refusal(auth.E(code, ""))
	shown.status = auth.CodeInvalidRequest.Status()
	return v.say(shown)
}

// indexPage is the start page.
type indexPage struct {
	base
	Contracts []contract.Info
	Inbox     bool
}

func showIndex(v *visit) error {
	return v.show("index", &indexPage{base: base{title: "page.index.title"}, Contracts: v.p.o.Contracts, Inbox: v.p.o.Inbox != nil})
}

// inboxPage shows the mails of a server without a mail server.
type inboxPage struct {
	base
	Messages []mail.InboxMessage
}

// inboxLength is how many mails the development inbox shows.
const inboxLength = 100

func showInbox(v *visit) error {
	list, err := v.p.o.Inbox.List(v.r.Context(), inboxLength)
	if err != nil {
		return err
	}
	return v.show("inbox", &inboxPage{base: base{title: "page.inbox.title", Wide: true}, Messages: list})
}

func listInbox(v *visit) error {
	list, err := v.p.o.Inbox.List(v.r.Context(), inboxLength)
	if err != nil {
		return err
	}
	if list == nil {
		list = []mail.InboxMessage{}
	}
	return httpx.JSON(v.w, list)
}
