package preflight

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cloudflare/cloudflare-go"
)

// The API's own defaults, which are also the provider's.
const (
	defaultHostname = "api.cloudflare.com"
	defaultBasePath = "/client/v4"
	// DefaultRetries is how often a failed call is repeated.
	DefaultRetries = 3
	// MinRetryDelay is the shortest wait before a retry, in seconds.
	MinRetryDelay = 1
	// MaxRetryDelay is the longest wait before a retry, in seconds.
	MaxRetryDelay = 30
)

// Options say how to reach Cloudflare's API, as those of the provider do.
type Options struct {
	// APIToken authenticates all calls. Required.
	APIToken string
	// APIHostname is the API's host, with a port unless that is 443. Defaults to
	// Cloudflare's.
	APIHostname string
	// APIBasePath is the path below which the API lies. Defaults to Cloudflare's.
	APIBasePath string
	// RPS is the largest number of calls a second. 0 means that a component chooses: 25 for
	// up to 100 names, and 3 for more. A client of its own makes 4 then.
	RPS int
	// Retries is how often a call is repeated that got no answer, exceeded the rate
	// limit, or caused a server error. 0 means the default, 3.
	Retries int
}

// Validate reports an address that can't be the API's. hostname and basePath are what to
// call where it is set.
func (o Options) Validate(hostname, basePath string) error {
	return errors.Join(
		address(hostname, o.APIHostname, validHost, "a host with an optional port, such as "+defaultHostname),
		address(basePath, o.APIBasePath, pathPattern.MatchString, "a path that begins with a slash, such as "+defaultBasePath),
	)
}

// address checks a part of the API's address, which may be unset.
func address(name, value string, valid func(string) bool, kind string) error {
	switch {
	case value == "" || valid(value):
		return nil
	case strings.Contains(value, "@"):
		return fmt.Errorf("%s: must not contain credentials; it is %s", name, kind)
	}
	return fmt.Errorf("%s: %q is not %s", name, value, kind)
}

var (
	hostPattern = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	pathPattern = regexp.MustCompile(`^(/[A-Za-z0-9._~!$&'()*+,;=:%-]+)*/?$`)
)

// validHost reports whether text is a host, or a host and a port, as in a URL.
func validHost(text string) bool {
	parsed, err := url.Parse("https://" + text)
	if err != nil || parsed.Host != text || strings.HasSuffix(text, ":") {
		return false
	}
	if port := parsed.Port(); port != "" {
		if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
			return false
		}
	}
	_, err = netip.ParseAddr(parsed.Hostname())
	return err == nil || hostPattern.MatchString(parsed.Hostname())
}

// Client asks Cloudflare's API. It trusts the system's certificates, or those of
// SSL_CERT_FILE, as the provider does.
type Client struct {
	api *cloudflare.API
	// besideProvider makes calls while the provider makes many.
	besideProvider *cloudflare.API
}

// New returns a client. It makes no call yet.
func New(o Options) (*Client, error) {
	paced := func(pace float64) (*cloudflare.API, error) {
		return cloudflare.NewWithAPIToken(
			o.APIToken,
			cloudflare.BaseURL("https://"+cmp.Or(o.APIHostname, defaultHostname)+cmp.Or(o.APIBasePath, defaultBasePath)),
			cloudflare.UsingRetryPolicy(cmp.Or(o.Retries, DefaultRetries), MinRetryDelay, MaxRetryDelay),
			cloudflare.UserAgent("k8s-tunnel"),
			cloudflare.HTTPClient(newHTTPClient()),
			cloudflare.UsingRateLimit(pace),
		)
	}
	rps := cmp.Or(o.RPS, allowance/window)
	api, err := paced(float64(rps))
	besideProvider, otherErr := paced(takeOverPace(rps))
	if err := cmp.Or(err, otherErr); err != nil {
		return nil, fmt.Errorf("creating a client of Cloudflare's API: %w", err)
	}
	return &Client{api, besideProvider}, nil
}

// permissions are those that the token needs.
const permissions = "Zone / Zone / Read and Zone / DNS / Edit on the zone, and Account / Cloudflare Tunnel / Edit on its account"

// Codes with which Cloudflare refuses a token that is malformed, unknown or
// lacks the permission for a call.
var refusals = []int{6003, 9109, 10000}

// ErrTokenRefused says that Cloudflare doesn't accept the API token, or not for a
// call.
var ErrTokenRefused = errors.New("Cloudflare refuses the API token") //nolint:staticcheck // a name

// isRefusal reports whether Cloudflare has answered that it won't do what was asked for. After
// other errors, such as a lost answer, it may have done so.
func isRefusal(err error) bool {
	var authentication *cloudflare.AuthenticationError
	var authorization *cloudflare.AuthorizationError
	var request *cloudflare.RequestError
	return errors.As(err, &authentication) || errors.As(err, &authorization) || errors.As(err, &request)
}

// explain adds what was being done to an error, and what to do about a token that
// Cloudflare refuses.
func explain(err error, doing string) error {
	var authentication *cloudflare.AuthenticationError
	var authorization *cloudflare.AuthorizationError
	var request *cloudflare.RequestError
	refused := errors.As(err, &authentication) || errors.As(err, &authorization) ||
		errors.As(err, &request) && slices.ContainsFunc(refusals, request.InternalErrorCodeIs)
	if refused {
		return fmt.Errorf("%w; create one with the permissions %s: %s: %w", ErrTokenRefused, permissions, printable(doing), foreignError{err})
	}
	return fmt.Errorf("%s: %w", printable(doing), foreignError{err})
}
