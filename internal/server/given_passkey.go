package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/contract"
	"github.com/ostiary-id/ostiary/internal/lifecycle"
	"github.com/ostiary-id/ostiary/internal/login"
)

// passkeys are the Givens of passkeys. Nobody can invent the answer of a browser, so they hold an authenticator.
func passkeys() map[string]give {
	out := map[string]give{
		"begin-passkey-sign-in/ok":                  nothing,
		"begin-passkey-sign-in/proof-invalid":       nothing,
		"finish-passkey-sign-in/proof-invalid":      passkeyAnswered("no-such-flow"),
		"finish-passkey-sign-in/ok":                 passkeyAnswered(""),
		"finish-passkey-registration/ok":            passkeyMade,
		"finish-passkey-registration/proof-invalid": passkeyMadeLate,
		"list-passkeys/ok":                          memberOf,
		"list-user-passkeys/ok":                     overUser,
	}
	for _, name := range []string{"rename-passkey", "delete-passkey", "begin-passkey-step-up"} {
		out[name+"/ok"] = func(ctx context.Context, s *stage, _ contract.Example) (map[string]string, error) {
			in, key, err := s.keyHolder(ctx)
			values := signedIn(in)
			if err == nil {
				values["id"] = string(key.id)
			}
			return values, err
		}
	}
	out["delete-user-passkey/ok"] = func(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
		in, key, err := s.keyHolder(ctx)
		if err != nil {
			return nil, err
		}
		values, err := administratorOf(ctx, s, e)
		if err == nil {
			values["id"], values["passkey_id"] = string(in.User.ID), string(key.id)
		}
		return values, err
	}
	return out
}

func passkeyAnswered(flow string) give {
	return func(ctx context.Context, s *stage, _ contract.Example) (map[string]string, error) {
		_, key, err := s.keyHolder(ctx)
		if err != nil {
			return nil, err
		}
		begun, err := s.house.login.BeginPasskeySignIn(ctx, visitor(), "")
		if err != nil {
			return nil, err
		}
		credential, err := key.sign(begun.Options)
		if flow == "" {
			flow = begun.Flow
		}
		return map[string]string{"flow": flow, "credential": credential}, err
	}
}

func passkeyMade(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	values, err := memberOf(ctx, s, e)
	if err != nil {
		return nil, err
	}
	c, err := s.caller(ctx, values[contract.GivenBearer])
	if err != nil {
		return nil, err
	}
	begun, err := s.house.lifecycle.BeginPasskey(ctx, c, false)
	if err != nil {
		return nil, err
	}
	key, err := newStageKey()
	if err != nil {
		return nil, err
	}
	values["flow"] = begun.Flow
	values["credential"], err = key.make(begun.Options)
	return values, err
}

func passkeyMadeLate(ctx context.Context, s *stage, e contract.Example) (map[string]string, error) {
	values, err := passkeyMade(ctx, s, e)
	if err == nil {
		values["flow"] = "no-such-flow"
	}
	return values, err
}

// keyHolder is a signed-in user with a passkey.
func (s *stage) keyHolder(ctx context.Context) (*login.SignedIn, *stageKey, error) {
	in, err := s.member(ctx, lifecycle.NewUser{EmailVerified: true})
	if err != nil {
		return nil, nil, err
	}
	c, err := s.caller(ctx, in.Grant.AccessToken)
	if err != nil {
		return nil, nil, err
	}
	begun, err := s.house.lifecycle.BeginPasskey(ctx, c, false)
	if err != nil {
		return nil, nil, err
	}
	key, err := newStageKey()
	if err != nil {
		return nil, nil, err
	}
	text, err := key.make(begun.Options)
	if err != nil {
		return nil, nil, err
	}
	var credential map[string]any
	if err := json.Unmarshal([]byte(text), &credential); err != nil {
		return nil, nil, err
	}
	made, err := s.house.lifecycle.FinishPasskey(ctx, c, lifecycle.NewPasskey{Flow: begun.Flow, Credential: credential})
	key.id = made.ID
	return in, key, err
}

// stageKey is an authenticator with one passkey (ES256), for the stage's own origin.
type stageKey struct {
	id         auth.FactorID
	credential []byte
	key        *ecdsa.PrivateKey
	handle     string
}

const stageOrigin = "http://localhost"

func newStageKey() (*stageKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a passkey: %w", err)
	}
	k := &stageKey{key: key, credential: make([]byte, 32)}
	_, err = rand.Read(k.credential)
	return k, err
}

// The flags of authenticator data (WebAuthn section 6.1): the user was present and verified; a credential is attached.
const (
	flagsUsed     = 0x05
	flagsAttached = 0x40
)

// make answers CreationOptions, without an attestation.
func (k *stageKey) make(options map[string]any) (string, error) {
	user, _ := options["user"].(map[string]any)
	k.handle, _ = user["id"].(string)
	client, _, err := clientData("webauthn.create", options)
	if err != nil {
		return "", err
	}
	point, err := k.key.PublicKey.Bytes() // uncompressed: 4, x, y
	if err != nil {
		return "", err
	}
	// The COSE key {1: 2, 3: -7, -1: 1, -2: x, -3: y} and the attestation {fmt: none, attStmt: {}, authData}, in CBOR.
	cose := append([]byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}, point[1:33]...)
	cose = append(append(cose, 0x22, 0x58, 0x20), point[33:]...)
	data := append(authenticatorData(flagsUsed|flagsAttached), make([]byte, 16)...) // no AAGUID
	data = binary.BigEndian.AppendUint16(data, uint16(len(k.credential)))
	data = append(append(data, k.credential...), cose...)
	object := append([]byte("\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58"), byte(len(data)))
	return k.answer(map[string]any{"clientDataJSON": client, "attestationObject": b64(append(object, data...)), "transports": []string{"internal"}})
}

// sign answers RequestOptions.
func (k *stageKey) sign(options map[string]any) (string, error) {
	client, hash, err := clientData("webauthn.get", options)
	if err != nil {
		return "", err
	}
	data := authenticatorData(flagsUsed)
	digest := sha256.Sum256(append(data[:len(data):len(data)], hash...))
	signature, err := ecdsa.SignASN1(rand.Reader, k.key, digest[:])
	if err != nil {
		return "", err
	}
	return k.answer(map[string]any{"clientDataJSON": client, "authenticatorData": b64(data), "signature": b64(signature), "userHandle": k.handle})
}

func (k *stageKey) answer(response map[string]any) (string, error) {
	text, err := json.Marshal(map[string]any{"id": b64(k.credential), "rawId": b64(k.credential), "type": "public-key",
		"clientExtensionResults": map[string]any{}, "response": response})
	return string(text), err
}

func clientData(kind string, options map[string]any) (text string, hash []byte, err error) {
	challenge, ok := options["challenge"].(string)
	if !ok {
		return "", nil, errors.New("the options have no challenge")
	}
	data, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": stageOrigin, "crossOrigin": false})
	sum := sha256.Sum256(data)
	return b64(data), sum[:], err
}

// authenticatorData is the head: whose relying party, flags, a counter that does not count.
func authenticatorData(flags byte) []byte {
	party := sha256.Sum256([]byte("localhost"))
	return append(party[:], flags, 0, 0, 0, 0)
}

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }
