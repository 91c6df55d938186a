package cli

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/operation"
	"github.com/ostiary-id/ostiary/internal/server"
)

type contractCmd struct {
	List  contractListCmd  `cmd:"" help:"List the contracts that these settings serve."`
	Check contractCheckCmd `cmd:"" help:"Find every mistake in a document."`
}

type contractListCmd struct{}

// Run lists the mounted contracts.
func (contractListCmd) Run(e *env) error {
	c, err := e.settings()
	if err != nil {
		return err
	}
	infos, err := server.Contracts(e.ctx, c, e.options(c, "warn"))
	if err != nil {
		return err
	}
	var rows [][]string
	for _, i := range infos {
		rows = append(rows, []string{i.Name, i.Title, string(i.App), first(i.Host, "any"), strings.Join(i.Bases, " "), strconv.Itoa(i.Operations)})
	}
	return e.show(infos, table([]string{"name", "title", "app", "host", "base", "operations"}, rows))
}

type contractCheckCmd struct {
	File []string `arg:"" help:"A document, or the name of a shipped one."`
}

// Run checks documents.
func (c contractCheckCmd) Run(e *env) error {
	catalogue := operation.New(operation.Deps{})
	found := []contract.Problem{}
	for _, name := range c.File {
		source, err := server.Source(name)
		if err != nil {
			return err
		}
		found = append(found, contract.Check(source, catalogue)...)
	}
	err := e.show(found, func(w io.Writer) {
		for _, p := range found {
			_, _ = fmt.Fprintln(w, p)
		}
		if len(found) == 0 {
			_, _ = fmt.Fprintln(w, "No mistakes.")
		}
	})
	if err == nil && len(found) > 0 {
		return errors.New(strconv.Itoa(len(found)) + " mistakes")
	}
	return err
}
