package cloudflared

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// ServiceKind tells the services apart by what cloudflared does for them.
type ServiceKind int

const (
	// ServiceURL is a server that cloudflared connects to, over HTTP or TCP.
	ServiceURL ServiceKind = iota + 1
	// ServiceSocket is a Unix socket in the connector's own container.
	ServiceSocket
	// ServiceAnswer is cloudflared's own answer: a fixed status, or a test page.
	ServiceAnswer
	// ServiceSOCKS is a SOCKS5 proxy: the client chooses the destination.
	ServiceSOCKS
	// ServiceBastion forwards TCP: the client chooses the destination.
	ServiceBastion
)

// Service is the parsed service of an ingress rule.
type Service struct {
	// Kind says which of the other fields are set: only ServiceURL has any.
	Kind ServiceKind
	// Scheme is one of http, https, ws, wss, tcp, ssh, rdp and smb.
	Scheme string
	// Host is the URL's host name or address, without brackets.
	Host string
	// Port is the URL's port, or the one that cloudflared uses without one.
	Port int
}

// The services that aren't URLs.
const (
	bastion       = "bastion"
	socksProxy    = "socks-proxy"
	statusPrefix  = "http_status:"
	unixPrefix    = "unix:"
	unixTLSPrefix = "unix+tls:"
)

// helloWorld are the two spellings of the test page.
var helloWorld = []string{"hello_world", "hello-world"}

// exampleService is the service that messages suggest.
const exampleService = "http://web.default"

// webSchemes are the schemes under which cloudflared proxies HTTP.
var webSchemes = []string{"http", "https", "ws", "wss"}

// allSchemes adds those of raw TCP, for clients that connect with
// `cloudflared access`.
var allSchemes = append(slices.Clone(webSchemes), "tcp", "ssh", "rdp", "smb")

// defaultPorts are the ports of services without one.
var defaultPorts = map[string]int{
	"http": 80, "ws": 80, "https": 443, "wss": 443, "tcp": 7864, "ssh": 22, "rdp": 3389, "smb": 445,
}

// ParseService parses the service of an ingress rule. With bastionMode, a URL
// counts for nothing, even a missing or malformed one: the client chooses the
// destination. It must not contain credentials all the same, as it gets into the
// configuration. Services that cloudflared answers itself are not affected.
func ParseService(text string, bastionMode bool) (Service, error) {
	return parseService(text, bastionMode, allSchemes)
}

// parseService is ParseService for URLs with these schemes.
func parseService(text string, bastionMode bool, schemes []string) (Service, error) {
	switch {
	case strings.HasPrefix(text, unixPrefix) || strings.HasPrefix(text, unixTLSPrefix):
		if text == unixPrefix || text == unixTLSPrefix {
			return Service{}, fmt.Errorf("%q has no path, such as %s/run/web.sock", text, text)
		}
		return Service{Kind: ServiceSocket}, nil
	case hasCredentials(text):
		return Service{}, errCredentials
	case strings.HasPrefix(text, statusPrefix):
		if n, err := strconv.Atoi(strings.TrimPrefix(text, statusPrefix)); err != nil || n < 100 || n > 999 {
			return Service{}, fmt.Errorf("%q has no three-digit status code, such as http_status:404", text)
		}
		return Service{Kind: ServiceAnswer}, nil
	case slices.Contains(helloWorld, text):
		return Service{Kind: ServiceAnswer}, nil
	case text == socksProxy:
		return Service{Kind: ServiceSOCKS}, nil
	case text == bastion || bastionMode:
		return Service{Kind: ServiceBastion}, nil
	case text == "":
		return Service{}, fmt.Errorf("not set; it is where the rule's requests go, such as %s", exampleService)
	}
	return parseURL(text, schemes)
}

