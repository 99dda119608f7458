package components

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

var (
	// webSchemes are the schemes under which cloudflared proxies HTTP.
	webSchemes = []string{"http", "https", "ws", "wss"}
	// serviceSchemes adds those of raw TCP, for clients that speak through
	// `cloudflared access`.
	serviceSchemes = append(slices.Clone(webSchemes), "tcp", "ssh", "rdp", "smb")
	// connectorServices are those that cloudflared itself offers.
	connectorServices = []string{"hello_world", "hello-world", "socks-proxy"}
)

const (
	statusPrefix  = "http_status:"
	unixPrefix    = "unix:"
	unixTLSPrefix = "unix+tls:"
)

// validateOrigin reports a service that cloudflared would refuse, or would take
// for something that a browser can't talk to: the origin serves all that no
// rule was written for.
func validateOrigin(path, service string) error {
	switch {
	case service == "" || service == "hello_world":
		return nil
	case strings.HasPrefix(service, statusPrefix):
		return validateStatus(path, service)
	}
	return validateServiceURL(path, service, webSchemes)
}

// validateService reports what cloudflared would refuse as the service of an
// ingress rule.
func validateService(path, service string) error {
	switch {
	case service == "":
		return fmt.Errorf("%s: not set; it is where the rule's requests go, such as %s", path, DefaultOrigin)
	case service == unixPrefix || service == unixTLSPrefix:
		return fmt.Errorf("%s: %q has no path, such as %s/run/web.sock", path, service, service)
	case strings.HasPrefix(service, statusPrefix):
		return validateStatus(path, service)
	case service == "bastion" || isServedByConnector(service):
		return nil
	}
	return validateServiceURL(path, service, serviceSchemes)
}

// isServedByConnector tells a service that is no other server in the network
// from the rest.
func isServedByConnector(service string) bool {
	return slices.Contains(connectorServices, service) || strings.HasPrefix(service, statusPrefix) ||
		strings.HasPrefix(service, unixPrefix) || strings.HasPrefix(service, unixTLSPrefix)
}

func validateStatus(path, service string) error {
	if n, err := strconv.Atoi(strings.TrimPrefix(service, statusPrefix)); err != nil || n < 100 || n > 999 {
		return fmt.Errorf("%s: %q has no status code of three digits, such as http_status:404", path, service)
	}
	return nil
}

func validateServiceURL(path, service string, schemes []string) error {
	u, err := url.Parse(service)
	switch {
	case err == nil && u.User != nil:
		return fmt.Errorf("%s: %q must not hold credentials", path, u.Redacted())
	case !strings.Contains(service, "://") || err == nil && u.Scheme == "":
		return fmt.Errorf("%s: %q has no scheme, such as http://%s", path, service, strings.TrimLeft(service, ":/"))
	case err != nil:
		// Without the URL, which may hold a password.
		return fmt.Errorf("%s: not a URL, such as %s: %w", path, DefaultOrigin, errors.Unwrap(err))
	case !slices.Contains(schemes, u.Scheme):
		return fmt.Errorf("%s: %q has the scheme %q; use one of %s", path, service, u.Scheme, strings.Join(schemes, ", "))
	case u.Hostname() == "":
		return fmt.Errorf("%s: %q has no host, such as %s", path, service, DefaultOrigin)
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%s: %q has a path or query; cloudflared hands the request's own path on, so write %s://%s", path, service, u.Scheme, u.Host)
	}
	return validatePort(path, service, u)
}

func validatePort(path, service string, u *url.URL) error {
	port := u.Port()
	if port == "" && !strings.HasSuffix(u.Host, ":") {
		return nil
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("%s: %q has no port from 1 to 65535 after the colon", path, service)
	}
	return nil
}
