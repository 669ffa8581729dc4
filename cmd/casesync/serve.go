package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"casesync/adapters/commands"
	"casesync/adapters/demo"
	"casesync/adapters/httpapi"
	"casesync/adapters/telemetry"
	"casesync/projections"
	"casesync/projections/engine"
)

// Help is shown below the command's flags.
func (*serveCommand) Help() string {
	return `Runs until SIGINT or SIGTERM, then takes no new requests and lets those under way end. Several processes may serve the same
PostgreSQL storage, each with the roles that it is told.

Examples:
  casesync serve
  casesync serve --listen 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem --log postgres://casesync@db/casesync
  casesync serve --roles project`
}

// Run serves until ctx ends.
func (s *serveCommand) Run(ctx context.Context, p *program) error {
	if len(s.Roles) == 0 {
		return usage("--roles is empty: name at least one of ingest, project, publish, web")
	}
	listener, err := s.listen(ctx)
	if err != nil {
		return err
	}
	defer listener.Close() // only where serving never began
	sys := p.system()
	defer sys.close()
	sys.allowUserTokens = s.Demo || p.userTokens
	serving := &serving{system: sys, settings: s, stopped: map[string]string{}}
	return serving.run(ctx, listener)
}

// heartbeatMax is how long a projection's runner may be silent: three times the lease that it renews.
const heartbeatMax = 30 * time.Second

// serving is a process that serves.
type serving struct {
	*system
	settings *serveCommand

	mu      sync.Mutex
	stopped map[string]string // projections that stand still, and why

	feeds   []*feedStanding // what events are taken from, of Service Bus
	intake  intake
	follows *follows // nil without the role publish
	// recorded is the activity log, with what is recorded there counted for the metrics.
	recorded commands.ActivityLog
	// demoDocuments are those of a demonstration's case system; nil in any other installation.
	demoDocuments *demo.Documents
}

func (s *serving) run(ctx context.Context, listener net.Listener) error {
	stopTracing, err := telemetry.StartTracing(ctx, s.getenv, version)
	if err != nil {
		return err
	}
	if s.settings.Demo {
		if err := s.openDemo(ctx); err != nil {
			return err
		}
	}
	handler, drain, err := s.handler(ctx)
	if err != nil {
		return err
	}
	runners, err := s.runners(ctx)
	if err != nil {
		return err
	}
	following, err := s.following(ctx)
	if err != nil {
		return err
	}
	feed, err := s.fromServiceBus(ctx)
	if err != nil {
		return err
	}
	// Requests end before the read models stand still, so that those that wait for a position are answered.
	behind, stopBehind := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBehind()
	var group errgroup.Group
	for _, run := range runners {
		group.Go(func() error { return run(behind) })
	}
	for _, follow := range following {
		group.Go(func() error {
			if err := follow(behind); err != nil {
				s.logger.ErrorContext(ctx, "a follower of the log stands still until somebody acts: see casesync followers", "error", err)
			}
			return nil // the process goes on: people are still served, and /readyz goes on saying it
		})
	}
	if feed != nil {
		group.Go(func() error { return feed(ctx) })
	}
	if s.settings.Demo {
		demonstration, err := s.demonstrate(ctx, listener.Addr())
		if err != nil {
			return err
		}
		group.Go(func() error { return demonstration(ctx) })
	}
	s.logger.InfoContext(ctx, "serving", "address", s.url(listener.Addr()), "roles", strings.Join(s.settings.Roles, ","), "version", version)
	err = serveHTTP(ctx, listener, handler, s.settings.StopTimeout, drain, s.logger)
	stopBehind()
	if ended := group.Wait(); err == nil {
		err = ended
	}
	if stopped := stopTracing(context.WithoutCancel(ctx)); stopped != nil {
		s.logger.Warn("the last traces were not sent", "error", stopped)
	}
	s.logger.Info("stopped")
	return err
}

// url is the address to reach the process at.
func (s *serving) url(address net.Addr) string {
	scheme := "http://"
	if s.settings.TLSCert != "" {
		scheme = "https://"
	}
	return scheme + address.String()
}

