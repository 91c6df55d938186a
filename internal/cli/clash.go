package cli

import (
	"crypto/sha256"
	"fmt"

	"github.com/ostiary-id/ostiary/client"
)

// clashes knows which line of a file takes which identifier, by a mark of 16 bytes. A dry run makes nobody, and the
// server sees one batch; so the lines of the file are compared here, by what the server says they would take.
type clashes map[[16]byte]int

// check makes of a line of a dry run what the import would: only what lines take that would be created is taken.
func (c clashes) check(l *client.ImportedLine) {
	if len(l.Identifiers) == 0 {
		return
	}
	marks := make([][16]byte, len(l.Identifiers))
	for i, id := range l.Identifiers {
		sum := sha256.Sum256([]byte(id.Field + "\x00" + id.Value))
		marks[i] = [16]byte(sum[:16])
		earlier, taken := c[marks[i]]
		if !taken {
			continue
		}
		l.Outcome, l.Field, l.Earlier, l.NotCarried, l.Identifiers = "exists", id.Field, earlier, []string{}, nil
		l.Reason = fmt.Sprintf("Line %d has this %s.", earlier, id.Field)
		if id.Field == "username" {
			l.Outcome = "invalid"
		}
		return
	}
	for _, mark := range marks {
		c[mark] = l.Line
	}
	l.Outcome, l.Field, l.Reason, l.Earlier = "valid", "", "", 0 // whatever line of its batch it clashes with is not made
	l.Identifiers = nil                                          // they have done their work and are no part of the report
}
