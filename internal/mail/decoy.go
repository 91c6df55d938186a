package mail

import (
	"context"

	"github.com/ostiary-id/ostiary/internal/queue"
)

// Decoy is the address of nobody. A mail to it is written like any other and thrown away by Discard: where nobody may
// learn whether an address is known, a request for an unknown one thus does the same work (SECURITY EN-02). The domain
// never exists (RFC 2606 section 2).
const Decoy = "nobody@decoy.invalid"

// DecoyKind is the kind of the jobs that carry mails to Decoy. They need no transport, so they wait for none.
const DecoyKind = "mail-decoy"

// Discard is the queue.Handler of DecoyKind.
func Discard(context.Context, queue.Delivery) error { return nil }
