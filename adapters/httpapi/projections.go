package httpapi

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"casesync/eventstore"
	"casesync/projections/engine"
)

// ProjectionList says how the read models stand.
type ProjectionList struct {
	Items []ProjectionStatus `json:"items" nullable:"false"`
}

// ProjectionStatus is how a read model stands, by measures that do not depend on each other.
type ProjectionStatus struct {
	Name             string         `json:"name"`
	Version          int            `json:"version" doc:"Of the live tables; 0 where there are none yet"`
	Generation       int64          `json:"generation"`
	Position         string         `json:"position" doc:"Of the last event folded"`
	RecordedAt       *time.Time     `json:"recordedAt" nullable:"true"`
	Head             string         `json:"head" doc:"Of the log"`
	LagEvents        int64          `json:"lagEvents"`
	LagSeconds       float64        `json:"lagSeconds" doc:"Age of the oldest event that is not folded yet"`
	Runner           string         `json:"runner,omitempty" doc:"The process at work; absent where there is none"`
	HeartbeatSeconds float64        `json:"heartbeatSeconds" doc:"How long ago it last showed that it lives"`
	Parked           int64          `json:"parked" doc:"Keys that are not folded any more"`
	Rebuild          *RebuildStatus `json:"rebuild,omitempty" doc:"A rebuild that is under way, here or elsewhere"`
	LastRebuild      *RebuildResult `json:"lastRebuild,omitempty" doc:"The last one, or roll-back, that this process ran"`
}

// RebuildStatus is how far a rebuild has come.
type RebuildStatus struct {
	Holder     string    `json:"holder"`
	Generation int64     `json:"generation"`
	Position   string    `json:"position"`
	Events     int64     `json:"events"`
	StartedAt  time.Time `json:"startedAt"`
}

// RebuildResult is what became of a rebuild or roll-back.
type RebuildResult struct {
	Action      string    `json:"action" enum:"rebuild,rollback"`
	By          string    `json:"by"`
	Reason      string    `json:"reason"`
	EndedAt     time.Time `json:"endedAt"`
	Error       string    `json:"error,omitempty"`
	Generation  int64     `json:"generation,omitempty"`
	Events      int64     `json:"events,omitempty"`
	Compared    bool      `json:"compared" doc:"Whether the new tables could be compared with the old ones"`
	Differences int64     `json:"differences"`
}

func (s *Server) listProjections(ctx context.Context, in *request) (*output[ProjectionList], error) {
	if refusal := noParameters(in); refusal != nil {
		return nil, refusal
	}
	names := make([]string, len(s.config.Projections))
	for i, config := range s.config.Projections {
		names[i] = config.Projection.Name
	}
	statuses, err := engine.Statuses(ctx, s.config.Store, s.config.Log, s.config.Now(), names...)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	body := ProjectionList{Items: make([]ProjectionStatus, len(statuses))}
	for i, status := range statuses {
		body.Items[i] = statusOf(status)
		body.Items[i].LastRebuild = s.rebuilds.last(status.Projection)
	}
	return &output[ProjectionList]{CacheControl: noStore, Body: body}, nil
}

func statusOf(status engine.Status) ProjectionStatus {
	shown := ProjectionStatus{
		Name: status.Projection, Version: status.Version, Generation: status.Generation,
		Position: status.Position.String(), RecordedAt: instant(status.RecordedAt), Head: status.Head.String(),
		LagEvents: status.LagEvents, LagSeconds: status.LagAge.Seconds(),
		Runner: status.Holder, HeartbeatSeconds: status.Heartbeat.Seconds(), Parked: status.Parked,
	}
	if r := status.Rebuild; r != nil {
		shown.Rebuild = &RebuildStatus{Holder: r.Holder, Generation: r.Generation, Position: r.Position.String(), Events: r.Events, StartedAt: r.StartedAt}
	}
	return shown
}

