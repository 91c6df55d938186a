package mail

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/queue"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/web"
)

// JobKind is the kind of the jobs that carry mails.
const JobKind = "mail"

// Kind is one kind of mail. Its sentences stand in the catalogues of package web, below mail.<kind>: subject, title, text
// and close, and action for those that are linked.
type Kind string

// The kinds of mail. Those that are linked carry a link and need Token and ExpiresAt; the others are notices.
const (
	VerifyEmail     Kind = "verify-email"
	ResetPassword   Kind = "password-reset"
	EmailTaken      Kind = "email-taken" // somebody tried to sign up with the address of an account
	PasswordChanged Kind = "password-changed"
	FactorChanged   Kind = "second-factor-changed" // with FactorOn, FactorOff or NewBackupCodes
	PasskeyChanged  Kind = "passkey-changed"       // with PasskeyAdded, PasskeyRemoved or PasskeyCloned
	BackupCodeUsed  Kind = "backup-code-used"      // with BackupCodesLeft
	AccountLocked   Kind = "account-locked"        // too many wrong sign-ins
	ChangeEmail     Kind = "change-email"          // to a new address, with the link that confirms it
	EmailChanging   Kind = "email-changing"        // to the old address: a change was asked for; the link cancels it
	EmailChanged    Kind = "email-changed"         // to the old address: it is the user's no more; the link takes it back
	AddEmail        Kind = "add-email"             // to one more address, with the link that confirms it
	EmailsChanged   Kind = "emails-changed"        // with EmailAdded or EmailRemoved
	EmailRestored   Kind = "email-restored"        // to the new address: the old one's owner took the change back
	Invite          Kind = "invite"                // a link that joins
	AccountDeleting Kind = "account-deleting"      // the account will be erased; the link keeps it
	AccountKept     Kind = "account-kept"          // a sign-in took the deletion back
	MagicLink       Kind = "magic-link"            // a link that signs in, and a short code for the same
	ConfirmIdentity Kind = "confirm-identity"      // a short code that proves the address of an account at a provider
	IdentityChanged Kind = "identity-changed"      // with IdentityLinked or IdentityUnlinked
	TokenReused     Kind = "token-reused"          // a session ended, for its refresh token was used twice; with Ended
)

// Detail is a sentence that some mails of a kind have and others not: mail.<kind>.<detail> in the catalogues.
type Detail string

// The details, each with its kind.
const (
	UsernameTaken   Detail = "username-taken" // VerifyEmail: the account was made without the username
	FactorOn        Detail = "on"             // FactorChanged
	FactorOff       Detail = "off"            // FactorChanged
	NewBackupCodes  Detail = "new-codes"      // FactorChanged
	PasskeyAdded    Detail = "added"          // PasskeyChanged
	PasskeyRemoved  Detail = "removed"        // PasskeyChanged
	PasskeyCloned   Detail = "cloned"         // PasskeyChanged: used as if it had been copied
	EmailAdded      Detail = "added"          // EmailsChanged
	EmailRemoved    Detail = "removed"        // EmailsChanged
	BackupCodesLeft Detail = "left"           // BackupCodeUsed, with Count

	InvitedBy        Detail = "by"       // Invite, with Inviter
	InvitedTo        Detail = "to"       // Invite, with Account
	InvitedByTo      Detail = "by-to"    // Invite, with both
	IdentityLinked   Detail = "linked"   // IdentityChanged
	IdentityUnlinked Detail = "unlinked" // IdentityChanged

	// TokenReused, by what is known of the session. Its mails say what they are told: the detail follows from Ended.
	EndedSince        Detail = "since"
	EndedDevice       Detail = "device"
	EndedClient       Detail = "client"
	EndedClientDevice Detail = "client-device"
)

// Details lists the details of the kinds that have any.
func Details() map[Kind][]Detail {
	return map[Kind][]Detail{VerifyEmail: {UsernameTaken}, FactorChanged: {FactorOn, FactorOff, NewBackupCodes},
		PasskeyChanged: {PasskeyAdded, PasskeyRemoved, PasskeyCloned}, BackupCodeUsed: {BackupCodesLeft}, Invite: {InvitedBy, InvitedTo, InvitedByTo},
		IdentityChanged: {IdentityLinked, IdentityUnlinked}, TokenReused: {EndedSince, EndedDevice, EndedClient, EndedClientDevice}, EmailsChanged: {EmailAdded, EmailRemoved}}
}

