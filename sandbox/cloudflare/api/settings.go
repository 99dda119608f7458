package api

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Settings say how the API behaves where the original is slower than the sandbox needs
// to be, or where it isn't known what the original does. The zero value answers at once.
type Settings struct {
	Latency     Latency     `json:"latency"`
	DeleteAgain DeleteAgain `json:"delete_again"`
	// Limit is how many calls a user may make in five minutes, with all tokens. More are answered with 429
	// until five minutes after the first one too many. 0 means no limit.
	Limit int `json:"limit"`
	// NoRemoteConfig leaves remote_config out of tunnels, which is deprecated in favour of
	// config_src.
	NoRemoteConfig bool `json:"no_remote_config"`
}

// RealLimit is the original's limit.
const RealLimit = 1200

// Latency is how long a call takes. Its effect comes halfway, so that a client that
// stops waiting can't know whether the call had one.
type Latency struct {
	Create Duration `json:"create"` // POST
	Read   Duration `json:"read"`   // GET
	Update Duration `json:"update"` // PATCH and PUT
	Delete Duration `json:"delete"` // DELETE
}

// RealLatency is that of the original's calls about tunnels, as one client measured it
// in September 2026.
var RealLatency = Latency{
	Create: Duration(1200 * time.Millisecond),
	Read:   Duration(300 * time.Millisecond),
	Update: Duration(1200 * time.Millisecond),
	Delete: Duration(750 * time.Millisecond),
}

func (l Latency) of(method string) time.Duration {
	switch method {
	case http.MethodPost:
		return time.Duration(l.Create)
	case http.MethodPatch, http.MethodPut:
		return time.Duration(l.Update)
	case http.MethodDelete:
		return time.Duration(l.Delete)
	default:
		return time.Duration(l.Read)
	}
}

// DeleteAgain is the answer to deleting a tunnel that is deleted already, which the
// provider does in two calls: it ends the tunnel's connections first. Which answer the
// original gives isn't known.
type DeleteAgain string

// The answers.
const (
	DeleteAgainNotFound DeleteAgain = "not_found" // 404 with code 1003, the default
	DeleteAgainSucceeds DeleteAgain = "succeeds"  // the tunnel as it is
	DeleteAgainGone     DeleteAgain = "gone"      // 404 with code 1003, to both calls
)

// settings holds the Settings in force.
type settings struct {
	mu sync.Mutex
	Settings
}

// SetSettings replaces the settings, and forgets the calls that count towards the limit.
func (a *API) SetSettings(s Settings) error {
	for name, d := range map[string]Duration{
		"create": s.Latency.Create, "read": s.Latency.Read, "update": s.Latency.Update, "delete": s.Latency.Delete,
	} {
		if d < 0 {
			return fmt.Errorf("latency.%s: %s is negative", name, time.Duration(d))
		}
	}
	if s.Limit < 0 {
		return fmt.Errorf("limit: %d is negative", s.Limit)
	}
	switch s.DeleteAgain {
	case "":
		s.DeleteAgain = DeleteAgainNotFound
	case DeleteAgainNotFound, DeleteAgainSucceeds, DeleteAgainGone:
	default:
		return fmt.Errorf("delete_again: %q is none of %s, %s and %s", s.DeleteAgain, DeleteAgainNotFound, DeleteAgainSucceeds, DeleteAgainGone)
	}
	a.settings.mu.Lock()
	defer a.settings.mu.Unlock()
	a.settings.Settings = s
	a.limiter.clear()
	return nil
}

// Settings returns the settings in force.
func (a *API) Settings() Settings {
	a.settings.mu.Lock()
	defer a.settings.mu.Unlock()
	return a.settings.Settings
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