// projection returns the configuration of the read model that the path names.
func (s *Server) projection(in *request) (engine.Config, *Problem) {
	name := pathValue(in.http, "name")
	i := slices.IndexFunc(s.config.Projections, func(c engine.Config) bool { return c.Projection.Name == name })
	if i < 0 {
		return engine.Config{}, notFound()
	}
	return s.config.Projections[i], nil
}

// Started says that something goes on after the answer.
type Started struct {
	Status string `json:"status" enum:"started"`
}

// rebuildProjection starts a rebuild and answers at once; GET /projections says how far it is.
func (s *Server) rebuildProjection(ctx context.Context, in *command[Decision]) (*output[Started], error) {
	return s.startRebuild(ctx, in, "rebuild", engine.Rebuild)
}

// rollBackProjection starts going back to the tables before the last rebuild, and answers at once.
func (s *Server) rollBackProjection(ctx context.Context, in *command[Decision]) (*output[Started], error) {
	return s.startRebuild(ctx, in, "rollback", engine.Rollback)
}

// rebuild is what goes on after the answer: engine.Rebuild or engine.Rollback.
type rebuild func(context.Context, engine.Config, engine.Options) (engine.Report, error)

func (s *Server) startRebuild(ctx context.Context, in *command[Decision], action string, run rebuild) (*output[Started], error) {
	config, refusal := s.projection(&in.request)
	if refusal != nil {
		return nil, refusal
	}
	statuses, err := engine.Statuses(ctx, s.config.Store, s.config.Log, s.config.Now(), config.Projection.Name)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	result := &RebuildResult{Action: action, By: callerOf(ctx).principal.ID, Reason: in.Body.Reason}
	if statuses[0].Rebuild != nil || !s.rebuilds.start(s, config, result, run) {
		return nil, problem(CodeConflict, "A rebuild of %s is under way. Wait for its end.", config.Projection.Name)
	}
	return &output[Started]{CacheControl: noStore, Body: Started{"started"}}, nil
}

// rebuilds are those that this process runs: one of each read model at a time. They end when the
// server closes, and then leave the live tables as they are.
type rebuilds struct {
	ctx     context.Context
	cancel  context.CancelFunc
	mu      sync.Mutex
	running map[string]bool
	results map[string]*RebuildResult
	wait    sync.WaitGroup
}

