package contract

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/ostiary-id/ostiary/internal/operation"
)

func TestScratch(t *testing.T) {
	data, err := os.ReadFile("/work/shared/examples/legacy.yaml")
	if err != nil {
		t.Skip(err)
	}
	for _, p := range Check(Source{Name: "legacy.yaml", Data: data}, operation.New(operation.Deps{})) {
		t.Log(p)
	}
	start := time.Now()
	load(context.Background(), Mount{Source: Source{Name: "legacy.yaml", Data: data}}, operation.New(operation.Deps{}), "http://x", false)
	t.Log(time.Since(start))
}
