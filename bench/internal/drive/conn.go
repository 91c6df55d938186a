package drive

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"time"
)

// patience is how long one answer may take before the run is given up.
const patience = 30 * time.Second

// Conn is one keep-alive HTTP/1.1 connection. It is written by hand because a general client would cost about as
// much of the two cores as the server that is to be measured.
type Conn struct {
	host string
	conn net.Conn
	in   *bufio.Reader
	out  []byte
	body []byte
}

// Request is one request. ContentType matters with a Body alone; an empty Authorization sends none.
type Request struct {
	Method, Path  string
	Authorization string
	ContentType   string
	Body          string
}

// Dial connects to host:port, without TLS.
func Dial(host string) (*Conn, error) {
	conn, err := net.DialTimeout("tcp", host, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &Conn{host: host, conn: conn, in: bufio.NewReaderSize(conn, 16<<10)}, nil
}

// Close ends the connection.
func (c *Conn) Close() { _ = c.conn.Close() }

// Send makes one request and returns status and body; the body is valid until the next call.
func (c *Conn) Send(r Request) (int, []byte, error) {
	c.out = append(c.out[:0], r.Method...)
	c.out = append(c.out, ' ')
	c.out = append(c.out, r.Path...)
	c.out = append(c.out, " HTTP/1.1\r\nHost: "...)
	c.out = append(c.out, c.host...)
	if r.Authorization != "" {
		c.out = append(c.out, "\r\nAuthorization: "...)
		c.out = append(c.out, r.Authorization...)
	}
	if r.Body != "" {
		c.out = append(c.out, "\r\nContent-Type: "...)
		c.out = append(c.out, r.ContentType...)
		c.out = append(c.out, "\r\nContent-Length: "...)
		c.out = strconv.AppendInt(c.out, int64(len(r.Body)), 10)
	}
	c.out = append(c.out, "\r\n\r\n"...)
	c.out = append(c.out, r.Body...)
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, nil, err
	}
	if _, err := c.conn.Write(c.out); err != nil {
		return 0, nil, err
	}
	status, err := c.answer()
	return status, c.body, err
}

// answer reads an answer into the body.
func (c *Conn) answer() (int, error) {
	line, err := c.line()
	if err != nil {
		return 0, err
	}
	if len(line) < 12 {
		return 0, fmt.Errorf("status line %q", line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return 0, err
	}
	length, chunked := -1, false
	for {
		if line, err = c.line(); err != nil {
			return 0, err
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = bytes.EqualFold(value, []byte("chunked"))
		}
	}
	c.body = c.body[:0]
	switch {
	case chunked:
		return status, c.chunks()
	case length < 0:
		return 0, errors.New("an answer with neither Content-Length nor chunks")
	}
	return status, c.more(length)
}

// line is the next line without its end; it is valid until the next read.
func (c *Conn) line() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}

// more adds the next n bytes to the body.
func (c *Conn) more(n int) error {
	have := len(c.body)
	c.body = slices.Grow(c.body, n)[:have+n]
	_, err := io.ReadFull(c.in, c.body[have:])
	return err
}

// chunks reads a body whose length is not told beforehand (RFC 9112 section 7.1).
func (c *Conn) chunks() error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		digits, _, _ := bytes.Cut(line, []byte(";"))
		size, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 31)
		if err != nil {
			return fmt.Errorf("the size of a chunk: %w", err)
		}
		if size == 0 {
			break
		}
		if err := c.more(int(size)); err != nil {
			return err
		}
		if line, err := c.line(); err != nil || len(line) > 0 {
			return errors.Join(errors.New("a chunk does not end where it says"), err)
		}
	}
	for { // fields after the body, which nobody needs
		if line, err := c.line(); err != nil || len(line) == 0 {
			return err
		}
	}
}
