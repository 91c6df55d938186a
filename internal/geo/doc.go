// Package geo says where on earth an address on the internet roughly is, by a file that the operator has: a MaxMind DB of
// cities or countries. It asks nobody, keeps nothing, and decides nothing: what it says is shown to people.
package geo
