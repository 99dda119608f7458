package components

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// originSchemes are the schemes under which cloudflared proxies HTTP.
var originSchemes = []string{"http", "https", "ws", "wss"}

// validateOrigin reports a service that cloudflared would refuse, or would take
// for a raw TCP stream, which a browser can't talk to.
func validateOrigin(path, service string) error {
	if service == "" || service == "hello_world" {
		return nil
	}
	if code, ok := strings.CutPrefix(service, "http_status:"); ok {
		if n, err := strconv.Atoi(code); err != nil || n < 100 || n > 999 {
			return fmt.Errorf("%s: %q has no status code of three digits, such as http_status:404", path, service)
		}
		return nil
	}
	u, err := url.Parse(service)
	switch {
	case err != nil || u.Scheme == "" || !strings.Contains(service, "://"):
		return fmt.Errorf("%s: %q has no scheme, such as http://%s", path, service, strings.TrimLeft(service, ":/"))
	case !slices.Contains(originSchemes, u.Scheme):
		return fmt.Errorf("%s: %q has the scheme %q; use one of %s", path, service, u.Scheme, strings.Join(originSchemes, ", "))
	case u.Hostname() == "":
		return fmt.Errorf("%s: %q has no host, such as %s", path, service, DefaultOrigin)
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%s: %q has a path or query; cloudflared hands the request's own path on, so write %s://%s", path, service, u.Scheme, u.Host)
	case u.User != nil:
		return fmt.Errorf("%s: %q must not hold credentials", path, u.Redacted())
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
