// Package mail owns what Ostiary writes to people: the kinds of mail, their templates' data, the links in them,
// and the ways out (SMTP, or the development inbox).
//
// Send only queues; delivery is a job. Mail budgets are counted by the flows that cause mails, through package
// limit. Sentences and templates stand in package web.
package mail
