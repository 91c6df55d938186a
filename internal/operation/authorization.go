package operation

import (
	"context"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/oauth"
)

// AskedFor is what an OAuth client asks a person for.
type AskedFor struct {
	Client    AskingClient    `json:"client"`
	Scopes    []AskedScope    `json:"scopes"`
	Resources []AskedResource `json:"resources"`
	// Offline says that the client keeps its access when the person signs out.
	Offline bool `json:"offline"`
	AccessLife
	// Host is where the browser is sent afterwards; no value: nowhere.
	Host string `json:"host,omitempty"`
	// OnDevice says that whatever program runs on the person's device may get the answer.
	OnDevice bool `json:"on_device"`
	// Consent is false if the person is only asked which account it is about.
	Consent bool `json:"consent"`
}

// AccessLife is how long a client keeps the access that it is given, unless the person signs out before.
type AccessLife struct {
	// Unused is how long without use; no value: it cannot renew it.
	Unused time.Duration `json:"unused,omitempty"`
	// Longest is how long in all.
	Longest time.Duration `json:"longest,omitempty"`
}

// AskingClient is who asks.
type AskingClient struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Verified is false for a client that made itself known: nobody here vouches for its name.
	Verified bool   `json:"verified"`
	Site     string `json:"site,omitempty"`
	Logo     string `json:"logo,omitempty"`
	Terms    string `json:"terms,omitempty"`
	Privacy  string `json:"privacy,omitempty"`
}

// AskedScope is one scope with what it lets the client do, in the words of the resource that declares it; no words for the
// scopes that every app has.
type AskedScope struct {
	Name string `json:"name"`
	Text string `json:"text,omitempty"`
}

// AskedResource is a resource that the tokens will be for.
type AskedResource struct {
	URI  string `json:"uri"`
	Name string `json:"name"`
}

// WaitingDevice is a device that waits to be let in.
type WaitingDevice struct {
	Client    AskingClient    `json:"client"`
	Scopes    []AskedScope    `json:"scopes"`
	Resources []AskedResource `json:"resources"`
	Offline   bool            `json:"offline"`
	AccessLife
	UserCode  string    `json:"user_code"`
	IP        string    `json:"ip,omitempty"` // where it asked from
	UserAgent string    `json:"user_agent,omitempty"`
	AskedAt   time.Time `json:"asked_at"`
}

// ClientAnswer is what the browser takes back to a client.
type ClientAnswer struct {
	// Location is where the browser goes by GET; no value where it has to post a form.
	Location string `json:"location,omitempty"`
	// Target is where the browser posts Fields; no value where it goes by GET.
	Target string        `json:"target,omitempty"`
	Fields []AnswerField `json:"fields"`
}

// AnswerField is one field of the form.
type AnswerField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func askedFor(a oauth.AskedFor) AskedFor {
	o := a.Client.Settings.OAuth
	return AskedFor{Client: AskingClient{ID: a.Client.OAuthID(), Name: a.Client.Name, Verified: a.Verified, Site: o.ClientURI, Logo: o.LogoURI,
		Terms: o.TOSURI, Privacy: o.PolicyURI}, Offline: a.Offline, AccessLife: AccessLife{Unused: a.Unused, Longest: a.Longest}, Host: a.Host, OnDevice: a.OnDevice, Consent: a.Consent,
		Scopes: scopeWords(a.Scopes), Resources: resourceWords(a.Resources)}
}

func scopeWords(list []oauth.ScopeWords) []AskedScope {
	out := make([]AskedScope, len(list))
	for i, s := range list {
		out[i] = AskedScope(s)
	}
	return out
}

func resourceWords(list []auth.ProtectedResource) []AskedResource {
	out := make([]AskedResource, len(list))
	for i, r := range list {
		out[i] = AskedResource{URI: r.URI, Name: r.Name}
	}
	return out
}

func clientAnswer(a oauth.Answer) ClientAnswer {
	if a.Mode != auth.ModeFormPost {
		return ClientAnswer{Location: a.Location(), Fields: []AnswerField{}}
	}
	out := ClientAnswer{Target: a.RedirectURI, Fields: make([]AnswerField, len(a.Parameters))}
	for i, p := range a.Parameters {
		out.Fields[i] = AnswerField(p)
	}
	return out
}

// FlowInput is the input of the operations about a request that waits at a browser.
type FlowInput struct {
	Flow    string `input:"flow,required,secret"`
	Browser string `input:"browser,secret"` // the cookie that binds the flow to the browser
}

