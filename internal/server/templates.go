package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/mail"
	"github.com/ostiary-id/ostiary/internal/ui"
	"github.com/ostiary-id/ostiary/web"
)

// TemplatesDir is where the operator's templates, styles and sentences lie.
func TemplatesDir(c config.Config) string { return filepath.Join(c.WithDefaults().Data, "templates") }

// Templates reads what the operator put in the place of ours and fills all of it with samples: every mail and every
// page, in every language, for every app. Without such files nothing is read. A mistake is a web.Problems with files
// below the data directory. Nothing outside the directory is read, whatever links are in it.
func Templates(c config.Config) (*web.Library, error) {
	library, err := readTemplates(c)
	if err == nil && len(library.Overridden()) > 0 {
		err = fillTemplates(c, library)
	}
	return library, err
}

// CheckTemplates is Templates for who wants to be sure: everything is filled, whether or not something is replaced.
func CheckTemplates(c config.Config) (*web.Library, error) {
	library, err := readTemplates(c)
	if err == nil {
		err = fillTemplates(c, library)
	}
	return library, err
}

// fillTemplates fills everything with samples.
func fillTemplates(c config.Config, library *web.Library) error {
	if problems := append(mail.Check(library), ui.Check(library)...); len(problems) > 0 {
		return below(TemplatesDir(c), problems)
	}
	return nil
}

func readTemplates(c config.Config) (*web.Library, error) {
	dir := TemplatesDir(c)
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return &web.Library{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the templates: %w", err)
	}
	defer func() { _ = root.Close() }() // everything was read, or the error says more
	library, err := web.Load(root.FS())
	return library, below(dir, err)
}

// below puts the directory before the files of problems.
func below(dir string, err error) error {
	var problems web.Problems
	if !errors.As(err, &problems) {
		return err
	}
	out := make(web.Problems, len(problems))
	for i, p := range problems {
		p.File = filepath.Join(dir, filepath.FromSlash(p.File))
		out[i] = p
	}
	return out
}

// templates says what the operator's files lack since the program has changed.
func (d *doctor) templates() {
	library, err := Templates(d.config)
	var problems web.Problems
	switch {
	case errors.As(err, &problems):
		for _, p := range problems {
			d.unsafe("templates", p.String(), "mend or remove the file: the server does not start with it; `ostiary templates check` looks again")
		}
		return
	case err != nil:
		d.unsafe("templates", err.Error(), "make "+TemplatesDir(d.config)+" readable")
		return
	}
	for name, keys := range library.Missing() {
		if len(keys) > 0 {
			d.notice("templates", fmt.Sprintf("%s lacks %d sentences, which are English instead: %s ...", name, len(keys), keys[0]),
				"`ostiary templates show locales/en.json` prints them all")
		}
	}
	if n := len(library.Overridden()); n > 0 {
		d.ok("templates", fmt.Sprintf("%d files in the place of ours, all of them fit", n))
	}
}
