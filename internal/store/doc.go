// Package store holds all SQL of the house: the two engines, the transactions, and for each noun one file with
// its statements beside their scans.
//
// A read is a noun (User, UserByEmail, Users), a write a verb (InsertUser). Reads that a decision rests on have
// the suffix ForUpdate and take the row's lock where the engine has one. The store holds no rule: what may be
// written is decided by the package that owns the noun, and only that package calls the noun's writes.
//
// A transaction is a function: DB.Read sees one snapshot and writes nothing, DB.Write is all or nothing and
// durable when it returns nil. The function may run twice, so it does no network, no sleeping, no hashing, and
// draws no randomness. A Write that must keep its rows and still refuse returns nil and hands the refusal back
// through a captured variable; returning an error takes every row back.
//
// On SQLite the Writes of all callers go through one goroutine that commits them in groups (writer.go). On
// PostgreSQL each Write is a transaction of its own at READ COMMITTED, so rows that a decision rests on must be
// read with their lock, in the order app, account, user, session.
package store
