package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// channel is where the nodes of one database tell each other what to drop.
const channel = "ostiary_invalidations"

// maxPayload stays below the 8000 bytes that PostgreSQL allows.
const maxPayload = 7000

// notice is the payload of a notification.
type notice struct {
	Node string      `json:"n"`
	List [][2]string `json:"i"` // kind, id
}

// notify queues the transaction's invalidations for the other nodes. PostgreSQL delivers them if and only if the
// transaction commits.
func (e *postgresEngine) notify(tx *Tx) error {
	next := notice{Node: e.node}
	size := 0
	flush := func() error {
		var ignored string
		err := tx.one("SELECT pg_notify($1, $2)::text", []any{channel, jsonText(next)}, &ignored)
		next.List, size = nil, 0
		return err
	}
	for _, inv := range tx.queued {
		cost := len(inv.Kind) + 2*len(inv.ID) + 8
		if size > 0 && size+cost > maxPayload {
			if err := flush(); err != nil {
				return err
			}
		}
		next.List = append(next.List, [2]string{string(inv.Kind), inv.ID})
		size += cost
	}
	if size == 0 {
		return nil
	}
	return flush()
}

// listener hears on a connection of its own what other nodes invalidate.
type listener struct {
	db     *DB
	config *pgx.ConnConfig
	node   string
	stop   context.CancelFunc
	done   chan struct{}
}

const (
	// A connection that broke without a word is found by asking: after heartbeat of silence the server must answer
	// within heartbeat. So nothing is served from a cache later than a second after an invalidation was missed.
	heartbeat = 400 * time.Millisecond
	// reconnectPause is the wait between two tries to reconnect.
	reconnectPause = 200 * time.Millisecond
	// clockEvery is how many silent heartbeats pass between two looks at the database's clock: about 30 s.
	clockEvery = 75
)

// startListener listens. The first connection is made before it returns, so that caches serve from the start.
func startListener(ctx context.Context, db *DB, config *pgx.ConnConfig, node string) *listener {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	l := &listener{db: db, config: config, node: node, stop: stop, done: make(chan struct{})}
	first, err := l.connect(background)
	if err != nil {
		l.complain(err)
	}
	go l.work(background, first)
	return l
}

func (l *listener) work(ctx context.Context, conn *pgx.Conn) {
	defer close(l.done)
	for ctx.Err() == nil {
		if conn != nil {
			err := l.listen(ctx, conn)
			l.db.setLive(false)
			l.hangUp(conn)
			if ctx.Err() != nil {
				return
			}
			l.complain(err)
		}
		var err error
		if conn, err = l.connect(ctx); err != nil {
			conn = nil
			if pause(ctx, reconnectPause) != nil {
				return
			}
		}
	}
	if conn != nil {
		l.hangUp(conn)
	}
}

// connect listens before caches may serve again; what is invalidated from here on is heard.
func (l *listener) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, l.config)
	if err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, "LISTEN "+channel)
	if err == nil {
		err = l.readClock(ctx, conn)
	}
	if err != nil {
		l.hangUp(conn)
		return nil, err
	}
	l.db.setLive(true)
	return conn, nil
}

// listen drops what it hears of, until the connection fails.
func (l *listener) listen(ctx context.Context, conn *pgx.Conn) error {
	silent := 0
	for {
		waiting, cancel := context.WithTimeout(ctx, heartbeat)
		heard, err := conn.WaitForNotification(waiting)
		cancel()
		switch {
		case err == nil:
			l.hear(heard.Payload)
		case ctx.Err() != nil:
			return ctx.Err()
		case !errors.Is(err, context.DeadlineExceeded):
			return err
		default:
			silent++
			if err := l.ask(ctx, conn, silent%clockEvery == 0); err != nil {
				return err
			}
		}
	}
}

// ask makes the server prove that it is there.
func (l *listener) ask(ctx context.Context, conn *pgx.Conn, clock bool) error {
	ctx, cancel := context.WithTimeout(ctx, heartbeat)
	defer cancel()
	if clock {
		return l.readClock(ctx, conn)
	}
	return conn.Ping(ctx)
}

// hear drops what another node invalidated. What it cannot read might be anything.
func (l *listener) hear(payload string) {
	var n notice
	list := []Invalidation{{Kind: KindAll}}
	if err := json.Unmarshal([]byte(payload), &n); err == nil {
		if n.Node == l.node {
			return
		}
		list = list[:0]
		for _, pair := range n.List {
			list = append(list, Invalidation{Kind: Kind(pair[0]), ID: pair[1]})
		}
	}
	l.db.drop(list)
	l.db.tell(list)
}

// readClock measures how far the database's clock is ahead of ours, to half the time of a round trip.
func (l *listener) readClock(ctx context.Context, conn *pgx.Conn) error {
	if !l.db.options.DatabaseClock {
		return nil
	}
	before := l.db.options.Clock()
	var us int64
	err := conn.QueryRow(ctx, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").Scan(&us)
	if err != nil {
		return fmt.Errorf("store: read the database's clock: %w", err)
	}
	after := l.db.options.Clock()
	middle := before.Add(after.Sub(before) / 2)
	l.db.offset.Store(int64(time.UnixMicro(us).Sub(middle)))
	return nil
}

func (l *listener) complain(err error) {
	l.db.options.Logger.Warn("invalidations of other nodes do not arrive; caches serve nothing until they do", "error", err)
}

func (l *listener) hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), heartbeat)
	defer cancel()
	_ = conn.Close(ctx) // the connection is given up either way
}

func (l *listener) close() {
	l.stop()
	<-l.done
}
