// Package ui owns the server's own pages: the first administrator, the confirmation of an address, the end of a change of it, the new password,
// the development inbox, the start page and what they say when something is wrong.
//
// The pages are rendered on the server, one form each, without any script. Like every door they decide nothing:
// they call operations of the catalogue. A GET shows and never spends; the POST of the form does.
package ui