// checkOrigin checks the service for what no rule matches. It has to be one that
// browsers can use.
func checkOrigin(text string) error {
	service, err := parseService(text, false, webSchemes)
	switch service.Kind {
	case ServiceSocket, ServiceSOCKS, ServiceBastion:
		return fmt.Errorf("%q can't be the origin; use it in a rule without hostname and path, as the last one of ingress", text)
	}
	return err
}

// errCredentials doesn't say what it is about, which may be a password.
var errCredentials = errors.New("has an @, but must not contain credentials")

// hasCredentials reports whether an address may contain credentials. A password may have
// characters that end the part of a URL in which it is looked for, and nothing else of
// an address has an @.
func hasCredentials(address string) bool { return strings.Contains(address, "@") }

func parseURL(text string, schemes []string) (Service, error) {
	u, err := url.Parse(text)
	switch {
	case !strings.Contains(text, "://") || err == nil && u.Scheme == "":
		return Service{}, fmt.Errorf("%q %s", text, withoutScheme(text))
	case err != nil:
		return Service{}, fmt.Errorf("not a URL, such as %s: %w", exampleService, errors.Unwrap(err))
	case !slices.Contains(schemes, u.Scheme):
		return Service{}, fmt.Errorf("%q has the scheme %q; use one of %s", text, u.Scheme, strings.Join(schemes, ", "))
	case u.Hostname() == "":
		return Service{}, fmt.Errorf("%q has no host, such as %s", text, exampleService)
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return Service{}, fmt.Errorf("%q has a path or a query, but cloudflared passes on the request's own path; use %s://%s", text, u.Scheme, u.Host)
	}
	port := defaultPorts[u.Scheme]
	if u.Port() != "" || strings.HasSuffix(u.Host, ":") {
		if port, err = strconv.Atoi(u.Port()); err != nil || port < 1 || port > 65535 {
			return Service{}, fmt.Errorf("%q has no port from 1 to 65535 after the colon", text)
		}
	}
	service := Service{Kind: ServiceURL, Scheme: u.Scheme, Host: u.Hostname(), Port: port}
	if service.isLoopback() && port == MetricsPort {
		return Service{}, fmt.Errorf("%q is the connector itself, with its configuration and diagnostics; use another service", text)
	}
	return service, nil
}

// withoutScheme says what is wrong with a text that has no scheme, or no // after it.
func withoutScheme(text string) string {
	before, after, _ := strings.Cut(text, ":")
	host := strings.TrimLeft(after, "/")
	_, err := strconv.Atoi(after)
	switch isPort := err == nil; {
	case before == "http-status":
		return "is not a service; use " + statusPrefix + after
	case slices.Contains(allSchemes, before) && host != "" && !isPort:
		return fmt.Sprintf("has no // after %s:; use %s://%s", before, before, host)
	}
	return "has no scheme, such as http://" + strings.TrimLeft(text, ":/")
}

// loopbackNames are the names of loopback addresses that Kubernetes puts into each
// pod's hosts file.
var loopbackNames = []string{"localhost", "ip6-localhost", "ip6-loopback"}

// isLoopback reports whether the service is in the connector's own pod. Connecting
// to the unspecified address, 0.0.0.0 or ::, leads there too.
func (s Service) isLoopback() bool {
	addr, err := netip.ParseAddr(s.Host)
	if err != nil {
		return slices.Contains(loopbackNames, strings.TrimSuffix(strings.ToLower(s.Host), "."))
	}
	addr = addr.Unmap().WithZone("")
	return addr.IsLoopback() || addr.IsUnspecified()
}

// String is the service as cloudflared's commands print it, with the port for
// TCP. It is for ServiceURL, and for the services that the client directs.
func (s Service) String() string {
	switch s.Kind {
	case ServiceBastion:
		return bastion
	case ServiceSOCKS:
		return socksProxy
	}
	return fmt.Sprintf("%s://%s", s.Scheme, net.JoinHostPort(s.Host, strconv.Itoa(s.Port)))
}
