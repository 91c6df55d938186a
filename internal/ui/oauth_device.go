package ui

import (
	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// devicePage asks for the code that a device shows, or whether the device behind it may come in.
type devicePage struct {
	base
	asking
	Device operation.WaitingDevice // zero: no code was typed yet
}

// showDevice asks for the code. One that came in the address is only filled in: who follows a link has not compared
// anything yet (DV-02).
func showDevice(v *visit) error {
	shown := &devicePage{base: base{title: "page.device.title", focus: "user-code", values: v.r.URL.Query()}}
	return v.show("device", shown)
}

func device(v *visit) error {
	v.typed = []string{"user_code"}
	in := &operation.UserCodeInput{UserCode: v.form.Get("user_code")}
	switch v.form.Get("do") {
	case "show":
		return v.confirmDevice(in)
	case "approve":
		if _, err := v.person("approve-device", in); err != nil {
			return v.noDevice(err)
		}
		return v.to("/done/device-connected")
	case "deny":
		if _, err := v.person("deny-device", in); err != nil {
			return v.noDevice(err)
		}
		return v.to("/done/device-refused")
	}
	return unknownForm()
}

// confirmDevice shows what waits under a code, for the person to compare.
func (v *visit) confirmDevice(in *operation.UserCodeInput) error {
	waiting, err := read[operation.WaitingDevice](v, "show-device", in)
	if err != nil {
		return v.noDevice(err)
	}
	shown := &devicePage{base: base{title: "page.device.confirm"}, Device: waiting,
		asking: v.asking(operation.AskedFor{Client: waiting.Client, Scopes: waiting.Scopes, Resources: waiting.Resources, Offline: waiting.Offline,
			AccessLife: waiting.AccessLife})}
	return v.show("device", shown)
}

// noDevice asks for the code once more.
func (v *visit) noDevice(err error) error {
	e := auth.AsError(err)
	if e.Code != auth.CodeProofInvalid && e.Code != auth.CodeRateLimited {
		return err
	}
	shown := &devicePage{base: base{title: "page.device.title", focus: "user-code", problem: e, status: e.Code.Status()}}
	if e.Code == auth.CodeProofInvalid {
		shown.says = "page.device.unknown"
	}
	v.retryAfter(e)
	return v.show("device", shown)
}