// handler returns the whole HTTP interface, and what ends the requests that would never end by themselves.
func (s *serving) handler(ctx context.Context) (handler http.Handler, drain func(), err error) {
	metrics := telemetry.NewMetrics(version, s.measure)
	s.answered = func(status commands.Status) { metrics.Ingested(string(status)) }
	config, err := s.apiConfig(ctx)
	if err != nil {
		return nil, nil, err
	}
	config.Metrics = metrics.Handler()
	activities, err := s.activity(ctx)
	if err != nil {
		return nil, nil, err
	}
	s.recorded = metrics.Counting(activities)
	var api *httpapi.Server
	server := func() *httpapi.Server { return api } // there once the first request comes
	if err := s.addPeople(ctx, &config, server); err != nil {
		return nil, nil, err
	}
	if err := s.addCasework(ctx, &config, server); err != nil {
		return nil, nil, err
	}
	api, err = httpapi.New(ctx, config)
	if err != nil {
		return nil, nil, err
	}
	metrics.WatchPeople(func(ctx context.Context) (telemetry.PeopleHealth, error) {
		return s.peopleHealth(ctx, api.Unrecorded())
	})
	metrics.WatchCasework(s.caseworkHealth)
	metrics.WatchFeeds(s.feedsHealth, s.now)
	handler = s.onlyRoles(metrics.Middleware(api))
	if handler, err = s.settings.behindProxies(handler); err != nil {
		return nil, nil, err
	}
	return handler, api.Close, nil
}

// apiConfig gathers what the HTTP interface needs. Everything is opened here, before the first
// request, so that what is missing stops the start.
func (s *serving) apiConfig(ctx context.Context) (httpapi.Config, error) {
	ingester, err := s.ingester(ctx)
	if err != nil {
		return httpapi.Config{}, err
	}
	desk, err := s.desk(ctx)
	if err != nil {
		return httpapi.Config{}, err
	}
	tokens, err := s.tokens(ctx)
	if err != nil {
		return httpapi.Config{}, err
	}
	store, err := s.store(ctx)
	if err != nil {
		return httpapi.Config{}, err
	}
	search, err := s.search(ctx)
	if err != nil {
		return httpapi.Config{}, err
	}
	operated, err := s.engineConfigs(ctx)
	if err != nil {
		return httpapi.Config{}, err
	}
	config := httpapi.Config{
		Log: s.openedLog, Store: store, Codec: s.openedCodec, Keys: s.openedKeys, Tokens: tokens, SearchWords: search.Query,
		Letters: desk.Letters, Desk: desk, Commands: desk.Commands, Projections: operated,
		HeldLimits: s.system.settings.held(), Health: s.findings, MetricsPublic: s.settings.MetricsPublic, Version: version, Now: s.now, Logger: s.logger,
	}
	if s.settings.has("ingest") {
		config.Ingest = s.intake.watch(ingester.Handler(httpapi.PrincipalOf), s.now)
	}
	return config, nil
}

