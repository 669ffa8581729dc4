package httpapi

// Downloads counts the files that go out now, and Receiving the requests that bring bytes.
func (s *Server) Downloads() int { return s.downloads.inUse() }

func (s *Server) Receiving() int { return s.uploads.inUse() }

func (g *turnstile) inUse() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.all
}
