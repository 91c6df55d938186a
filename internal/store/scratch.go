package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Scratch makes databases on a PostgreSQL server that live for a moment: for trying things out on the engine without
// touching what is there. The role of its address must be allowed to create databases.
type Scratch struct {
	server   string
	template string // migrated once and copied, which costs a fraction of migrating
}

// NewScratch prepares the server of an address. The database that the address names is only connected to.
func NewScratch(ctx context.Context, address string) (*Scratch, error) {
	s := &Scratch{server: address, template: scratchName()}
	if err := s.do(ctx, "CREATE DATABASE "+s.template+" ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0"); err != nil {
		return nil, fmt.Errorf("make a database for trying out: %w", err)
	}
	db, err := Open(ctx, Options{URL: DatabaseAddress(address, s.template), Clock: time.Now, MaxConns: 2})
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		return nil, errors.Join(err, s.Close(ctx))
	}
	return s, nil
}

// Make makes an empty, migrated database; drop removes it with everything that is connected to it.
func (s *Scratch) Make(ctx context.Context) (address string, drop func(context.Context) error, err error) {
	name := scratchName()
	if err := s.do(ctx, "CREATE DATABASE "+name+" TEMPLATE "+s.template); err != nil {
		return "", nil, fmt.Errorf("make a database for trying out: %w", err)
	}
	return DatabaseAddress(s.server, name), func(ctx context.Context) error { return s.drop(ctx, name) }, nil
}

// Close removes what NewScratch made.
func (s *Scratch) Close(ctx context.Context) error { return s.drop(ctx, s.template) }

func (s *Scratch) drop(ctx context.Context, name string) error {
	return s.do(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
}

// do runs a statement that cannot run in a transaction, on a connection of its own. What cleans up runs although the
// caller has gone.
func (s *Scratch) do(ctx context.Context, statement string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), scratchPatience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.server)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// scratchPatience is how long making or removing a database may take.
const scratchPatience = time.Minute

func scratchName() string { return "ostiary_scratch_" + strings.ToLower(rand.Text()[:16]) }

// DatabaseAddress is the address of another database on the same PostgreSQL server.
func DatabaseAddress(server, name string) string {
	u, err := url.Parse(server)
	if err != nil || u.Scheme == "" {
		return server + " dbname=" + name // key=value form: the last one counts
	}
	u.Path = "/" + name
	return u.String()
}
