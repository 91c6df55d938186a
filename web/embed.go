// Package web holds what Ostiary shows to people: the sentences in every language, the templates of mails and pages,
// and the style sheet. All of it is embedded in the binary, and an operator may put files of the data directory in the
// place of each.
//
// It finds the language that somebody reads, and the template that is in force. Filling the templates is for packages
// mail and ui; who the person is and what they may see is not decided here.
package web

import "embed"

// files are the templates, the style sheet, the scripts and the catalogues that come with the program.
//
//go:embed mail/*.tmpl pages/*.tmpl pages/*.css scripts/*.js locales/*.json
var files embed.FS
