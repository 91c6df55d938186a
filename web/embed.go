// Package web holds the files that Ostiary shows to people, embedded in the binary: the templates of mails and
// pages, and the styles and pictures of the pages. It holds no code; packages mail and ui fill the templates.
package web

import "embed"

// Mail holds the templates of mails: two for each kind (text and HTML) and the layout around them.
//
//go:embed mail/*.tmpl
var Mail embed.FS