// Kinds lists every kind of mail.
func Kinds() []Kind {
	return []Kind{VerifyEmail, ResetPassword, EmailTaken, PasswordChanged, FactorChanged, PasskeyChanged, BackupCodeUsed, AccountLocked,
		ChangeEmail, EmailChanging, EmailChanged, EmailRestored, AddEmail, EmailsChanged, AccountDeleting, AccountKept,
		MagicLink, Invite, ConfirmIdentity, IdentityChanged, TokenReused}
}

// linked reports whether mails of the kind carry a link.
func (k Kind) linked() bool {
	switch k {
	case VerifyEmail, ResetPassword, ChangeEmail, AddEmail, EmailChanging, EmailChanged, AccountDeleting, MagicLink, Invite:
		return true
	}
	return false
}

func (k Kind) known() bool {
	for _, other := range Kinds() {
		if k == other {
			return true
		}
	}
	return false
}

// Message is one mail to one person.
type Message struct {
	Kind   Kind
	App    auth.App
	To     string // the stored address, never the one that somebody typed (ET-07)
	Name   string // of the person, in their own words; neutralised before it is shown
	Token  string // of the proof behind the link
	Code   string // a short code that does what the link does, to be typed; empty: none
	Detail Detail // empty: none
	Count  int    // the number in the detail, if it has one
	// Inviter and Account say who invites, and to which account, in people's own words; neutralised before they are shown.
	// Invite alone has them, and says what it is told: its details follow from them.
	Inviter, Account string
	Ended            Ended // TokenReused alone has it
	// Languages are wishes for the language of the mail, best first: that of the person, then that of the request
	// (auth.Caller.AcceptLanguage). Empty ones are passed over. The app's own language comes last.
	Languages []string
	Links     auth.Links // of the door that causes the mail; empty: our own pages
	ExpiresAt time.Time  // of the proof; the mail is not sent after it. Zero: it is worth sending at any time
}

// Ended is what a mail says of a session that ended. Client and Device are people's own words, neutralised before they
// are shown.
type Ended struct {
	Began  time.Time
	Client string     // that acted for the person; empty: the session was the person's own
	Device string     // empty: not known
	IP     netip.Addr // from which it began; the zero one: not known
}

// detail is that of a mail which says what is known.
func (e Ended) detail() Detail {
	switch where := e.where() != ""; {
	case e.Began.IsZero():
		return ""
	case plain(e.Client) != "" && where:
		return EndedClientDevice
	case plain(e.Client) != "":
		return EndedClient
	case where:
		return EndedDevice
	}
	return EndedSince
}

// where is the device and its address.
func (e Ended) where() string {
	device := plain(e.Device)
	switch {
	case !e.IP.IsValid():
		return device
	case device == "":
		return e.IP.String()
	}
	return device + ", " + e.IP.String()
}

// Mailer queues mails.
type Mailer struct {
	Queue *queue.Queue
	// PublicURL is the configured address of this server. Links are built from it or from the templates that a
	// mount configures, never from what a request says (ET-06).
	PublicURL string
	// Library knows the languages; nil: those of the program.
	Library *web.Library
}

// Language is the language we have that fits a wish best (a tag, or an Accept-Language header); empty if none does.
func (m *Mailer) Language(wish string) string {
	if m.Library == nil {
		return new(web.Library).Match(wish)
	}
	return m.Library.Match(wish)
}

// parcel is what a mail job carries.
type parcel struct {
	Kind      Kind       `json:"kind"`
	To        string     `json:"to"`
	App       string     `json:"app"`
	AppID     auth.AppID `json:"app_id,omitempty"`
	Name      string     `json:"name,omitempty"`
	Link      string     `json:"link,omitempty"`
	Code      string     `json:"code,omitempty"`
	Detail    Detail     `json:"detail,omitempty"`
	Count     int        `json:"count,omitempty"`
	Inviter   string     `json:"inviter,omitempty"`
	Account   string     `json:"account,omitempty"`
	Client    string     `json:"client,omitempty"`
	Device    string     `json:"device,omitempty"` // with its address
	Page      string     `json:"page,omitempty"`   // a page of ours that the mail is about
	Began     time.Time  `json:"began,omitzero"`
	Languages []string   `json:"languages,omitempty"`
	ExpiresAt time.Time  `json:"expires_at,omitzero"`
}

