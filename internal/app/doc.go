// Package app owns apps, their clients, and the app keys that identify an app to a door which asks for one. It
// makes and lists them, keeps them in a cache of committed rows, and recognises app keys.
//
// It alone writes their rows, with one exception: the counter of user numbers in an app's row belongs to package
// user. An app key gives no user's rights. Sessions of an app belong to package session.
package app
