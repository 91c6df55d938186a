package store

import "time"

func RotationTimes(times []time.Time) string   { return rotationTimes(times) }
func TimesOf(text string) ([]time.Time, error) { return timesOf(text) }