// Send queues a mail in the transaction of the change that causes it. It is delivered by Handler. An address that
// no mail can be sent to safely gives invalid-request on `email`.
func (m *Mailer) Send(tx *store.Tx, msg Message) error {
	if !msg.Kind.known() {
		return fmt.Errorf("there is no mail of kind %q", msg.Kind)
	}
	to, err := deliverable(msg.To)
	if err != nil {
		return err
	}
	if msg.Detail != "" && !slices.Contains(Details()[msg.Kind], msg.Detail) {
		return fmt.Errorf("mails of kind %s have no detail %q", msg.Kind, msg.Detail)
	}
	p := parcel{Kind: msg.Kind, To: to, App: msg.App.Name, AppID: msg.App.ID, Name: msg.Name, Code: msg.Code, Detail: msg.Detail,
		Count: msg.Count, Inviter: plain(msg.Inviter), Account: plain(msg.Account), ExpiresAt: msg.ExpiresAt}
	if msg.Kind == Invite {
		p.Detail = p.invitation()
	}
	if msg.Kind == TokenReused {
		p.Detail, p.Client, p.Device, p.Began = msg.Ended.detail(), plain(msg.Ended.Client), msg.Ended.where(), msg.Ended.Began
		p.Page = m.page("/my/sessions", msg.App.ID)
	}
	for _, wish := range append(slices.Clone(msg.Languages), msg.App.Settings.Locale) {
		if wish != "" {
			p.Languages = append(p.Languages, wish)
		}
	}
	if msg.Kind.linked() {
		if p.Link, err = m.link(msg); err != nil {
			return err
		}
	}
	kind := JobKind
	if to == Decoy {
		kind = DecoyKind
	}
	_, err = m.Queue.Enqueue(tx, queue.Job{Kind: kind, App: msg.App.ID, Payload: p, ExpiresAt: msg.ExpiresAt})
	return err
}

// invitation is the detail of an invite that says what is known.
func (p parcel) invitation() Detail {
	switch {
	case p.Inviter != "" && p.Account != "":
		return InvitedByTo
	case p.Inviter != "":
		return InvitedBy
	case p.Account != "":
		return InvitedTo
	}
	return ""
}

// link puts the token into the template of the kind.
func (m *Mailer) link(msg Message) (string, error) {
	if msg.Token == "" || msg.ExpiresAt.IsZero() {
		return "", fmt.Errorf("a mail of kind %s needs a token and its expiry", msg.Kind)
	}
	template, page := destination(msg)
	if template == "" {
		template = m.ownPage(page, msg.App.ID)
	}
	if !strings.Contains(template, "{token}") {
		return "", errors.New("the template of a mailed link has no {token}")
	}
	link := strings.ReplaceAll(template, "{token}", url.QueryEscape(msg.Token))
	u, err := url.Parse(link)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", errors.New("mailed links need an absolute http or https address: check the public URL and the links of the mount")
	}
	return link, nil
}

// ownPage is the template of a page of ours. The pages serve every app; a link of a team's own knows its app.
func (m *Mailer) ownPage(page string, app auth.AppID) string {
	template := strings.TrimSuffix(m.PublicURL, "/") + page + "?token={token}"
	if app != "" && app != auth.DefaultApp {
		template += "&app=" + url.QueryEscape(string(app))
	}
	return template
}

// page is the address of a page of ours that needs no token.
func (m *Mailer) page(path string, app auth.AppID) string {
	address := strings.TrimSuffix(m.PublicURL, "/") + path
	if app != "" && app != auth.DefaultApp {
		address += "?app=" + url.QueryEscape(string(app))
	}
	return address
}

// destination is where a link of the kind leads: the template of the door, if it has one, and our own page.
func destination(msg Message) (template, page string) {
	switch msg.Kind {
	case ResetPassword:
		return msg.Links.Reset, "/reset"
	case EmailChanging, EmailChanged: // always our own page: a mount's templates know nothing of it, and of the next
		return "", "/cancel-email-change"
	case AccountDeleting:
		return "", "/cancel-deletion"
	case Invite:
		return msg.Links.Invite, "/invite"
	case MagicLink:
		return msg.Links.Magic, "/magic"
	}
	return msg.Links.Verify, "/verify"
}

// deliverable is the form of an address that mail goes to: the local part as it was typed, the domain as A-labels.
// Whatever could leave its place in the SMTP dialogue or in a header is refused (EM-01).
func deliverable(address string) (string, error) {
	if strings.ContainsAny(address, "\r\n\x00<>\"") {
		return "", auth.Invalid("email", auth.ViolationEmail, "this is not an e-mail address that can be used here")
	}
	canonical, err := auth.CanonicalEmail(address)
	if err != nil {
		return "", err
	}
	address = strings.TrimSpace(address)
	return address[:strings.LastIndexByte(address, '@')] + canonical[strings.LastIndexByte(canonical, '@'):], nil
}
