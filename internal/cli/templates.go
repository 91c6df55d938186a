package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/ostiary-id/ostiary/internal/server"
	"github.com/ostiary-id/ostiary/web"
)

type templatesCmd struct {
	List  templatesListCmd  `cmd:"" help:"List what can be replaced, and what is."`
	Show  templatesShowCmd  `cmd:"" help:"Print the built-in text of one file, to begin with."`
	Check templatesCheckCmd `cmd:"" help:"Fill all templates with samples in every language and say what is wrong."`
}

type templatesListCmd struct{}

// Run lists the files that can be replaced, and those of the data directory.
func (templatesListCmd) Run(e *env) error {
	c, err := e.settings()
	if err != nil {
		return err
	}
	library, err := server.Templates(c)
	if err != nil {
		return err
	}
	type file struct {
		Name     string `json:"name"`
		Replaced bool   `json:"replaced"`
	}
	var list []file
	var rows [][]string
	names := append(web.Names(), library.Overridden()...)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		replaced := slices.Contains(library.Overridden(), name)
		list = append(list, file{name, replaced})
		rows = append(rows, []string{name, yesNo(replaced)})
	}
	return e.show(list, table([]string{"name", "replaced"}, rows))
}

type templatesShowCmd struct {
	Name string `arg:"" help:"Name as in the list."`
}

// Run prints a file of the program.
func (c templatesShowCmd) Run(e *env) error {
	text, err := web.BuiltIn(c.Name)
	if err != nil {
		return err
	}
	return e.show(map[string]string{"name": c.Name, "text": text}, func(w io.Writer) { _, _ = io.WriteString(w, text) })
}

type templatesCheckCmd struct{}

// Run reads and fills everything, as the start of the server does.
func (templatesCheckCmd) Run(e *env) error {
	c, err := e.settings()
	if err != nil {
		return err
	}
	library, err := server.CheckTemplates(c)
	problems := web.Problems{}
	if err != nil && !errors.As(err, &problems) {
		return err
	}
	err = e.show(problems, func(w io.Writer) {
		for _, p := range problems {
			_, _ = fmt.Fprintln(w, p)
		}
		if len(problems) == 0 {
			_, _ = fmt.Fprintf(w, "No mistakes in %d files of %s.\n", len(library.Overridden()), server.TemplatesDir(c))
		}
	})
	if err == nil && len(problems) > 0 {
		return errors.New(strconv.Itoa(len(problems)) + " mistakes")
	}
	return err
}
