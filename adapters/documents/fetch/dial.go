package fetch

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// newClient returns a client that connects to addresses that host may have, and to no other.
func newClient(config Config, host Host) *http.Client {
	dialer := &net.Dialer{Timeout: config.ConnectTimeout}
	// This runs after a name was resolved and before each connection to what it resolved to: there is no moment between
	// the check and the use in which the name could come to mean something else.
	dialer.ControlContext = func(_ context.Context, network, address string, _ syscall.RawConn) error {
		return allowed(network, address, host)
	}
	plain := *dialer
	plain.ControlContext = func(_ context.Context, network, address string, _ syscall.RawConn) error {
		if at, err := netip.ParseAddrPort(address); err != nil || !at.Addr().Unmap().IsLoopback() {
			return fmt.Errorf("%w: http goes to this machine alone", ErrNotAllowed)
		}
		return allowed(network, address, host)
	}
	secure := &tls.Dialer{NetDialer: dialer, Config: &tls.Config{RootCAs: config.RootCAs, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}}
	if host.Address.IsValid() {
		secure.Config.ServerName = host.hostname() // the certificate is the name's, wherever it is
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would resolve names itself
			DialContext:            host.dialing(plain.DialContext),
			DialTLSContext:         host.dialing(secure.DialContext),
			DisableCompression:     true,
			ResponseHeaderTimeout:  config.ConnectTimeout,
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        config.ConnectTimeout,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// dial is the way of connecting of the package net.
type dial func(ctx context.Context, network, address string) (net.Conn, error)

// dialing returns next, which connects to the host's own address where it has one, whatever its name means.
func (h Host) dialing(next dial) dial {
	if !h.Address.IsValid() {
		return next
	}
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return next(ctx, network, h.Address.String())
	}
}

// hostname is the host's name without its port.
func (h Host) hostname() string {
	if name, _, err := net.SplitHostPort(h.Name); err == nil {
		return name
	}
	return strings.Trim(h.Name, "[]")
}

// allowed returns nil for an address that is public, or in a network that the host may be in. Where the host has an
// address of its own it returns nil for that one alone.
func allowed(network, address string, host Host) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("%w: no address of the internet", ErrNotAllowed)
	}
	ip := at.Addr().Unmap()
	if host.Address.IsValid() {
		if ip == host.Address.Addr().Unmap() && at.Port() == host.Address.Port() {
			return nil
		}
		return fmt.Errorf("%w: the host has another address", ErrNotAllowed)
	}
	if public(ip) || slices.ContainsFunc(host.Networks, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return nil
	}
	return fmt.Errorf("%w: the host has an address that is not public", ErrNotAllowed)
}

// special are the networks that are not of the public internet, or lead into others (IANA's special-purpose registries).
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	// Azure's own services: the "wire server".
	"168.63.129.16/32",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

// global is what of IPv6 is assigned to the internet; all else there is special.
var global = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// public reports whether an address is one of the public internet.
func public(ip netip.Addr) bool {
	ip = ip.Unmap()
	if !ip.IsValid() || ip.Is6() && !global.Contains(ip) {
		return false
	}
	return !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(ip) })
}
