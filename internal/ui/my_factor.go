package ui

import (
	"html/template"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// factorPage turns the authenticator app on and off. What is shown once is in the answer to the form itself, for nothing
// keeps it to be shown later.
type factorPage struct {
	owned
	On      bool
	Left    int          // backup codes that were not used
	Secret  string       // of a begun enrolment, base32
	URI     string       // the same for authenticator apps
	QR      template.URL // the same as an image; empty: there is none
	Backup  []string     // new backup codes
	Renewed bool         // they replace older ones
}

func (v *visit) newFactorPage() (*factorPage, error) {
	status, err := read[operation.TOTPStatus](v, "get-totp-status", &operation.GetTOTPStatusInput{})
	return &factorPage{On: status.Enabled, Left: status.BackupCodesLeft}, err
}

func changeMyFactor(v *visit) error {
	code := v.form.Get("code")
	switch v.form.Get("do") {
	case "begin":
		begun, err := read[operation.BegunTOTP](v, "begin-totp", &operation.BeginTOTPInput{})
		if err != nil {
			return err
		}
		shown := &factorPage{}
		shown.focus = "code"
		shown.enrol(begun.TOTP.Secret, begun.TOTP.URI)
		return v.mine("my-two-factor", shown)
	case "confirm":
		codes, err := read[operation.BackupCodes](v, "confirm-totp", &operation.ConfirmTOTPInput{Code: code})
		return v.codesShown(codes, err, false)
	case "renew":
		codes, err := read[operation.BackupCodes](v, "regenerate-backup-codes", &operation.RegenerateBackupCodesInput{Code: code})
		return v.codesShown(codes, err, true)
	case "off":
		_, err := v.person("disable-totp", &operation.DisableTOTPInput{Code: code})
		if err == nil {
			return v.settled("/my/two-factor", "factor-off")
		}
		return v.codesShown(operation.BackupCodes{}, err, false)
	}
	return unknownForm()
}

// codesShown shows new backup codes, or the form again: with the begun secret, as the form had it, for it has no power before
// a code of it was right.
func (v *visit) codesShown(codes operation.BackupCodes, err error, renewed bool) error {
	if err == nil {
		return v.mine("my-two-factor", &factorPage{On: true, Left: len(codes.BackupCodes), Backup: codes.BackupCodes, Renewed: renewed})
	}
	shown, failed := v.newFactorPage()
	if failed != nil {
		return failed
	}
	if !shown.On && auth.Is(err, auth.CodeSecondFactorWrong) {
		shown.enrol(v.form.Get("secret"), v.form.Get("uri"))
	}
	return v.mineAgain("my-two-factor", err, shown)
}

// enrol shows a begun secret.
func (p *factorPage) enrol(secret, uri string) {
	if !strings.HasPrefix(uri, "otpauth://totp/") {
		return
	}
	p.Secret, p.URI = secret, uri
	if image, ok := contract.QRDataURL(uri); ok {
		p.QR = template.URL(image) //nolint:gosec // an image that we drew
	}
}

// Groups is the secret in fours, as people type it.
func (p *factorPage) Groups() []string {
	var out []string
	for rest := p.Secret; rest != ""; {
		n := min(4, len(rest))
		out, rest = append(out, rest[:n]), rest[n:]
	}
	return out
}

// File is the backup codes as a file of text.
func (p *factorPage) File() template.URL {
	return template.URL("data:text/plain;charset=utf-8," + strings.Join(p.Backup, "%0A") + "%0A") //nolint:gosec // codes of ours: letters, digits, hyphens
}
