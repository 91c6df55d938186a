package server_test

import (
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/client"
	"github.com/ostiary-id/ostiary/internal/config"
	"github.com/ostiary-id/ostiary/internal/server/servertest"
)

// The audit log keeps events as long as it is told to, and stays whole.
func TestOldEventsAreRemoved(t *testing.T) {
	servertest.Each(t, func(t *testing.T, i *servertest.Instance) {
		ctx := t.Context()
		none(t, i.Client.Register(ctx, client.Registration{Email: "ann@example.com", Password: phrase}))
		i.Clock.Advance(time.Minute)
		i.Work()
		before := ok[client.AuditReport](t)(i.Operator.VerifyAudit(ctx))
		if !before.Intact || before.Sealed == 0 || before.Removed != 0 {
			t.Fatalf("%+v", before)
		}
		i.Clock.Advance(90 * time.Minute)
		none(t, i.Client.Register(ctx, client.Registration{Email: "bob@example.com", Password: phrase}))
		i.Clock.Advance(time.Minute)
		i.Work()
		i.Clock.Advance(2 * time.Minute) // the lease of housekeeping
		i.Work()
		after := ok[client.AuditReport](t)(i.Operator.VerifyAudit(ctx))
		if !after.Intact || after.Removed != before.Sealed || after.Sealed == 0 {
			t.Errorf("%+v, and before %+v", after, before)
		}
	}, servertest.Configure(func(c *config.Config) { c.Retention.Events = time.Hour }))
}
