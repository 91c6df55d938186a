// Package wire is doc.
package wire
