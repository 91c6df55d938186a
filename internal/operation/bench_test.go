package operation_test

import (
	"testing"

	"github.com/ostiary-id/ostiary/internal/limit"
	"github.com/ostiary-id/ostiary/internal/operation"
	"github.com/ostiary-id/ostiary/internal/store"
	"github.com/ostiary-id/ostiary/internal/store/storetest"
)

// BenchmarkGetMe is what a request for the own profile costs behind its door: credential, limit, access rule and
// operation, with everything cached.
func BenchmarkGetMe(b *testing.B) {
	clock := storetest.NewClock()
	wide := limit.Setting{Max: 1_000_000}
	h := furnish(b, storetest.Open(b, store.Options{Clock: clock.Now}), clock,
		map[string]limit.Setting{limit.RequestsUser: wide, limit.RequestsKey: wide})
	in := h.signUp("jo@example.com")
	key := must[operation.NewAPIKey](h, "create-api-key", &operation.CreateAPIKeyInput{Name: "k", Scopes: []string{"account:read"}},
		bearer(in.Tokens.AccessToken))
	for name, credential := range map[string]string{"session": in.Tokens.AccessToken, "key": key.Secret} {
		b.Run(name, func(b *testing.B) {
			p := presented(bearer(credential))
			d := h.Lookup("get-me")
			b.ReportAllocs()
			for b.Loop() {
				caller, err := h.Resolve(b.Context(), p)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := h.Call(b.Context(), d, &operation.Request{Caller: caller}, d.NewInput()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
