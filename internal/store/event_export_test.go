package store

// Tamper runs any statement: what somebody with the database in hand could do.
func (tx *Tx) Tamper(query string, args ...any) (int64, error) { return tx.exec(query, args...) }
