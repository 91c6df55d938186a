package ui

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/operation"
)

// dataPage hands out everything about the person, and lets it be erased.
type dataPage struct {
	owned
	Email string
}

func (v *visit) newDataPage() (*dataPage, error) {
	me, err := v.me()
	return &dataPage{Email: me.User.Email}, err
}

func changeMyData(v *visit) error {
	var err error
	switch v.form.Get("do") {
	case "export":
		var data operation.OwnData
		if data, err = read[operation.OwnData](v, "export-my-data", &operation.EvidenceInput{}); err == nil {
			return v.download("my-data.json", data)
		}
	case "delete":
		if v.form.Get("sure") == "" {
			err = auth.Invalid("sure", auth.ViolationRequired, "Say that you are sure.")
			break
		}
		v.typed = []string{"sure"}
		if _, err = v.person("delete-account", &operation.EvidenceInput{}); err == nil {
			v.dropSession()
			return v.to("/done/leaving")
		}
	default:
		return unknownForm()
	}
	return shownAgain(v, "my-data", err, v.newDataPage)
}

// Sure reports whether the box was ticked before a detour.
func (p *dataPage) Sure() bool { return p.values.Get("sure") != "" }

// Unsure is what is said to who has not ticked it.
func (p *dataPage) Unsure() string { return p.wrong("sure") }

// download answers a value as a file of JSON.
func (v *visit) download(name string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return auth.Internal(fmt.Errorf("write %s: %w", name, err))
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(text)+1))
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write(append(text, '\n')) // a client that hung up cannot be told
	return nil
}
