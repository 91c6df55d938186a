package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/store"
)

// SocketName is the command socket in the data directory. Who can open it is the machine's operator.
const SocketName = "ostiary.sock"

// OperatorURL is the base address of requests over the socket. Its host is reserved: requests from the network
// that name it are refused.
const OperatorURL = "http://" + operatorHost

const operatorHost = "operator.ostiary.internal"

// maxSocketPath is what every system's sockaddr_un takes, with room for the end.
const maxSocketPath = 100

// errOtherServer says that a live server holds the socket.
var errOtherServer = errors.New("another server answers on the command socket")

// Busy reports whether New failed because another process uses the data directory: a server that runs or is starting, or a
// command.
func Busy(err error) bool { return errors.Is(err, store.ErrLocked) }

// listenSocket opens the command socket. It is made inside a directory that only we can enter and moved to its
// place when its mode is right, so that at no time anybody else can connect.
func listenSocket(ctx context.Context, dir string) (l net.Listener, remove func(), err error) {
	place := filepath.Join(dir, SocketName)
	if conn, err := dialSocket(ctx, dir); err == nil {
		_ = conn.Close()
		return nil, nil, errOtherServer
	}
	nursery, err := os.MkdirTemp(dir, ".socket-")
	if err != nil {
		return nil, nil, fmt.Errorf("command socket: %w", err)
	}
	defer func() { _ = os.RemoveAll(nursery) }()
	short, release, err := shortPath(nursery)
	if err != nil {
		return nil, nil, fmt.Errorf("command socket: %w", err)
	}
	defer release()
	var lc net.ListenConfig
	l, err = lc.Listen(ctx, "unix", filepath.Join(short, "s"))
	if err != nil {
		return nil, nil, fmt.Errorf("command socket: %w", err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	born := filepath.Join(nursery, "s")
	if err := errors.Join(os.Chmod(born, 0o600), os.Rename(born, place)); err != nil {
		_ = l.Close()
		return nil, nil, fmt.Errorf("command socket: %w", err)
	}
	own, err := os.Stat(place)
	if err != nil {
		_ = l.Close()
		return nil, nil, fmt.Errorf("command socket: %w", err)
	}
	return l, func() { removeOwn(place, own) }, nil
}

// removeOwn removes the socket unless a later server has put its own there.
func removeOwn(place string, own fs.FileInfo) {
	if now, err := os.Stat(place); err == nil && os.SameFile(own, now) {
		_ = os.Remove(place)
	}
}

// dialSocket connects to the server that runs on a data directory. The error wraps fs.ErrNotExist or
// syscall.ECONNREFUSED when none does.
func dialSocket(ctx context.Context, dir string) (net.Conn, error) {
	short, release, err := shortPath(dir)
	if err != nil {
		return nil, err
	}
	defer release()
	var d net.Dialer
	return d.DialContext(ctx, "unix", filepath.Join(short, SocketName))
}

// shortPath names a directory so briefly that a socket in it can be addressed. On Linux a deep directory is named
// by an open descriptor; elsewhere it may be too deep.
func shortPath(dir string) (path string, release func(), err error) {
	const name = len(SocketName) + 1
	if len(dir)+name <= maxSocketPath {
		return dir, func() {}, nil
	}
	if runtime.GOOS != "linux" {
		return "", nil, fmt.Errorf("the path of %s is too long for a socket; choose a shorter data directory", dir)
	}
	f, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return "/proc/self/fd/" + strconv.Itoa(int(f.Fd())), func() { _ = f.Close() }, nil
}

// Dial is an HTTP client of the server that runs on the settings' data directory, and whether one does.
func Dial(ctx context.Context, c config.Config) (*http.Client, bool) {
	dir := c.WithDefaults().Data
	conn, err := dialSocket(ctx, dir)
	if err != nil {
		return nil, false
	}
	_ = conn.Close()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialSocket(ctx, dir)
	}}
	return &http.Client{Transport: transport, Timeout: 10 * time.Minute}, true
}
