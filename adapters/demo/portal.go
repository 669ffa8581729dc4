package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// portal is the business portal as a case management system reaches it: over HTTP, with its token.
type portal struct {
	url    string // without a path
	token  string
	client *http.Client
	logger *slog.Logger
}

// deliver posts an event until it is answered, under the same id each time.
func (p *portal) deliver(ctx context.Context, e said) error {
	return p.persist(ctx, "deliver an event", e.ID, func() error { return p.post(ctx, e) })
}

// persist does something until it succeeds, with growing pauses.
func (p *portal) persist(ctx context.Context, what, id string, do func() error) error {
	for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
		err := do()
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		p.logger.WarnContext(ctx, "the simulated case management system could not "+what+" and tries again", "error", err, "id", id, "pause", pause)
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

func (p *portal) post(ctx context.Context, e said) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/cms/v1/events", bytes.NewReader(e.Body))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Content-Type", "application/cloudevents+json")
	request.Header.Set("Authorization", "Bearer "+p.token)
	response, err := p.client.Do(request)
	if err != nil {
		return fmt.Errorf("post event: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if response.StatusCode != http.StatusAccepted {
		return fmt.Errorf("post event: answered %s: %s", response.Status, answer)
	}
	p.told(ctx, e.ID, answer)
	return nil
}

// told says what the portal made of an event. One that it rejects stays rejected: it has a dead letter there.
func (p *portal) told(ctx context.Context, id string, answer []byte) {
	var told struct {
		Results []struct {
			Status string `json:"status"`
			Reason string `json:"reason"`
		} `json:"results"`
	}
	if err := json.Unmarshal(answer, &told); err == nil && len(told.Results) == 1 && told.Results[0].Status == "rejected" {
		p.logger.InfoContext(ctx, "the portal rejected an event of the simulated case management system", "event_id", id, "reason", told.Results[0].Reason)
		return
	}
	p.logger.DebugContext(ctx, "published", "event_id", id, "answer", string(answer))
}

// errWithheld: the portal does not give the file out, now or any more.
var errWithheld = errors.New("the portal does not give the file out")

// contentTimeout bounds the fetch of one file.
const contentTimeout = 10 * time.Minute

// content fetches a file of at most bytesMax bytes to its end, and returns its size and SHA-256. One that is larger is
// read no further. The error Is errWithheld where there is no such file for a case management system.
func (p *portal) content(ctx context.Context, path string, bytesMax int64) (size int64, sum string, err error) {
	ctx, cancel := context.WithTimeout(ctx, contentTimeout)
	defer cancel()
	if !strings.HasPrefix(path, "/cms/v1/uploads/") {
		return 0, "", fmt.Errorf("fetch upload: %q is no path of one: %w", path, errWithheld)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path, http.NoBody)
	if err != nil {
		return 0, "", fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+p.token)
	client := *p.client
	client.Timeout = 0 // the context's is longer: files are large
	response, err := client.Do(request)
	if err != nil {
		return 0, "", fmt.Errorf("fetch upload: %w", err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return 0, "", fmt.Errorf("fetch upload: answered %s: %w", response.Status, errWithheld)
	default:
		return 0, "", fmt.Errorf("fetch upload: answered %s", response.Status)
	}
	digest := sha256.New()
	size, err = io.Copy(digest, io.LimitReader(response.Body, bytesMax+1))
	if err != nil {
		return 0, "", fmt.Errorf("read upload: %w", err)
	}
	return size, hex.EncodeToString(digest.Sum(nil)), nil
}

func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
