package secret

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/ostiary-id/ostiary/internal/auth"
	"github.com/ostiary-id/ostiary/internal/secret/argon2"
)

// foreignCases are hashes of one password, made by other implementations: libxcrypt for crypt(3), Python's hashlib and
// OpenSSL for PBKDF2, scrypt and the digests, programs written from the specifications for phpass and argon2. The two
// published ones are those of the phpass and Firebase scrypt sources.
func foreignCases() []foreignCase {
	const pw = "correct horse"
	seasalt := func(p ForeignParameters) *ForeignParameters { return &p }
	return []foreignCase{
		{in: ForeignPassword{Hash: "$2a$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"}, format: "bcrypt", password: pw},
		{in: ForeignPassword{Hash: "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"}, format: "bcrypt", password: pw},
		{in: ForeignPassword{Hash: "$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2", Format: "bcrypt"}, format: "bcrypt", password: pw},
		{in: ForeignPassword{Hash: "bcrypt$$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2", Format: "django"}, format: "bcrypt", password: pw},
		{in: ForeignPassword{Hash: "bcrypt_sha256$$2b$05$abcdefghijklmnopqrstuuFRrKxBsFtwnfZtmHymgDN/Qb8toxLuK"}, format: "django-bcrypt-sha256", password: pw},
		{in: ForeignPassword{Hash: "$5$rounds=1000$saltstring$95Bg/RfV2QriLpMdLPHK9el0Ighm6E3CBqMKzZKgCa2"}, format: "sha256-crypt", password: pw},
		{in: ForeignPassword{Hash: "$5$saltstring$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC"}, format: "sha256-crypt", password: pw},
		{in: ForeignPassword{Hash: "{CRYPT}$6$rounds=1000$saltstring$YiR6NSM0LQXmu7vAhkMXfkdYk7qtFouVx1Mdr3HmzXspT8kONjlpU3CsV7ezCB62uXJoAdaagsH4ck7/tB9js."}, format: "sha512-crypt", password: pw},
		{in: ForeignPassword{Hash: "pbkdf2_sha256$1000$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso=", Format: "django"}, format: "pbkdf2-sha256", password: pw},
		{in: ForeignPassword{Hash: "pbkdf2_sha1$1000$seasalt$iQvkNOF1wEL4Khh8eogJ8rUhipM="}, format: "pbkdf2-sha1", password: pw},
		{in: ForeignPassword{Hash: "$pbkdf2-sha512$1000$..../3NlYXNhbHQ$.yH8eQS7xjoXani8K5x14g1vOed42QskaolurAAYosFpu5OgQ7IjIzDmzx6IYzzwifyyl6dZAn9LOpfYvkN9tQ"}, format: "pbkdf2-sha512", password: pw},
		{in: ForeignPassword{Hash: "$pbkdf2$1000$..../3NlYXNhbHQ$qo8K8N9JL//IOW0MQezhq8HPWHE"}, format: "pbkdf2-sha1", password: pw},
		{in: ForeignPassword{Format: "pbkdf2-sha512", Hash: "CBx2rkpvjyEAoopNVuRZWOOxTTRwoV6JjrHARZAmWoRGf7Bll/+N6ttV/4gWvtd16NJ94OpVpZHm44IdMrFULg==",
			Parameters: seasalt(ForeignParameters{Salt: "c2Vhc2FsdA==", Iterations: 1000})}, format: "pbkdf2-sha512", password: pw},
		{in: ForeignPassword{Format: "pbkdf2-sha1", Hash: "890be434e175c042f82a187c7a8809f2b5218a93",
			Parameters: seasalt(ForeignParameters{Salt: "seasalt", SaltEncoding: "text", HashEncoding: "hex", Iterations: 1000})}, format: "pbkdf2-sha1", password: pw},
		{in: ForeignPassword{Hash: "$scrypt$ln=10,r=8,p=1$c2Vhc2FsdHNlYXNhbHRzZQ$v/atHVoUOVB0uzjGSmrcKFtEt1z6etRNRTw7xRzvL+k"}, format: "scrypt", password: pw},
		{in: ForeignPassword{Hash: "scrypt$1024$seasalt$8$1$b9vqOe0B5HZh2f10Q9RPN9OFNPtmb+ezp5YOlnZsJQ0vQ5I3eq8Zt7GFMuqQ58xCxTIvVL1QCL/PTXEWr+RNHA=="}, format: "scrypt", password: pw},
		{in: ForeignPassword{Format: "scrypt", Hash: "v/atHVoUOVB0uzjGSmrcKFtEt1z6etRNRTw7xRzvL+k", Parameters: seasalt(ForeignParameters{
			Salt: "73656173616c747365617361", SaltEncoding: "hex", N: 1024, R: 8})}, format: "scrypt", password: pw, wrongSalt: true},
		{in: ForeignPassword{Format: "firebase-scrypt", Hash: "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
			Parameters: seasalt(ForeignParameters{Salt: "42xEC+ixf3L2lw==", SaltSeparator: "Bw==", Rounds: 8, MemCost: 14,
				SignerKey: "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="})}, format: "firebase-scrypt", password: "user1password"},
		{in: ForeignPassword{Hash: "$argon2i$v=19$m=128,t=2,p=2$c2Vhc2FsdHNlYXNhbHRzZQ$5E4KAIw0ZKNGfTulfNu0eB2HCUe7hKEnsLaxzejKXvA"}, format: "argon2i", password: pw},
		{in: ForeignPassword{Hash: "$argon2d$v=19$m=128,t=2,p=2$c2Vhc2FsdHNlYXNhbHRzZQ$2krT3yVvyAvyBt4oDxU1bMLroHfB/l0BlZ/JUPUmOZU"}, format: "argon2d", password: pw},
		{in: ForeignPassword{Hash: "argon2$argon2id$v=19$m=128,t=2,p=2$c2Vhc2FsdHNlYXNhbHRzZQ$bTzuFiA/eESAN4ChswdO044DtXSBJ+TQL3QVYb2TyLY", Format: "django"}, format: "argon2id", password: pw},
		{in: ForeignPassword{Hash: "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"}, format: "phpass", password: "test12345"},
		{in: ForeignPassword{Hash: "$H$9saltsaltoOYGA0TbwROeAx3OxiKY5/"}, format: "phpass", password: pw},
		{in: ForeignPassword{Hash: "{SSHA}K0MZxWoMPVRxegoJBeg1/wEGvbpzYWx0MTIzNA=="}, format: "ssha", password: pw},
		{in: ForeignPassword{Hash: "{ssha256}LBWHKVk8AqLFDGjNCFn++x9EnLelCHLkEmBsFi2U3AJzYWx0MTIzNA"}, format: "ssha256", password: pw},
		{in: ForeignPassword{Hash: "{SSHA512}foa0o5b0ZNtnD4d7mkHNhvOYnvv07lgQLIiqhLd1FEa5XsTVUbPtF47ABIGbnQq2Ah1uFh4t800l1g7N4YIQh3NhbHQxMjM0", Format: "ssha512"}, format: "ssha512", password: pw},
	}
}

