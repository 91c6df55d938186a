// Command ostiary is the identity server and the tool of its operator.
package main

import (
	"os"

	"github.com/ostiary-id/ostiary/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
}
