package auth

import (
	"net/netip"
)

// Presented is what a request carries to prove who asks, sorted by the kind that the door's document declares.
// Values are raw and unverified; an empty string was not sent.
type Presented struct {
	AccessToken   string // a JWT of ours and nothing else
	Bearer        string // an access token or an API key, told apart by form
	APIKey        string // a user's API key
	AppKey        string // a key that identifies an app
	SessionCookie string

	MountApp AppID    // the app that the door is mounted on
	AppInput AppID    // what the request's `app` input says; must agree
	ClientID ClientID // what the request's `client_id` input says; must belong to the app

	IP        netip.Addr
	UserAgent string
	// AcceptLanguage as in Caller.
	AcceptLanguage string

	RequestID string
	Door      Door
}
