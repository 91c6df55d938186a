// Package contracts holds the OpenAPI documents that the server ships: our own API and the APIs that clients of
// other systems already speak. It holds no code; package contract serves the documents. README.md tells how to
// write one.
package contracts

import "embed"

// Files are the documents, named NAME.yaml after their x-contract.name.
//
//go:embed *.yaml
var Files embed.FS
