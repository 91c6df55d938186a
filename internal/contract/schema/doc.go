// Package schema is doc.
package schema
