// Package drive is what the load programs share: a lean HTTP connection, a closed loop of workers that asks as fast as
// it is answered, and the row of a table that tells what came of it.
package drive
