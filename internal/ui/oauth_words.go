package ui

import (
	"github.com/ostiary-id/ostiary/internal/oauth"
)

// oauthSamples are what a page between a client and its person may be filled with; nil for other pages.
func oauthSamples(name string, plain base) []shown {
	switch name {
	case "form-post":
		return []shown{&formPostPage{}, &formPostPage{base: plain, Host: "app.example.com", Answer: oauth.Answer{RedirectURI: "https://app.example.com/",
			Mode: oauth.ModeFormPost, Parameters: []oauth.Parameter{{Name: "code", Value: "c"}}}}}
	}
	return nil
}

// oauthKeys are the sentences of these pages that code names and no template.
func oauthKeys() []string {
	return []string{"page.oauth.refused", "page.oauth.refused-text", "page.oauth.over", "page.oauth.over-text", "page.oauth.post"}
}