func newRebuilds() *rebuilds {
	r := &rebuilds{running: map[string]bool{}, results: map[string]*RebuildResult{}}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

func (r *rebuilds) close() {
	r.mu.Lock()
	r.cancel()
	r.mu.Unlock()
	r.wait.Wait()
}

func (r *rebuilds) last(name string) *RebuildResult {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.results[name]
}

// start returns false where one runs already, or the server is being closed. At its end it fills in
// the result, and shows it.
func (r *rebuilds) start(s *Server, config engine.Config, result *RebuildResult, run rebuild) bool {
	name := config.Projection.Name
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running[name] || r.ctx.Err() != nil {
		return false
	}
	r.running[name] = true
	r.wait.Add(1)
	s.logger.Info(result.Action+" asked for", "projection", name, "actor", result.By, "reason", result.Reason)
	go func() {
		defer r.wait.Done()
		report, err := run(r.ctx, config, engine.Options{})
		result.EndedAt, result.Generation, result.Events = s.config.Now().UTC(), report.Generation, report.Events
		result.Compared, result.Differences = report.Compared, report.Differences
		if err != nil {
			result.Error = err.Error()
			s.logger.Error(result.Action+" failed", "projection", name, "error", err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.running, name)
		r.results[name] = result
	}()
	return true
}

// ParkedKey is a key that is not folded any more since one of its events could not be.
type ParkedKey struct {
	Key      string    `json:"key"`
	Position string    `json:"position" doc:"Of the event that could not be folded"`
	EventID  string    `json:"eventId"`
	Stream   string    `json:"stream"`
	Type     string    `json:"type"`
	Reason   string    `json:"reason"`
	Waiting  int64     `json:"waiting" doc:"How many events of the key wait, that one included"`
	Attempts int64     `json:"attempts"`
	Since    time.Time `json:"since"`
}

func parkedOf(parked engine.Parked) ParkedKey {
	return ParkedKey{
		Key: parked.Key, Position: parked.Position.String(), EventID: parked.EventID, Stream: string(parked.Stream),
		Type: parked.Type, Reason: parked.Reason, Waiting: parked.Waiting, Attempts: parked.Attempts, Since: parked.Since,
	}
}

// ParkedPage is a page of parked keys.
type ParkedPage struct {
	Items []ParkedKey `json:"items" nullable:"false" doc:"By key"`
	Next  *string     `json:"next" nullable:"true" doc:"The cursor of the next page; null on the last"`
}

func (s *Server) listParked(ctx context.Context, in *request) (*output[ParkedPage], error) {
	page, refusal := parsePage(in)
	if refusal != nil {
		return nil, refusal
	}
	config, refusal := s.projection(in)
	if refusal != nil {
		return nil, refusal
	}
	var after string
	list := listOf(in.http.URL.Path, in.http.URL.RawQuery, pageParameters...)
	if refusal := s.resume(page, list, &after); refusal != nil {
		return nil, refusal
	}
	parked, err := engine.ListParked(ctx, s.config.Store, config.Projection.Name, after, page.limit+1)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	body := ParkedPage{Items: []ParkedKey{}}
	parked, body.Next, err = cut(s, parked, page, list, func(last engine.Parked) any { return last.Key })
	for _, key := range parked {
		body.Items = append(body.Items, parkedOf(key))
	}
	return &output[ParkedPage]{CacheControl: noStore, Body: body}, err
}

// Retried says what became of a parked key.
type Retried struct {
	Parked *ParkedKey `json:"parked,omitempty" doc:"What the key is parked for now; absent where it is parked no more"`
}

func (s *Server) retryParked(ctx context.Context, in *command[Decision]) (*output[Retried], error) {
	config, refusal := s.projection(&in.request)
	if refusal != nil {
		return nil, refusal
	}
	key, who := pathValue(in.http, "key"), callerOf(ctx).principal.ID
	s.logger.InfoContext(ctx, "retry of a parked key asked for", "projection", config.Projection.Name, "actor", who, "reason", in.Body.Reason)
	still, err := engine.Retry(ctx, config, key)
	return s.retried(ctx, still, err)
}

// SkipEvent leaves an event out of a read model for good.
type SkipEvent struct {
	_ struct{} `additionalProperties:"false"`

	Position string `json:"position" minLength:"1" maxLength:"50" doc:"Of the event to leave out, as the parked key names it"`
	Reason   string `json:"reason" minLength:"1" maxLength:"500" doc:"Why, for those who read it later. No personal data, please"`
}

func (s *Server) skipParked(ctx context.Context, in *command[SkipEvent]) (*output[Retried], error) {
	config, refusal := s.projection(&in.request)
	if refusal != nil {
		return nil, refusal
	}
	position, err := eventstore.ParsePosition(in.Body.Position)
	if err != nil {
		return nil, problem(CodePositionInvalid, "Take the position from the parked key, as it is.")
	}
	still, err := engine.Skip(ctx, config, pathValue(in.http, "key"), position, callerOf(ctx).principal.ID, in.Body.Reason)
	return s.retried(ctx, still, err)
}

func (s *Server) retried(ctx context.Context, still *engine.Parked, err error) (*output[Retried], error) {
	if errors.Is(err, engine.ErrNotParked) {
		return nil, notFound()
	}
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	body := Retried{}
	if still != nil {
		shown := parkedOf(*still)
		body.Parked = &shown
	}
	return &output[Retried]{CacheControl: noStore, Body: body}, nil
}
