// Package wire decodes what clients send, strictly: JSON and forms into Values, Accept and Content-Type into
// choices. Everything that two parsers could read in two ways is refused here: duplicate members, trailing data,
// invalid UTF-8, lone surrogates, NUL.
//
// It knows no document, no schema and no operation.
package wire
