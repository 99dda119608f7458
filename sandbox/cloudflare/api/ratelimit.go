package api

import (
	"fmt"
	"net/http"
)

// setRateLimit adds the headers that tell a client how many calls it has left. The
// sandbox has no limit, so the numbers are always those of a client that has just
// begun. The policy's name depends on the endpoint, and verifying a token has none.
func setRateLimit(h http.Header, pattern string) {
	switch pattern {
	case "GET /user/tokens/verify":
	case "GET /zones":
		rateLimit{name: "list_zones", quota: 1201, left: 1200, reset: 1}.set(h)
	default:
		rateLimit{name: "default", quota: 1200, left: 1199, reset: 1}.set(h)
	}
}

type rateLimit struct {
	name        string
	quota, left int // calls in window
	reset       int // seconds until there are more
}

// rateWindow is the time in seconds that a quota is for.
const rateWindow = 300

func (l rateLimit) set(h http.Header) {
	h.Set("Ratelimit", fmt.Sprintf("%q;r=%d;t=%d", l.name, l.left, l.reset))
	h.Set("Ratelimit-Policy", fmt.Sprintf("%q;q=%d;w=%d", l.name, l.quota, rateWindow))
}