func (c *Catalogue) showAuthorization() *Definition {
	return define(Definition{
		Name: "show-authorization",
		Doc: "Tells what an OAuth client asks for, and where the browser will be sent: of a request that this browser brought and that " +
			"waits for its person. Nothing changes.",
		Access:  Person,
		Results: []Result{result[AskedFor]("ok", "Who asks for what.")},
		Errors:  []auth.Code{auth.CodeProofInvalid, auth.CodeReauthRequired},
	}, func(ctx context.Context, r *Request, in *FlowInput) (Outcome, error) {
		asked, err := c.deps.OAuth.ShowAuthorization(ctx, r.Caller, in.Flow, in.Browser)
		if err != nil {
			return Outcome{}, err
		}
		return OK(askedFor(asked)), nil
	})
}

func (c *Catalogue) approveAuthorization() *Definition {
	return define(Definition{
		Name: "approve-authorization",
		Doc: "Gives an OAuth client what it asks for, and remembers it. The answer says how the browser takes the code back. The request " +
			"is over then. Where the client wants the person to prove again who they are, that comes first.",
		Access:   Person,
		Consumes: true,
		Results:  []Result{result[ClientAnswer]("ok", "What the browser takes back.")},
		Errors:   []auth.Code{auth.CodeProofInvalid, auth.CodeReauthRequired},
	}, func(ctx context.Context, r *Request, in *FlowInput) (Outcome, error) {
		answer, err := c.deps.OAuth.ApproveAuthorization(ctx, r.Caller, in.Flow, in.Browser)
		if err != nil {
			return Outcome{}, err
		}
		return OK(clientAnswer(answer)), nil
	})
}

func (c *Catalogue) denyAuthorization() *Definition {
	return define(Definition{
		Name:     "deny-authorization",
		Doc:      "Refuses an OAuth client what it asks for. The answer says how the browser tells it. The request is over then.",
		Access:   Person,
		Consumes: true,
		Results:  []Result{result[ClientAnswer]("ok", "What the browser takes back.")},
		Errors:   []auth.Code{auth.CodeProofInvalid},
	}, func(ctx context.Context, r *Request, in *FlowInput) (Outcome, error) {
		answer, err := c.deps.OAuth.DenyAuthorization(ctx, r.Caller, in.Flow, in.Browser)
		if err != nil {
			return Outcome{}, err
		}
		return OK(clientAnswer(answer)), nil
	})
}

// UserCodeInput is the input of the operations about a device that waits.
type UserCodeInput struct {
	UserCode string `input:"user_code,required"`
}

func (c *Catalogue) showDevice() *Definition {
	return define(Definition{
		Name: "show-device",
		Doc: "Tells which device waits under a code that a person typed, what it asks for and from where. From then on only the session " +
			"that asked decides about it. Wrong codes are counted.",
		Access:  Person,
		Results: []Result{result[WaitingDevice]("ok", "The device.")},
		Errors:  []auth.Code{auth.CodeProofInvalid},
	}, func(ctx context.Context, r *Request, in *UserCodeInput) (Outcome, error) {
		d, err := c.deps.OAuth.ShowDevice(ctx, r.Caller, in.UserCode)
		if err != nil {
			return Outcome{}, err
		}
		a := askedFor(d.AskedFor)
		return OK(WaitingDevice{Client: a.Client, Scopes: a.Scopes, Resources: a.Resources, Offline: a.Offline, AccessLife: a.AccessLife, UserCode: d.UserCode, IP: d.IP, UserAgent: d.UserAgent, AskedAt: d.AskedAt}), nil
	})
}

func (c *Catalogue) approveDevice() *Definition {
	return define(Definition{
		Name:     "approve-device",
		Doc:      "Lets a device in that this session was shown. It gets its tokens the next time it asks.",
		Access:   Person,
		Consumes: true,
		Results:  []Result{result[Done]("ok", "The device may come in.")},
		Errors:   []auth.Code{auth.CodeProofInvalid},
	}, func(ctx context.Context, r *Request, in *UserCodeInput) (Outcome, error) {
		return done(c.deps.OAuth.ApproveDevice(ctx, r.Caller, in.UserCode))
	})
}

func (c *Catalogue) denyDevice() *Definition {
	return define(Definition{
		Name:     "deny-device",
		Doc:      "Turns a device away that this session was shown.",
		Access:   Person,
		Consumes: true,
		Results:  []Result{result[Done]("ok", "The device gets nothing.")},
		Errors:   []auth.Code{auth.CodeProofInvalid},
	}, func(ctx context.Context, r *Request, in *UserCodeInput) (Outcome, error) {
		return done(c.deps.OAuth.DenyDevice(ctx, r.Caller, in.UserCode))
	})
}
