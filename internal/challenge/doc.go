// Package challenge owns the question whether a stranger may spend the house's time, mails and guesses: it compares the
// response that came with a request with the app's site keys, or asks the service that made it (Turnstile, hCaptcha,
// reCAPTCHA) by its siteverify call.
//
// It fails closed: a service that does not answer, answers nonsense or does not know our secret lets nobody in, and
// Stats, the log and the answer (challenge-unavailable) say so. Which operations ask is told by their definition
// (package operation); who is asked, too. A response works once at its service, is sent nowhere else and is never
// logged. The address of the person is not sent.
package challenge
