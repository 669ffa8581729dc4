package outbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// Webhooks are signed as Standard Webhooks 1.0 says (standardwebhooks.com), for which there are libraries in most
// languages. Three headers come with each message:
//
//	webhook-id         the message's id, the same each time it is sent
//	webhook-timestamp  when it was sent, in seconds since 1970
//	webhook-signature  one or more of "v1,<base64>", with spaces between
//
// To verify: take the bytes of the body as they came. Compute HMAC-SHA256, under the secret, over
// id + "." + timestamp + "." + body, in base64, and compare it with each signature in constant time: one must be
// equal. Refuse a timestamp that is more than five minutes away. Remember ids, and answer 200 to one that was
// taken before.
const (
	idHeader        = "Webhook-Id"
	timestampHeader = "Webhook-Timestamp"
	signatureHeader = "Webhook-Signature"
	signatureScheme = "v1,"
	secretPrefix    = "whsec_"
)

// How long secrets are, in bytes, as Standard Webhooks says.
const secretBytesMin, secretBytesMax = 24, 64

// signatureAgeMax is how far a timestamp may be away.
const signatureAgeMax = 5 * time.Minute

// Secrets are what messages are signed with, one or more, so that a secret can be replaced without a pause: the new
// one is added, told to the other side, and then the old one removed.
type Secrets [][]byte

// ParseSecrets reads secrets, one a line: base64 of 24 to 64 random bytes, with "whsec_" before it or not.
func ParseSecrets(text string) (Secrets, error) {
	var secrets Secrets
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(line, secretPrefix))
		if err != nil || len(secret) < secretBytesMin || len(secret) > secretBytesMax { // without the error's words, which quote it
			return nil, fmt.Errorf("parse secrets: want base64 of %d to %d bytes, one secret a line, such as `openssl rand -base64 32` makes", secretBytesMin, secretBytesMax)
		}
		secrets = append(secrets, secret)
	}
	if len(secrets) == 0 {
		return nil, errors.New("parse secrets: there is none")
	}
	return secrets, nil
}

// ReadSecrets reads the secrets in the file at path.
func ReadSecrets(path string) (Secrets, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read secrets: %w", err)
	}
	return ParseSecrets(string(text))
}

// Sign sets the headers by which a message is verified.
func (s Secrets) Sign(header http.Header, id string, body []byte, now time.Time) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	signatures := make([]string, len(s))
	for i, secret := range s {
		signatures[i] = signatureScheme + base64.StdEncoding.EncodeToString(mac(secret, id, timestamp, body))
	}
	header.Set(idHeader, id)
	header.Set(timestampHeader, timestamp)
	header.Set(signatureHeader, strings.Join(signatures, " "))
}

// Errors of Verify.
var (
	// ErrSignature: it was not signed with one of the secrets, or changed since.
	ErrSignature = errors.New("the signature is not one of this message")
	// ErrSignatureAge: it was signed too long ago, or by a clock that is wrong.
	ErrSignatureAge = errors.New("the message was signed too long ago")
)

// Verify returns nil for a message that was signed with one of the secrets, not long before now. It is what the other side
// does; see also the description above.
func (s Secrets) Verify(header http.Header, body []byte, now time.Time) error {
	id, timestamp := header.Get(idHeader), header.Get(timestampHeader)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || id == "" {
		return ErrSignature
	}
	for signature := range strings.FieldsSeq(header.Get(signatureHeader)) {
		text, known := strings.CutPrefix(signature, signatureScheme)
		given, err := base64.StdEncoding.DecodeString(text)
		if !known || err != nil {
			continue
		}
		for _, secret := range s {
			if !hmac.Equal(given, mac(secret, id, timestamp, body)) {
				continue
			}
			if now.Sub(time.Unix(seconds, 0)).Abs() > signatureAgeMax {
				return ErrSignatureAge
			}
			return nil
		}
	}
	return ErrSignature
}

func mac(secret []byte, id, timestamp string, body []byte) []byte {
	h := hmac.New(sha256.New, secret)
	for _, part := range [][]byte{[]byte(id), []byte("."), []byte(timestamp), []byte("."), body} {
		_, _ = h.Write(part) // a hash never fails
	}
	return h.Sum(nil)
}
