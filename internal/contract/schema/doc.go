// Package schema compiles the JSON Schema objects of a document into validators that tell every broken rule of a
// value, in the order of the document, in the words of auth.Violation.
//
// It enforces JSON Schema 2020-12 as OpenAPI 3.1 uses it. A keyword or format that it does not enforce is a
// problem of the document, never silently ignored. A compiled Schema keeps nothing of the document.
package schema
