package ui

// menuGroup is some of the pages of an account under one heading.
type menuGroup struct {
	Title string
	Items []menuItem
}

// menuItem is one page of an account in the menu.
type menuItem struct {
	Path, Text string
	Current    bool // it is the page that is shown
}

// place is one line of the menu: a page, by its path, and the sentence that names it.
type place struct{ path, key string }

// menu is the table of the pages that the menu leads to, by heading. A page that is added to an account is added here.
var menu = []struct {
	key    string
	places []place
}{
	{"page.my.menu.you", []place{{"/my", "page.my.overview"}, {"/my/profile", "page.my.profile.title"},
		{"/my/emails", "page.my.emails.title"}}},
	{"page.my.menu.sign-in", []place{{"/my/password", "page.my.password.title"}, {"/my/two-factor", "page.my.factor.title"},
		{"/my/passkeys", "page.my.passkeys.title"}, {"/my/identities", "page.my.identities.title"}}},
	{"page.my.menu.access", []place{{"/my/sessions", "page.my.sessions.title"}, {"/my/apps", "page.my.apps.title"}, {"/my/api-keys", "page.my.keys.title"},
		{"/my/activity", "page.my.activity.title"}}},
	{"page.my.menu.together", []place{{"/my/accounts", "page.my.accounts.title"}, {"/my/waitlists", "page.my.waitlists.title"}}},
	{"page.my.menu.data", []place{{"/my/data", "page.my.data.title"}}},
}

// below are the pages that the menu does not lead to, with the one that stands for them there.
var below = map[string]string{"/my/account": "/my/accounts"}

// menuFor is the menu as a page shows it.
func (v *visit) menuFor(path string) ([]menuGroup, error) {
	t, err := v.translator()
	if err != nil {
		return nil, err
	}
	if above, ok := below[path]; ok {
		path = above
	}
	out := make([]menuGroup, len(menu))
	for i, group := range menu {
		if out[i].Title, err = t.T(group.key); err != nil {
			return nil, err
		}
		for _, one := range group.places {
			item := menuItem{Path: v.link(one.path), Current: one.path == path}
			if item.Text, err = t.T(one.key); err != nil {
				return nil, err
			}
			out[i].Items = append(out[i].Items, item)
		}
	}
	return out, nil
}

// menuKeys are the sentences of the menu.
func menuKeys() []string {
	var keys []string
	for _, group := range menu {
		keys = append(keys, group.key)
		for _, one := range group.places {
			keys = append(keys, one.key)
		}
	}
	return keys
}
