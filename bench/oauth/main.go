// Command oauth drives the endpoints of any OpenID provider with a closed loop of N workers, each on a connection of its
// own, and prints the table of bench/load: requests a second, latency at p50, p95 and p99, and what the provider's
// process spent of the CPU for each request (from /proc, so Linux only). Nothing but the standards is needed of the
// provider, so that others can be measured beside Ostiary with the very same load:
//
//	go run ./cmd/ostiary serve --config bench/load/server.yaml &
//	go run ./cmd/ostiary clients create Load --type web --redirect https://load.test/callback   # prints id and secret
//	go run ./bench/oauth --issuer http://127.0.0.1:8080 --seed ostiary --client ID --secret-file FILE --pid PID
//
// Where the endpoints are, it reads from the issuer's discovery document. Every worker of `refresh` and `introspect` first
// gets tokens of its own by authorization code and PKCE, as a browser and a client would; that is not part of what is
// measured. How its person gets past the provider's pages, --seed says:
//
//   - ostiary: signs up, takes the link out of the development inbox, signs in, consents. For a server with the settings of
//     bench/load/server.yaml, which limits nothing.
//   - redirects: the provider signs everybody in by itself, and following redirects is all.
//   - hydra: logins and consents are accepted at --hydra-admin, for a person of each worker.
//
// `refresh` uses the new refresh token of each answer if there is one, and below the table stands how many had one. An
// answer other than the expected one ends the run.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/ostiary-id/ostiary/bench/internal/drive"
)

// secretVariable is where the client's secret is if there is no --secret-file.
const secretVariable = "OAUTH_CLIENT_SECRET"

func main() {
	var o options
	flag.StringVar(&o.issuer, "issuer", "http://127.0.0.1:8080", "issuer of the provider; http only")
	flag.StringVar(&o.client, "client", "", "id of a client that may ask for codes and refresh tokens")
	flag.StringVar(&o.secretFile, "secret-file", "", "file with its secret; empty: "+secretVariable+" of the environment")
	flag.StringVar(&o.redirect, "redirect", "https://load.test/callback", "a redirect URI of the client, which is never asked")
	flag.StringVar(&o.scope, "scope", "openid offline_access", "what is asked for")
	flag.StringVar(&o.param, "param", "", "NAME=VALUE to add to each authorization request; %d in it is the number of the worker")
	flag.StringVar(&o.seed, "seed", "ostiary", "how people get past the provider's pages: "+strings.Join(seeds(), ", "))
	flag.StringVar(&o.hydraAdmin, "hydra-admin", "", "address of the admin API, for --seed hydra")
	flag.StringVar(&o.introspection, "introspection", "", "introspection endpoint of a provider that does not announce one")
	o.Register(names())
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "oauth:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	drive.Settings
	issuer, client, secretFile, redirect string
	scope, param                         string
	seed, hydraAdmin, introspection      string
}

// secret is the client's.
func (o options) secret() (string, error) {
	if o.secretFile == "" {
		return os.Getenv(secretVariable), nil
	}
	text, err := os.ReadFile(o.secretFile)
	return strings.TrimSpace(string(text)), err
}

func run(o options) error {
	p, err := newParty(o)
	if err != nil {
		return err
	}
	var notes []string
	err = o.Table(names(), func(n int) (*drive.Result, error) {
		s := scenarios()[n]
		if s.endpoint(p.at) == "" {
			notes = append(notes, s.name+": skipped, the provider announces no such endpoint")
			return nil, nil
		}
		result, note, err := measure(s, p)
		if note != "" {
			notes = append(notes, s.name+": "+note)
		}
		return result, err
	})
	for _, note := range notes {
		fmt.Println("\n" + note)
	}
	return err
}