type foreignCase struct {
	in        ForeignPassword
	format    string // of what is stored
	password  string
	wrongSalt bool // the password must not match
}

// Every format is recognised, verified, named, outdated, and stored in a form that can be imported again.
func TestForeignHashes_PW11(t *testing.T) {
	p := testPool(t, PoolOptions{})
	for _, c := range foreignCases() {
		stored, err := ImportPassword(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in.Hash, err)
			continue
		}
		if got := PasswordFormat(stored); got != c.format {
			t.Errorf("%s: format %q, want %q", stored, got, c.format)
		}
		for password, want := range map[string]bool{c.password: !c.wrongSalt, c.password + " ": false, strings.ToUpper(c.password): false, "": false,
			c.password[1:]: false} {
			ok, outdated, err := p.Verify(t.Context(), stored, password)
			if err != nil || ok != want || !outdated && c.format != "argon2id" {
				t.Errorf("%s: %q: %v, outdated %v, %v", stored, password, ok, outdated, err)
			}
		}
		again, err := ImportPassword(ForeignPassword{Hash: stored, Format: c.format})
		if err != nil || again != stored {
			t.Errorf("%s comes back as %q, %v", stored, again, err)
		}
		if strings.Contains(stored, "jxspr8Ki0RYycVU8") {
			t.Error("the signer key is stored")
		}
	}
}