// onlyRoles hides the API from whoever reaches a process that does not have the role web.
func (s *serving) onlyRoles(next http.Handler) http.Handler {
	if s.settings.has("web") {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") {
			http.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// runners returns the runners of the read models and of what watches them, none where the process does not keep them.
func (s *serving) runners(ctx context.Context) ([]func(context.Context) error, error) {
	if !s.settings.has("project") {
		return nil, nil
	}
	configs, err := s.engineConfigs(ctx)
	if err != nil {
		return nil, err
	}
	var list []func(context.Context) error
	for _, config := range configs {
		runner, err := engine.NewRunner(config)
		if err != nil {
			return nil, err
		}
		list = append(list, func(ctx context.Context) error {
			if err := runner.Run(ctx); err != nil {
				s.standsStill(ctx, config.Projection.Name, err)
			}
			return nil // the process goes on: reads say how old they are, and events are still taken
		})
	}
	report := &heldReport{system: s.system, named: map[string]time.Time{}}
	return append(list, report.run), nil
}

// engineConfigs is what the engine needs for every read model.
func (s *system) engineConfigs(ctx context.Context) ([]engine.Config, error) {
	var list []engine.Config
	for _, projection := range projections.All() {
		config, err := s.engineConfig(ctx, projection)
		if err != nil {
			return nil, err
		}
		list = append(list, config)
	}
	return list, nil
}

// standsStill says once, loudly, that a projection needs somebody; /readyz goes on saying it.
func (s *serving) standsStill(ctx context.Context, name string, err error) {
	s.mu.Lock()
	s.stopped[name] = err.Error()
	s.mu.Unlock()
	s.logger.ErrorContext(ctx, "projection stands still until somebody acts", "projection", name, "error", err)
}

// whyStopped returns why a projection stands still, "" if it does not.
func (s *serving) whyStopped(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped[name]
}

// findings are the measures for /readyz.
func (s *serving) findings(ctx context.Context) ([]httpapi.Finding, error) {
	h, err := s.measure(ctx)
	if err != nil {
		return nil, err
	}
	problems := h.Problems(telemetry.Limits{LagMax: s.settings.LagMax, HeartbeatMax: heartbeatMax})
	list := []httpapi.Finding{
		{Name: "log: head", Ready: true, Value: h.LogHead},
		{Name: "feeds: held facts", Ready: true, Value: h.HeldFacts, Help: helpIf(h.HeldFacts > 0, "casesync held list shows what is waited for")},
		{Name: "feeds: over the limits of held facts", Ready: true, Value: h.HeldOverLimit, Help: helpIf(h.HeldOverLimit > 0, "casesync held list marks them: see what became of the missing events at their source, or give them up")},
		{Name: "feeds: dead letters", Ready: true, Value: h.DeadLetters, Help: helpIf(h.DeadLetters > 0, "casesync dead-letters list shows them")},
	}
	for _, p := range h.Projections {
		bad := slices.IndexFunc(problems, func(problem string) bool { return strings.HasPrefix(problem, "projection "+p.Name+" ") })
		help := helpIf(p.ParkedKeys > 0, "casesync projections parked list shows which keys stand still")
		if bad >= 0 {
			help = problems[bad]
		}
		list = append(list,
			httpapi.Finding{Name: p.Name + ": checkpoint", Ready: bad < 0, Value: p.Checkpoint, Help: help},
			httpapi.Finding{Name: p.Name + ": seconds behind", Ready: bad < 0, Value: p.Behind(h.MeasuredAt).Seconds()},
			httpapi.Finding{Name: p.Name + ": parked keys", Ready: true, Value: p.ParkedKeys},
		)
	}
	followed, err := s.followed(ctx)
	if err != nil {
		return nil, err
	}
	list = append(append(list, followed...), s.feedFindings()...)
	if s.settings.has("ingest") {
		failing := s.intake.failing(h.MeasuredAt)
		list = append(list, httpapi.Finding{
			Name: "ingest: events are kept", Ready: !failing, Value: !failing,
			Help: helpIf(failing, "the last events could not be kept: see the log lines, and that the databases are up and their disks have room"),
		})
	}
	return list, nil
}

func helpIf(condition bool, help string) string {
	if condition {
		return help
	}
	return ""
}

// measure takes the health measures.
func (s *serving) measure(ctx context.Context) (telemetry.Health, error) {
	now := s.now()
	head, err := s.openedLog.Head(ctx)
	if err != nil {
		return telemetry.Health{}, fmt.Errorf("measure health: %w", err)
	}
	h := telemetry.Health{MeasuredAt: now, LogHead: head.Position.Major, LogRecordedAt: head.RecordedAt}
	statuses, err := engine.Statuses(ctx, s.openedStore, s.openedLog, now, projectionNames()...)
	if err != nil {
		return h, fmt.Errorf("measure health: %w", err)
	}
	for _, status := range statuses {
		p := telemetry.ProjectionHealth{
			Name: status.Projection, Checkpoint: status.Position.Major, ParkedKeys: status.Parked, Stopped: s.whyStopped(status.Projection),
		}
		if status.LagEvents > 0 {
			p.OldestUnprocessedAt = now.Add(-status.LagAge)
		}
		if status.Heartbeat > 0 {
			p.HeartbeatAt = now.Add(-status.Heartbeat)
		}
		h.Projections = append(h.Projections, p)
	}
	return h, s.measureFeeds(ctx, &h)
}

// measureFeeds counts what waits for operators.
func (s *serving) measureFeeds(ctx context.Context, h *telemetry.Health) error {
	open, err := s.openedLetters.Open(ctx)
	if err != nil {
		return fmt.Errorf("measure health: %w", err)
	}
	h.DeadLetters = open.Count
	err = engine.Read(ctx, s.openedStore, projections.FeedsName, func(view engine.View) error {
		held, err := projections.CountHeld(ctx, view, projections.OperatorScope("system:health"), s.system.settings.held(), h.MeasuredAt)
		h.HeldFacts, h.OldestHeldAt, h.HeldOverLimit = held.Facts, held.Oldest, held.StreamsOver
		return err
	})
	if err != nil && !errors.Is(err, engine.ErrNotBuilt) {
		return fmt.Errorf("measure health: %w", err)
	}
	return nil
}
