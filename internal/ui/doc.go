// Package ui owns the server's own pages: signing in and up, the second step, what mailed links lead to, the first
// administrator, the development inbox, the start page and what they say when something is wrong.
//
// The pages are rendered on the server and work without scripts; a few small ones make them nicer. Like every door they
// decide nothing: they call operations of the catalogue. A GET shows and never spends; the POST of the form does.
// One GET spends, the way back from an identity provider: its state works for the browser that left with it, once.
//
// A request for a page is a visit: the app it is about, the form, the place to return to, and how to call operations, show
// a page or go on to the next. The function table lists all pages. What a page shows embeds base. A form whose way ends at another site
// goes there by leave, never by a redirect: browsers hold redirects after a form against the form-action of its page (WB-05).
package ui
