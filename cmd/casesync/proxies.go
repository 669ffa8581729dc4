package main

import (
	"net/http"
	"net/netip"
	"strings"
)

// forwardedFor is the header in which each proxy on the way adds whom it was asked by.
const forwardedFor = "X-Forwarded-For"

// proxies are the networks of the proxies that end TLS in front of this process.
type proxies []netip.Prefix

// behindProxies refuses plain connections that come neither from this machine nor from a trusted
// proxy. Behind it a request's RemoteAddr is the client's as far as trusted proxies know it, and
// the header that says so is gone: anybody can send one.
func (s *serveCommand) behindProxies(next http.Handler) (http.Handler, error) {
	trusted, err := s.proxies()
	if err != nil {
		return nil, err
	}
	plain := s.TLSCert == ""
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		from := peer.Addr().Unmap()
		switch {
		case err == nil && trusted.have(from):
			r.RemoteAddr = netip.AddrPortFrom(trusted.client(from, r.Header.Values(forwardedFor)), 0).String()
		case plain && (err != nil || !from.IsLoopback()):
			http.Error(w, "Plain HTTP is taken from trusted proxies only.", http.StatusForbidden)
			return
		}
		r.Header.Del(forwardedFor)
		next.ServeHTTP(w, r)
	}), nil
}

// proxies reads the networks of --trusted-proxy.
func (s *serveCommand) proxies() (trusted proxies, err error) {
	for _, text := range s.TrustedProxy {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, usage("--trusted-proxy %s: want a network, such as 10.0.0.0/8 or 192.0.2.7/32", text)
		}
		trusted = append(trusted, prefix)
	}
	return trusted, nil
}

func (p proxies) have(address netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// client returns the address that a trusted proxy's request came from: the last one in the header
// that is no trusted proxy itself. What stands before it may be invented.
func (p proxies) client(from netip.Addr, forwarded []string) netip.Addr {
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for i := len(hops) - 1; i >= 0 && p.have(from); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		from = hop.Unmap()
	}
	return from
}
