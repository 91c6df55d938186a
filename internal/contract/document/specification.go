package document

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// CheckSpecification reports where the text is no valid OpenAPI 3.1 document. It reads the text a second time,
// with kin-openapi, and costs about two milliseconds an operation.
func (d *Document) CheckSpecification(ctx context.Context, data []byte) {
	if version := d.Root.Get("openapi"); !version.Is(String) || !strings.HasPrefix(version.Text, "3.1") {
		d.Report(version, "openapi: 3.1.0", "the document is not OpenAPI 3.1")
		return
	}
	loader := openapi3.NewLoader()
	loader.IncludeOrigin = true
	loader.ReadFromURIFunc = nil // references to other files stay refused
	loaded, err := loader.LoadFromData(data)
	if err != nil {
		d.specification(err)
		return
	}
	err = loaded.Validate(ctx, openapi3.EnableMultiError(), openapi3.DisableExamplesValidation(),
		openapi3.DisableSchemaDefaultsValidation(), openapi3.AllowExtensionsWithRef())
	var all openapi3.MultiError
	if errors.As(err, &all) {
		for _, one := range all {
			d.specification(one)
		}
		return
	}
	if err != nil {
		d.specification(err)
	}
}

func (d *Document) specification(err error) {
	text := err.Error()
	if known := slices.ContainsFunc(d.problems, func(p Problem) bool { return strings.Contains(p.Message, text) }); !known {
		d.report(originLine(err), "a valid OpenAPI 3.1 document", "OpenAPI: %s", text)
	}
}

var originType = reflect.TypeFor[*openapi3.Origin]()

// originLine finds the innermost line that an error of kin-openapi knows. Its error types share no accessor for
// the origin, only a field of that type.
func originLine(err error) int {
	line := 0
	for ; err != nil; err = errors.Unwrap(err) {
		v := reflect.Indirect(reflect.ValueOf(err))
		if v.Kind() != reflect.Struct {
			continue
		}
		for i := range v.NumField() {
			if v.Field(i).Type() != originType || !v.Type().Field(i).IsExported() {
				continue
			}
			if o, ok := v.Field(i).Interface().(*openapi3.Origin); ok && o != nil && o.Key != nil {
				line = o.Key.Line
			}
		}
	}
	return line
}
