package store

import "time"

// Budget is how much of a limiter's allowance a subject has used in the window that ends at ResetsAt.
type Budget struct {
	Spent    int64
	ResetsAt time.Time
}

// Budget reads the state of one subject; ErrNotFound if it has none. The window may be over.
func (tx *Tx) Budget(name, subject string) (Budget, error) {
	var b Budget
	var resets int64
	err := tx.one(`SELECT spent, resets_at FROM budgets WHERE name = $1 AND subject = $2`,
		[]any{name, subject}, &b.Spent, &resets)
	b.ResetsAt = instant(resets)
	return b, err
}

// SpendBudget takes one from the subject's budget and returns the state after it, in one statement, so that
// parallel callers see different numbers. A window that is over begins anew.
func (tx *Tx) SpendBudget(name, subject string, window time.Duration) (Budget, error) {
	now := tx.Now()
	var b Budget
	var resets int64
	err := tx.one(`INSERT INTO budgets (name, subject, spent, resets_at) VALUES ($1, $2, 1, $4)
		ON CONFLICT (name, subject) DO UPDATE SET
			spent = CASE WHEN budgets.resets_at <= $3 THEN 1 ELSE budgets.spent + 1 END,
			resets_at = CASE WHEN budgets.resets_at <= $3 THEN $4 ELSE budgets.resets_at END
		RETURNING spent, resets_at`,
		[]any{name, subject, micros(now), micros(now.Add(window))}, &b.Spent, &resets)
	b.ResetsAt = instant(resets)
	return b, err
}

// RefundBudget gives one back, unless the window it was taken from is over.
func (tx *Tx) RefundBudget(name, subject string, resetsAt time.Time) error {
	_, err := tx.exec(`UPDATE budgets SET spent = spent - 1
		WHERE name = $1 AND subject = $2 AND resets_at = $3 AND spent > 0`, name, subject, micros(resetsAt))
	return err
}

// DeleteBudget forgets what the subject has used.
func (tx *Tx) DeleteBudget(name, subject string) error {
	_, err := tx.exec("DELETE FROM budgets WHERE name = $1 AND subject = $2", name, subject)
	return err
}

// DeleteExpiredBudgets removes at most limit budgets whose window is over. The condition stands twice because a
// row that was found may begin a new window before it is deleted.
func (tx *Tx) DeleteExpiredBudgets(limit int) (int64, error) {
	return tx.exec(`DELETE FROM budgets WHERE resets_at <= $1 AND (name, subject) IN
		(SELECT name, subject FROM budgets WHERE resets_at <= $1 ORDER BY resets_at LIMIT $2)`,
		micros(tx.Now()), limit)
}
