// Package store holds all SQL of the house: the two engines, the transactions, and for each noun one file with
// its statements beside their scans.
//
// A read is a noun (User, UserByEmail, Users), a write a verb (InsertUser). Reads that a decision rests on have
// the suffix ForUpdate and take the row's lock where the engine has one. The store holds no rule: what may be
// written is decided by the package that owns the noun, and only that package calls the noun's writes.
package store
