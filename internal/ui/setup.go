package ui

import (
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// setupSteps is how many steps the set-up of a new server has.
const setupSteps = 3

// setupPages are the first run: the link that the server prints leads to the first of three steps, each of which is done
// when it is sent. Whoever stops in between goes on as any administrator does.
func setupPages() []page {
	return []page{
		{"GET", "/setup", showSetup},
		{"POST", "/setup", setup},
		{"GET", "/setup/app", showSetupApp},
		{"POST", "/setup/app", setupApp},
		{"GET", "/setup/people", showSetupPeople},
		{"POST", "/setup/people", setupPeople},
		{"GET", "/setup/done", showSetupDone},
	}
}

// setupPage is one of the steps.
type setupPage struct {
	base
	Step, Steps int
	Modes       []choice
}

// choice is one of a group of radio buttons.
type choice struct {
	Value, Label, Hint string
	Chosen             bool
}

func showSetup(v *visit) error {
	return v.show("setup", &setupPage{base: base{title: titles["setup"], Token: v.r.URL.Query().Get("token")}, Step: 1, Steps: setupSteps})
}

func setup(v *visit) error {
	out, err := v.stranger("create-first-administrator", &operation.CreateFirstAdministratorInput{Token: v.form.Get("token"),
		Email: v.form.Get("email"), Password: v.form.Get("password"), Name: v.form.Get("name")})
	if err != nil {
		return v.again("setup", err, &setupPage{Step: 1, Steps: setupSteps})
	}
	return v.entered(out, "/setup/app")
}

// managed is the app of the visit as its administrator sees it; everybody else is refused by the operation.
func (v *visit) managed() (operation.App, error) {
	return read[operation.App](v, "get-app", &operation.AppInput{ID: v.app.ID})
}

func showSetupApp(v *visit) error {
	app, err := v.managed()
	if err != nil {
		return err
	}
	return v.show("setup-app", &setupPage{base: base{title: titles["setup-app"], values: map[string][]string{"name": {app.Name}}}, Step: 2, Steps: setupSteps})
}

func setupApp(v *visit) error {
	in := &operation.UpdateAppInput{ID: v.app.ID, Name: operation.Optional[string]{Present: true, Value: v.form.Get("name")}}
	if _, err := v.person("update-app", in); err != nil {
		return v.again("setup-app", err, &setupPage{Step: 2, Steps: setupSteps})
	}
	return v.to("/setup/people")
}

// modes are the ways to sign up, with what was chosen.
func (v *visit) modes(chosen auth.RegistrationMode) (out []choice, err error) {
	t, err := v.translator()
	for _, mode := range []auth.RegistrationMode{auth.RegistrationOpen, auth.RegistrationInviteCode, auth.RegistrationInvite, auth.RegistrationWaitlist, auth.RegistrationClosed} {
		one := choice{Value: string(mode), Chosen: mode == chosen}
		if err == nil {
			one.Label, err = t.T(modeWords[mode][0])
		}
		if err == nil {
			one.Hint, err = t.T(modeWords[mode][1])
		}
		out = append(out, one)
	}
	return out, err
}

// modeWords are the sentences of the ways to sign up, and of what they mean.
var modeWords = map[auth.RegistrationMode][2]string{
	auth.RegistrationOpen:       {"page.setup.mode-open", "page.setup.mode-open-hint"},
	auth.RegistrationInviteCode: {"page.setup.mode-invite-code", "page.setup.mode-invite-code-hint"},
	auth.RegistrationInvite:     {"page.setup.mode-invite", "page.setup.mode-invite-hint"},
	auth.RegistrationWaitlist:   {"page.setup.mode-waitlist", "page.setup.mode-waitlist-hint"},
	auth.RegistrationClosed:     {"page.setup.mode-closed", "page.setup.mode-closed-hint"},
}

func showSetupPeople(v *visit) error {
	app, err := v.managed()
	if err != nil {
		return err
	}
	shown := &setupPage{base: base{title: titles["setup-people"]}, Step: 3, Steps: setupSteps}
	if shown.Modes, err = v.modes(app.Registration); err != nil {
		return err
	}
	return v.show("setup-people", shown)
}

func setupPeople(v *visit) error {
	mode := auth.RegistrationMode(v.form.Get("registration"))
	in := &operation.UpdateAppInput{ID: v.app.ID, Registration: operation.Optional[auth.RegistrationMode]{Present: true, Value: mode}}
	if _, err := v.person("update-app", in); err != nil {
		shown := &setupPage{Step: 3, Steps: setupSteps}
		var failed error
		if shown.Modes, failed = v.modes(mode); failed != nil {
			return failed
		}
		return v.again("setup-people", err, shown)
	}
	return v.to("/setup/done")
}

// snippet is text to be copied.
type snippet struct{ ID, Label, Text, Copy, Copied string }

// Snippet is a text with its button, for a program or a place that label names.
func (p *startPage) Snippet(label, text string) (s snippet, err error) {
	s = snippet{ID: "snippet-" + label, Label: label, Text: text}
	if s.Copy, err = p.T("page.setup.copy"); err == nil {
		s.Copied, err = p.T("page.setup.copied")
	}
	return s, err
}

// KeyCommand makes a key of the app; empty: no sample asks for one.
func (p *startPage) KeyCommand() string {
	for _, s := range p.Samples {
		if strings.Contains(s.Curl(), contract.SampleAppKey) {
			return "ostiary apps keys create " + p.App
		}
	}
	return ""
}

// startPage shows what to do with a server that is set up.
type startPage struct {
	base
	SignIn  string // address of the sign-in page
	Samples []contract.Sample
}

func showSetupDone(v *visit) error {
	if _, err := v.managed(); err != nil {
		return err
	}
	shown := &startPage{base: base{title: "page.setup.done", Wide: true}, SignIn: v.p.o.PublicURL + v.link("/sign-in")}
	if v.p.o.Samples != nil {
		shown.Samples = v.p.o.Samples(v.app.ID, v.who())
	}
	return v.show("setup-done", shown)
}
