package eventstore

import (
	"context"
	"fmt"
)

// SealBytes seals data that stands outside the log, such as a rejected message, under the key of
// subject, and returns an envelope, which OpenEnvelopes opens to the same bytes. The origin says
// where the data stands, and begins the envelope, followed by "|": who keeps the data should keep
// only what follows, and put the origin before it to open, so that what was moved elsewhere does
// not open there. The key is durable when SealBytes returns.
func (c *Codec) SealBytes(ctx context.Context, subject, origin string, data []byte) (string, error) {
	if err := CheckSubject(subject); err != nil {
		return "", fmt.Errorf("seal %s: %w", origin, err)
	}
	live, err := c.keys.Ensure(ctx, subject)
	if err != nil {
		return "", fmt.Errorf("seal %s: get data key: %w", origin, err)
	}
	if len(live) != 1 {
		return "", fmt.Errorf("seal %s: got %d data keys for one subject", origin, len(live))
	}
	sealer, err := c.sealers.of(keySet{live[0].ID: live[0]}, live[0].ID)
	if err != nil {
		return "", fmt.Errorf("seal %s: %w", origin, err)
	}
	if sealer == nil {
		return "", fmt.Errorf("seal %s: there is no data key for %s", origin, subject)
	}
	return origin + originSeparator + sealer.seal(origin, data), nil
}
