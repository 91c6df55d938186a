// Package storetest gives tests a real database: SQLite always, PostgreSQL where a server answers. Each test gets
// a database of its own, migrated and empty but for what the migrations insert.
//
// PostgreSQL is found through OSTIARY_TEST_POSTGRES (an address whose user may create databases) or on this
// machine's port 5432. Where none answers the test is skipped visibly, and fails if CI=true.
//
// The package is for tests only and holds no SQL of the house.
package storetest
