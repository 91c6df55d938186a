// Package audit owns the audit log: Record writes an event in the transaction of the change it tells of, one
// leased sealer chains committed events per app with keyed links, and Verify walks a chain and finds what was
// altered, removed, cut off or slipped in.
//
// What is worth an event is decided by the packages that change things. Logs for operators are package
// telemetry's; they are no evidence.
package audit
