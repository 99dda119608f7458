package api

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// setRateLimit adds the headers that tell a client how many calls it has left. The
// numbers are always those of a client that has just begun: no client of ours reads them.
// The policy's name depends on the endpoint, and verifying a token has none.
func setRateLimit(h http.Header, pattern string) {
	switch pattern {
	case "GET /user/tokens/verify":
	case "GET /zones":
		rateLimit{name: "list_zones", quota: RealLimit + 1, left: RealLimit, reset: 1}.set(h)
	default:
		rateLimit{name: "default", quota: RealLimit, left: RealLimit - 1, reset: 1}.set(h)
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

// client is whose calls a limit counts together: all those of a user, with whatever
// token, or those of an account's token. The sandbox has one user.
func client(token string) string {
	if strings.HasPrefix(token, accountTokenPrefix) {
		return token
	}
	return "the user"
}

// limiter counts the calls of each client.
type limiter struct {
	mu      sync.Mutex
	recent  map[string][]time.Time // of the last rateWindow
	blocked map[string]time.Time   // until when
}

// wait returns how long a call at now has to wait, under a limit of calls in rateWindow. A
// client that goes over the limit is kept out for as long as a window.
func (l *limiter) wait(client string, limit int, now time.Time) time.Duration {
	if limit == 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.recent == nil {
		l.recent, l.blocked = map[string][]time.Time{}, map[string]time.Time{}
	}
	if until := l.blocked[client]; now.Before(until) {
		return until.Sub(now)
	}
	const window = rateWindow * time.Second
	recent := l.recent[client]
	for len(recent) > 0 && now.Sub(recent[0]) >= window {
		recent = recent[1:]
	}
	if len(recent) >= limit {
		l.blocked[client], l.recent[client] = now.Add(window), nil
		return window
	}
	l.recent[client] = append(recent, now)
	return 0
}

// clear forgets all calls, and lets clients in that are kept out.
func (l *limiter) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recent, l.blocked = nil, nil
}

// tooMany answers a call that came too early.
func tooMany(w http.ResponseWriter, wait time.Duration) {
	seconds := int((wait + time.Second - 1) / time.Second)
	w.Header().Set("Retry-After", fmt.Sprint(seconds))
	rateLimit{name: "default", quota: RealLimit, left: 0, reset: seconds}.set(w.Header())
	writeError(w, failure(http.StatusTooManyRequests, codeTooMany, "%s", textTooMany))
}

// What the original says to a client that makes too many calls.
const (
	codeTooMany = 971
	textTooMany = "Please wait and consider throttling your request speed"
)
