// Package server assembles the house in one visible list (assemble.go), opens its listeners, runs what has to be
// done in the background, and stops it without losing a request.
//
// It owns what concerns the process as a whole: the data directory, the tie between master key and database,
// listeners and certificates, the command socket, health, housekeeping, backup's counterpart restore, and what is
// unsafe in the configuration (Doctor). It holds no rule about users, sessions or contracts.
package server
