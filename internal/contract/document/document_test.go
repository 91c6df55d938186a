package document

import (
	"context"
	"os"
	"testing"
)

func TestLegacyScratch(t *testing.T) {
	data, err := os.ReadFile("/work/shared/examples/legacy.yaml")
	if err != nil {
		t.Skip(err)
	}
	d := Parse("legacy.yaml", data)
	d.CheckSpecification(context.Background(), data)
	t.Log(d.Problems().Error())
	bad := []byte("openapi: 3.1.0\ninfo: {title: x}\npaths:\n  /a:\n    get:\n      parameters:\n        - {name: q, in: qury, schema: {type: strin}}\n      responses:\n        '200': {}\n  /b:\n    get:\n      responses:\n        '200': {$ref: '#/components/x'}\n")
	d = Parse("bad.yaml", bad)
	d.CheckSpecification(context.Background(), bad)
	t.Log(d.Problems().Error())
}
func BenchmarkParse(b *testing.B) {
	data, _ := os.ReadFile("/work/shared/examples/legacy.yaml")
	b.ReportAllocs()
	for b.Loop() {
		Parse("legacy.yaml", data)
	}
}
func BenchmarkSpec(b *testing.B) {
	data, _ := os.ReadFile("/work/shared/examples/legacy.yaml")
	b.ReportAllocs()
	for b.Loop() {
		d := Parse("legacy.yaml", data)
		d.CheckSpecification(context.Background(), data)
	}
}
