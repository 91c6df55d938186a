// Package cli is the ostiary command: serve, and the commands of the machine's operator.
//
// A command asks the running server over the socket in its data directory, in HTTP, as any client of our own API
// would. When no server runs, it assembles one in its own process, without listeners, under the lock of the data
// directory, and asks that. It never touches the store.
package cli
