package web

import "embed"

// Pages holds the templates of the server's own pages and their style sheet.
//
//go:embed pages/*.tmpl pages/*.css
var Pages embed.FS
