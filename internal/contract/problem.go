package contract

import (
	"github.com/ostiary-id/ostiary/internal/contract/document"
)

// Problem is one mistake in a document: where it stands, what is wrong, what was expected.
type Problem = document.Problem

// Problems is every mistake found, in the order of files and lines. It is the error of New.
type Problems = document.Problems
