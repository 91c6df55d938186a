package federation

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/ostiary-id/ostiary/internal/auth"
)

// appleSecretLife is how long one client secret of Apple's kind counts; one is made for each exchange.
const appleSecretLife = 5 * time.Minute

func appleSigner(text string) (*ecdsa.PrivateKey, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || len(text) > maxSecret || len(rest) > 2 {
		return nil, errors.New("no PEM block")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("not a P-256 key")
	}
	return key, nil
}

// appleSecret makes the client secret that Apple wants: a token that the team's key signs.
func appleSecret(p auth.Provider, private string, now time.Time) (string, error) {
	key, err := appleSigner(private)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: p.Settings.KeyID}}, nil)
	if err != nil {
		return "", err
	}
	return jwt.Signed(signer).Claims(jwt.Claims{Issuer: p.Settings.TeamID, Subject: p.Settings.ClientID,
		Audience: jwt.Audience{p.Settings.Issuer}, IssuedAt: jwt.NewNumericDate(now),
		Expiry: jwt.NewNumericDate(now.Add(appleSecretLife))}).Serialize()
}

// maxAppleUser is the longest `user` parameter that is read, in bytes.
const maxAppleUser = 4096

// appleName reads the name that Apple's form carries beside the code. It came through the browser and nobody has signed
// it: a name may be taken from it, as a person may type any, and nothing else; the address in it never.
func appleName(form string) (given, family string) {
	var user struct {
		Name struct {
			First string `json:"firstName"`
			Last  string `json:"lastName"`
		} `json:"name"`
	}
	if form == "" || len(form) > maxAppleUser || json.Unmarshal([]byte(form), &user) != nil {
		return "", ""
	}
	return cleaned(user.Name.First, maxText), cleaned(user.Name.Last, maxText)
}