// A password that bcrypt would cut is wrong, whatever its first 72 bytes are.
func TestBcryptNeverCuts_PW12(t *testing.T) {
	long := strings.Repeat("0123456789", 8)
	made, err := bcrypt.GenerateFromPassword([]byte(long[:72]), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	h, err := parseHash(string(made))
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := h.matches(long[:72], nil); !ok || err != nil {
		t.Errorf("72 bytes: %v, %v", ok, err)
	}
	if ok, err := h.matches(long[:73], nil); ok || !errors.Is(err, errPasswordLength) {
		t.Errorf("73 bytes: %v, %v", ok, err)
	}
	p := testPool(t, PoolOptions{})
	if ok, _, err := p.Verify(t.Context(), string(made), long); ok || err != nil {
		t.Errorf("80 bytes at the pool: %v, %v", ok, err)
	}
	sha, err := ImportPassword(ForeignPassword{Hash: "$5$saltstring$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC"})
	if err != nil {
		t.Fatal(err)
	}
	if ok, _, err := p.Verify(t.Context(), sha, strings.Repeat("x", 257)); ok || err != nil {
		t.Errorf("257 bytes of SHA-crypt: %v, %v", ok, err)
	}
}

// Hashes that would stall the server are refused when they come and, should one stand in a row, when they are used.
func TestForeignCosts_PW13(t *testing.T) {
	const key = "v/atHVoUOVB0uzjGSmrcKFtEt1z6etRNRTw7xRzvL+k"
	for _, hash := range []string{
		"$argon2id$v=19$m=4194304,t=1,p=1$c2Vhc2FsdHNlYXNhbHRzZQ$" + key, "$argon2i$v=19$m=262145,t=1,p=1$c2Vhc2FsdHNlYXNhbHRzZQ$" + key,
		"$argon2d$v=19$m=64,t=11,p=1$c2Vhc2FsdHNlYXNhbHRzZQ$" + key, "argon2$argon2id$v=19$m=64,t=1,p=17$c2Vhc2FsdHNlYXNhbHRzZQ$" + key,
		"$2b$15$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2", "$2b$99$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
		"bcrypt_sha256$$2b$31$abcdefghijklmnopqrstuuFRrKxBsFtwnfZtmHymgDN/Qb8toxLuK",
		"$scrypt$ln=21,r=8,p=1$c2Vh$" + key, "$scrypt$ln=19,r=8,p=1$c2Vh$" + key, "$scrypt$ln=17,r=8,p=5$c2Vh$" + key, "$scrypt$ln=1,r=65,p=1$c2Vh$" + key,
		"$firebase-scrypt$ln=20,r=8,p=1$c2Vh$" + key, "pbkdf2_sha256$5000001$seasalt$" + key + "=", "pbkdf2_sha1$2500001$seasalt$" + key + "=",
		"$5$rounds=1000001$saltstring$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC", "$5$rounds=999999999$saltstring$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC",
		"$P$JIQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0",
	} {
		_, err := ImportPassword(ForeignPassword{Hash: hash})
		if e := auth.AsError(err); e == nil || e.Code != auth.CodeInvalidRequest || e.Violations[0].Code != auth.ViolationTooLarge {
			t.Errorf("%s: %v", hash, err)
		}
		p := testPool(t, PoolOptions{})
		if ok, _, err := p.Verify(t.Context(), hash, "x"); ok || err == nil || p.Evaluations() != 0 {
			t.Errorf("%s is evaluated: %v", hash, err)
		}
	}
}

func TestForeignForms(t *testing.T) {
	for _, hash := range []string{"", "x", "$", "$$$$", "secret", "5f4dcc3b5aa765d61d8327deb882cf99", "$1$salt$key", "$2$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
		"$2x$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2", "$2b$03$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
		"$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy", "md5$salt$key", "{SHA}K0MZxWoMPVRxegoJBeg1/wEGvbo=", "{SSHA", "{SSHA}", "{SSHA}K0M=",
		"$argon2id$v=16$m=64,t=1,p=1$c2Vhc2FsdHNlYXNhbHRzZQ$c2Vhc2FsdHNlYXNhbHRzZQ", "$scrypt$ln=10,r=8$c2Vh$c2Vhc2FsdHNlYXNhbHRzZQ",
		"scrypt$1000$seasalt$8$1$c2Vhc2FsdHNlYXNhbHRzZQ==", "pbkdf2_md5$1000$seasalt$c2Vhc2FsdHNlYXNhbHRzZQ==", "pbkdf2_sha256$-1$seasalt$c2Vhc2FsdHNlYXNhbHRzZQ==",
		"$5$rounds=10$s$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC", "$P$4IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", strings.Repeat("$2b$05$", 100)} {
		if stored, err := ImportPassword(ForeignPassword{Hash: hash}); !auth.Is(err, auth.CodeInvalidRequest) {
			t.Errorf("%q: %q, %v", hash, stored, err)
		}
	}
	salt := &ForeignParameters{Salt: "c2Vhc2FsdA==", Iterations: 1000, N: 1024, R: 8}
	for _, in := range []ForeignPassword{
		{Hash: "$5$saltstring$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC", Format: "bcrypt"},
		{Hash: "c2Vhc2FsdHNlYXNhbHRzZQ==", Parameters: salt}, {Hash: "c2Vhc2FsdHNlYXNhbHRzZQ==", Format: "bcrypt", Parameters: salt},
		{Hash: "c2Vhc2FsdHNlYXNhbHRzZQ==", Format: "pbkdf2-md5", Parameters: salt}, {Hash: "!", Format: "scrypt", Parameters: salt},
		{Hash: "c2Vhc2FsdHNlYXNhbHRzZQ==", Format: "scrypt", Parameters: &ForeignParameters{Salt: "c2Vh", SaltEncoding: "rot13", N: 2, R: 1}},
		{Hash: "c2Vhc2FsdHNlYXNhbHRzZQ==", Format: "firebase-scrypt", Parameters: salt},
		{Hash: "c2Vhc2FsdHNlYXNhbHRzZQ==", Format: "pbkdf2-sha1", Parameters: &ForeignParameters{Iterations: 1000}},
	} {
		if stored, err := ImportPassword(in); !auth.Is(err, auth.CodeInvalidRequest) {
			t.Errorf("%+v: %q, %v", in, stored, err)
		}
	}
}

// A wrong password costs a foreign hash and one of ours, so that a cheap foreign hash does not answer sooner than an
// unknown user does.
func TestWrongForeignPasswordIsNotCheap_EN01(t *testing.T) {
	p := testPool(t, PoolOptions{Params: PasswordParams{Memory: 4096, Time: 2, Threads: 1}})
	const stored = "{SSHA}K0MZxWoMPVRxegoJBeg1/wEGvbpzYWx0MTIzNA=="
	h, err := parseHash(stored)
	if err != nil {
		t.Fatal(err)
	}
	var m argon2.Memory
	if ok, err := p.compare(h, "wrong", &m); ok || err != nil {
		t.Fatal(ok, err)
	}
	// The memory of an evaluation with our own parameters is what shows that there was one.
	if m.Size() != p.params.Memory {
		t.Errorf("a wrong password took %d KiB, an evaluation of ours takes %d", m.Size(), p.params.Memory)
	}
}

func FuzzForeignHash(f *testing.F) {
	for _, c := range foreignCases() {
		f.Add(c.in.Hash)
	}
	f.Fuzz(func(t *testing.T, hash string) {
		stored, err := ImportPassword(ForeignPassword{Hash: hash})
		if err != nil {
			if e := auth.AsError(err); e.Code != auth.CodeInvalidRequest {
				t.Fatal(err)
			}
			return
		}
		if again, err := ImportPassword(ForeignPassword{Hash: stored}); err != nil || again != stored {
			t.Fatalf("%q is stored as %q and comes back as %q, %v", hash, stored, again, err)
		}
		if _, err := parseHash(stored); err != nil || PasswordFormat(stored) == "" || len(stored) > maxHash {
			t.Fatalf("%q cannot be used: %v", stored, err)
		}
	})
}

func FuzzForeignParameters(f *testing.F) {
	f.Add("c2Vhc2FsdHNlYXNhbHRzZQ==", "scrypt", "c2Vh", "base64", 1024, 8, 1)
	f.Add("890be434e175c042f82a187c7a8809f2b5218a93", "pbkdf2-sha1", "c2Vh", "hex", 1000, 0, 0)
	f.Fuzz(func(t *testing.T, hash, format, salt, encoding string, n, r, p int) {
		stored, err := ImportPassword(ForeignPassword{Hash: hash, Format: format, Parameters: &ForeignParameters{Salt: salt,
			SaltEncoding: encoding, HashEncoding: encoding, Iterations: n, N: n, R: r, P: p, SignerKey: hash, Rounds: r, MemCost: p}})
		if err != nil {
			return
		}
		if got := PasswordFormat(stored); got != format {
			t.Fatalf("%q is stored as %q", format, stored)
		}
	})
}
