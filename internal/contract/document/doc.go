// Package document reads an OpenAPI document into a tree that remembers order and lines, follows its references,
// and collects what is wrong with it.
//
// It knows YAML, JSON pointers and the OpenAPI specification (through kin-openapi); it knows nothing of our
// annotations, which package contract reads from the tree.
package document
