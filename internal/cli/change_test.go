package cli

import (
	"fmt"
	"testing"
)

// An overlap of nothing ends the secret before at once; other lifetimes go on refusing it.
func TestRotateWithoutOverlap(t *testing.T) {
	s := newShell(t)
	s.serve()
	id := fmt.Sprint(s.object("clients", "create", "Notes", "--type", "web", "--redirect", "https://notes.example/cb")["id"])
	made := s.object("clients", "rotate-secret", id, "--overlap", "0s")
	if list := s.list("clients", "secrets", id); len(list) != 1 || list[0]["id"] != made["id"] {
		t.Errorf("%v", list)
	}
	s.fails(exitFailed, "clients", "rotate-secret", id, "--overlap", "0")
	s.fails(exitFailed, "clients", "update", id, "--access-ttl", "0s")
}
