package world

import (
	"context"
	"time"

	"k8s-tunnel/sandbox/cloudflare/api"
)

// realDeparture is about how long Cloudflare lists the connections of a connector that
// was killed. It is said to be half a minute to some minutes.
const realDeparture = time.Minute

// SetRealLatency makes Cloudflare as slow as in reality, with its limit of calls, or as fast
// as it can be. That ends with the Cloudflare process.
func (w *World) SetRealLatency(ctx context.Context, on bool) error {
	state, err := w.Control().State(ctx)
	if err != nil {
		return err
	}
	state.API.Latency, state.API.Limit, state.Lag.Departure = api.Latency{}, 0, 0
	if on {
		state.API.Latency, state.API.Limit, state.Lag.Departure = api.RealLatency, api.RealLimit, api.Duration(realDeparture)
	}
	if err := w.Control().SetAPI(ctx, state.API); err != nil {
		return err
	}
	return w.Control().SetLag(ctx, state.Lag)
}
