package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// concealed is a request whose answer must not depend on whose address it names.
type concealed struct {
	name string
	of   func(email string) ask
	// equal says that it does the same work for every address as well, so that it leaves as many rows.
	equal bool
}

// wrongGuess is nobody's password.
const wrongGuess = "not the password at all"

// concealing lists them for every contract, by what its policy conceals.
func concealing() []concealed {
	var out []concealed
	for _, d := range doors() {
		out = append(out, concealed{d.contract + " sign-in", func(email string) ask { return d.signIn(email, wrongGuess) }, true})
		if d.forgot != nil {
			out = append(out, concealed{d.contract + " forgotten password", d.forgot, true})
		}
		if slices.Contains([]string{"ostiary", "bunch", "phala"}, d.contract) {
			out = append(out, concealed{d.contract + " register", func(email string) ask {
				name, _, _ := strings.Cut(email, "@")
				return d.register("new"+name, email, phrase)
			}, false})
		}
	}
	return append(out,
		concealed{"ostiary check", func(email string) ask {
			return ask{"POST", "/api/ostiary/v1/sign-in-methods/check", object{"email": email}}
		}, true},
		concealed{"accountmaker check", func(email string) ask {
			return ask{"POST", "/auth/check-email", object{"client_id": "default", "email": email}}
		}, true},
		concealed{"ostiary magic link", func(email string) ask {
			return ask{"POST", "/api/ostiary/v1/magic-links", object{"email": email}}
		}, true},
		concealed{"accountmaker magic link", func(email string) ask {
			return ask{"POST", "/auth/send-magic-link", object{"client_id": "default", "email": email}}
		}, true},
		concealed{"ostiary verification", func(email string) ask {
			return ask{"POST", "/api/ostiary/v1/email-verification/request", object{"email": email}}
		}, true},
		concealed{"wolfpal verification", func(email string) ask {
			return ask{"POST", "/user/activate-account/resend", url.Values{"email": {email}}}
		}, true})
}

// people are addresses of one length, in every state that an account may have, and one that nobody has.
var people = []string{"nobodyhere", "verified01", "unverified", "disabled01", "nopassword", "imported01", "secondstep"}

// changing is what differs between any two answers.
var changing = []*regexp.Regexp{
	regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`),
	regexp.MustCompile(`[\w-]{40,}`),
	regexp.MustCompile(strings.Join(people, "|") + `|nobodyno\d\d`),
}

// EN-01: for every contract and every account state the whole answer is the same: status, headers, length, body.
// EN-02: and so is what it leaves behind, where the same work must be done; the time itself is measured by
// BenchmarkConcealment.
func TestConcealment_EN01_EN02(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		key := ok[client.NewAppKey](t)(i.Operator.CreateAppKey(t.Context(), "default", "door", "")).Secret
		h := &house{wire: newWire(t, i), key: key}
		h.populate()
		r := openRows(t, i)
		for n, c := range concealing() {
			var first, kept string
			for _, name := range people {
				if name == people[0] && !c.equal {
					name = fmt.Sprintf("nobodyno%02d", n) // who signs up is somebody afterwards
				}
				before := r.counts()
				reply := h.do(c.of(name+"@example.com"), "")
				if shown := plainAnswer(reply); first == "" {
					first = shown
				} else if shown != first {
					t.Errorf("%s tells %s apart:\n%s\nfrom\n%s", c.name, name, shown, first)
				}
				if rows := grown(before, r.counts()); kept == "" {
					kept = rows
				} else if c.equal && rows != kept {
					t.Errorf("%s of %s leaves %s, that of nobody %s", c.name, name, rows, kept)
				}
			}
		}
		i.Work()
		for _, m := range i.Mails("@") {
			if strings.Contains(m.To, "decoy") || strings.Contains(m.To, people[0]) {
				t.Errorf("a mail to %s: %s", m.To, m.Text)
			}
		}
		if left := r.texts("SELECT kind FROM jobs WHERE state = 'queued'"); len(left) != 0 {
			t.Errorf("jobs nobody does: %v", left)
		}
	}, allContracts("accountmaker"), hostileLimits(false))
}

// populate makes the users.
func (h *house) populate() {
	h.t.Helper()
	ctx, i := h.t.Context(), h.i
	for _, name := range people[1:] {
		u := client.NewUser{Email: name + "@example.com", EmailVerified: name != "unverified", Password: phrase}
		switch name {
		case "nopassword":
			u.Password = ""
		case "imported01":
			line := `{"email":"` + u.Email + `","email_verified":true,"password":` + arrivals["bcrypt"] + `}`
			ok[client.ImportReport](h.t)(i.Operator.ImportUsers(ctx, client.ImportBatch{Lines: []string{line}}))
			continue
		}
		made := ok[client.User](h.t)(i.Operator.CreateUser(ctx, u))
		switch name {
		case "disabled01":
			ok[client.User](h.t)(i.Operator.DisableUser(ctx, made.ID))
		case "secondstep":
			in := ok[client.SignInResult](h.t)(i.Client.SignIn(ctx, client.SignIn{Identifier: u.Email, Password: phrase}))
			me := i.Client.WithToken(in.Tokens.AccessToken)
			begun := ok[client.TOTP](h.t)(me.BeginTOTP(ctx, ""))
			ok[[]string](h.t)(me.ConfirmTOTP(ctx, code(h.t, i, begun.Secret)))
		}
	}
	i.Work()
}

// plainAnswer is everything that a client sees of an answer but what no two answers share.
func plainAnswer(r reply) string {
	header := r.Header.Clone()
	for _, name := range []string{"Date", "X-Request-Id"} {
		header.Del(name)
	}
	var b strings.Builder
	_ = header.Write(&b) // a Builder takes everything
	text := fmt.Sprintf("%d %s\n%s%d bytes\n%s", r.Status, http.StatusText(r.Status), b.String(), len(r.Body), r.Body)
	if id := r.Header.Get("X-Request-Id"); id != "" {
		text = strings.ReplaceAll(text, id, "*")
	}
	for _, p := range changing {
		text = p.ReplaceAllString(text, "*")
	}
	return text
}
