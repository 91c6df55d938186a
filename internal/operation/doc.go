// Package operation is the catalogue: every operation of the server by name, with its access rule, typed input,
// named results and error codes.
//
// An operation authorises and calls one function of a lower package; rules live there. Everything that must
// happen at every call (request limits, the access rule, metrics) is the pipeline in Catalogue.Call, which no
// operation can skip. Doors (the contract engine, the command socket, the hosted pages) call operations and
// decide nothing.
package operation
