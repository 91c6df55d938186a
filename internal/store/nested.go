package store

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// ErrNested is the cause of the error that a Write inside a Write gets. It would wait for itself on SQLite and
// could deadlock with itself on PostgreSQL.
var ErrNested = errors.New("store: a Write was called inside a Write")

func errNestedWrite() error { return auth.Internal(fmt.Errorf("%w\n%s", ErrNested, debug.Stack())) }

// errGoexit is the result of a member that ended its goroutine, as testing.T.FailNow does.
var errGoexit = errors.New("store: the function ended its goroutine instead of returning")

// callMember runs the function of a Write. Its frame on the stack is how a nested Write is found, so every engine
// runs functions through it and it must stay a frame of its own. A panic becomes an error with the stack.
//
//go:noinline
func (db *DB) callMember(tx *Tx, fn func(*Tx) error) (err error) {
	db.members.Add(1)
	defer func() {
		db.members.Add(-1)
		if p := recover(); p != nil {
			err = &panicError{value: p, stack: debug.Stack()}
		}
	}()
	return fn(tx)
}

// panicError is a panic of a Write's function.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string {
	return fmt.Sprintf("store: the function of a Write panicked: %v\n%s", e.value, e.stack)
}

// memberMark is the entry of callMember in the running program.
func memberMark() uintptr {
	return runtime.FuncForPC(reflect.ValueOf((*DB).callMember).Pointer()).Entry()
}

// maxMember is more than the machine code of callMember takes; only addresses so near its entry are looked up.
const maxMember = 1 << 14

// insideWrite reports whether this goroutine runs the function of a Write. The context cannot tell: a closure may
// have caught an outer one. Where no such function runs at all, nobody looks: a walk over the stack takes 20 us.
func (db *DB) insideWrite() bool {
	if db.members.Load() == 0 {
		return false
	}
	var pcs [96]uintptr
	for skip := 2; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs[:])
		for _, pc := range pcs[:n] {
			if pc-db.mark < maxMember && runtime.FuncForPC(pc-1).Entry() == db.mark {
				return true
			}
		}
		if n < len(pcs) {
			return false
		}
	}
}
