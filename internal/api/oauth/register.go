package oauth

import (
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/httpx"
	"github.com/ostiary-id/ostiary/internal/oauth"
)

// register is the registration endpoint (RFC 7591) and, below it, the configuration endpoint of each client (RFC 7592).
func (d *Door) register(w http.ResponseWriter, r *http.Request) error {
	ask := oauth.RegisterRequest{Authorization: r.Header.Get("Authorization"), Caller: stranger(r),
		ClientID: auth.ClientID(strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, oauth.RegisterPath), "/"))}
	if (ask.ClientID == "") != (r.Method == http.MethodPost) {
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return nil
	}
	var err error
	if r.Method == http.MethodPost || r.Method == http.MethodPut {
		if ask.Body, err = metadataBody(w, r); err != nil {
			return err
		}
	}
	var out oauth.Registration
	status := http.StatusOK
	switch r.Method {
	case http.MethodPost:
		status = http.StatusCreated
		out, err = d.o.Service.Register(r.Context(), ask)
	case http.MethodPut:
		out, err = d.o.Service.UpdateRegistration(r.Context(), ask)
	case http.MethodDelete:
		if err = d.o.Service.EndRegistration(r.Context(), ask); err == nil {
			w.WriteHeader(http.StatusNoContent)
		}
		return err
	default:
		out, err = d.o.Service.ReadRegistration(r.Context(), ask)
	}
	if err != nil {
		return err
	}
	return write(w, status, out)
}

func metadataBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, &oauth.Error{Code: oauth.InvalidMetadata, Description: "Metadata is sent as application/json."}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, httpx.MaxBody))
	if err != nil {
		return nil, &oauth.Error{Code: oauth.InvalidMetadata, Description: "The body cannot be read.", Err: err}
	}
	return body, nil
}
