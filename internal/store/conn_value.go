package store

import (
	"errors"
	"fmt"
	"reflect"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// memory is a piece of SQLite's memory that Go code writes to.
type memory struct {
	at   uintptr
	view []byte
}

// grow makes room for n bytes; what was there is lost.
func (m *memory) grow(tls *libc.TLS, n int) error {
	if n <= len(m.view) {
		return nil
	}
	m.free(tls)
	n = max(4096, 2*n)
	if m.at = sqlite3.Xsqlite3_malloc64(tls, sqlite3.Tsqlite3_uint64(n)); m.at == 0 {
		return errNoMemory
	}
	m.view = libc.GoBytes(m.at, n) // a view, not a copy
	return nil
}

func (m *memory) free(tls *libc.TLS) {
	sqlite3.Xsqlite3_free(tls, m.at)
	m.at, m.view = 0, nil
}

// bind gives a statement its arguments, which checkArguments has put into one of its few forms. Texts and blobs lie in
// the arena until the statement is finished: a single copy, and no allocation for each.
func (c *conn) bind(s *statement, args []any) error {
	size := 1 // so that even the first empty text has an address
	for _, arg := range args {
		switch v := arg.(type) {
		case string:
			size += len(v)
		case []byte:
			size += len(v)
		}
	}
	if err := c.arena.grow(c.tls, size); err != nil {
		return err
	}
	used := 0
	for i, argument := range s.order {
		if argument >= len(args) {
			return fmt.Errorf("the statement has no argument $%d", argument+1)
		}
		arg, n := args[argument], 0
		switch v := arg.(type) {
		case string:
			n = copy(c.arena.view[used:], v)
		case []byte:
			n = copy(c.arena.view[used:], v)
		}
		if rc := c.bindOne(s.handle, int32(i+1), arg, c.arena.at+uintptr(used)); rc != sqlite3.SQLITE_OK {
			return fmt.Errorf("$%d: %w", argument+1, c.failure(rc))
		}
		used += n
	}
	return nil
}

// bindOne binds one argument; the bytes of a text or blob lie at the address.
func (c *conn) bindOne(handle uintptr, i int32, arg any, at uintptr) int32 {
	switch v := arg.(type) {
	case nil:
		return sqlite3.Xsqlite3_bind_null(c.tls, handle, i)
	case int64:
		return sqlite3.Xsqlite3_bind_int64(c.tls, handle, i, v)
	case float64:
		return sqlite3.Xsqlite3_bind_double(c.tls, handle, i, v)
	case bool:
		n := int64(0)
		if v {
			n = 1
		}
		return sqlite3.Xsqlite3_bind_int64(c.tls, handle, i, n)
	case string:
		return sqlite3.Xsqlite3_bind_text(c.tls, handle, i, at, int32(len(v)), 0)
	case []byte:
		if v == nil {
			return sqlite3.Xsqlite3_bind_null(c.tls, handle, i)
		}
		return sqlite3.Xsqlite3_bind_blob(c.tls, handle, i, at, int32(len(v)), 0)
	}
	return sqlite3.SQLITE_MISMATCH
}

// sqliteRows reads the result of the statement that runs on its connection.
type sqliteRows struct {
	conn      *conn
	statement *statement // nil: closed
	err       error
}

func (r *sqliteRows) Next() bool {
	if r.statement == nil || r.err != nil {
		return false
	}
	row, err := r.conn.step(r.statement)
	r.err = err
	return row
}

func (r *sqliteRows) Err() error { return r.err }

func (r *sqliteRows) Close() error {
	if r.statement != nil {
		r.conn.finish(r.statement)
		r.statement = nil
	}
	return nil
}

var errDestinations = errors.New("the row has another number of columns than there are destinations")

// Scan copies the row. A destination takes the one kind of value that its column holds; NULL goes into a **string and
// []byte alone, and nothing is converted between numbers and texts.
func (r *sqliteRows) Scan(dest ...any) error {
	if r.statement.columns != len(dest) {
		return errDestinations
	}
	for i, d := range dest {
		if err := r.column(int32(i), d); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

func (r *sqliteRows) column(i int32, dest any) error {
	c, h := r.conn, r.statement.handle
	kind := sqlite3.Xsqlite3_column_type(c.tls, h, i)
	switch kind {
	case sqlite3.SQLITE_INTEGER:
		return setInt(dest, sqlite3.Xsqlite3_column_int64(c.tls, h, i))
	case sqlite3.SQLITE_TEXT:
		at := sqlite3.Xsqlite3_column_text(c.tls, h, i)
		return setText(dest, c.bytes(h, i, at))
	case sqlite3.SQLITE_BLOB:
		if d, ok := dest.(*[]byte); ok {
			at := sqlite3.Xsqlite3_column_blob(c.tls, h, i)
			*d = append([]byte(nil), c.bytes(h, i, at)...)
			return nil
		}
	case sqlite3.SQLITE_NULL:
		switch d := dest.(type) {
		case *[]byte:
			*d = nil
			return nil
		case **string:
			*d = nil
			return nil
		}
	case sqlite3.SQLITE_FLOAT:
		if d, ok := dest.(*float64); ok {
			*d = sqlite3.Xsqlite3_column_double(c.tls, h, i)
			return nil
		}
	}
	return mismatch(dest, kind)
}

// bytes is a view of a text or blob of the row; it is gone with the next step.
func (c *conn) bytes(handle uintptr, i int32, at uintptr) []byte {
	n := sqlite3.Xsqlite3_column_bytes(c.tls, handle, i)
	if at == 0 || n == 0 {
		return nil
	}
	return libc.GoBytes(at, int(n))
}

func setInt(dest any, n int64) error {
	switch d := dest.(type) {
	case *int64:
		*d = n
		return nil
	case *int:
		*d = int(n)
		return nil
	case *bool:
		*d = n != 0
		return nil
	}
	v := reflect.ValueOf(dest)
	if v.Kind() != reflect.Pointer {
		return mismatch(dest, sqlite3.SQLITE_INTEGER)
	}
	switch v = v.Elem(); v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if !v.OverflowInt(n) {
			v.SetInt(n)
			return nil
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if n >= 0 && !v.OverflowUint(uint64(n)) {
			v.SetUint(uint64(n))
			return nil
		}
	}
	return mismatch(dest, sqlite3.SQLITE_INTEGER)
}

func setText(dest any, text []byte) error {
	switch d := dest.(type) {
	case *string:
		*d = string(text)
		return nil
	case **string:
		s := string(text)
		*d = &s
		return nil
	case *[]byte:
		*d = append([]byte(nil), text...)
		return nil
	}
	v := reflect.ValueOf(dest) // a named type such as auth.UserID
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.String {
		return mismatch(dest, sqlite3.SQLITE_TEXT)
	}
	v.Elem().SetString(string(text))
	return nil
}

func mismatch(dest any, kind int32) error {
	names := [...]string{sqlite3.SQLITE_INTEGER: "a number", sqlite3.SQLITE_FLOAT: "a fraction", sqlite3.SQLITE_TEXT: "a text",
		sqlite3.SQLITE_BLOB: "a blob", sqlite3.SQLITE_NULL: "NULL"}
	return fmt.Errorf("%s does not go into a %T", names[kind], dest)
}
