package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/state"
)

// Client speaks to a control port.
type Client struct {
	addr  string
	world string
	http  *http.Client
}

// NewClient returns a client of the control port at addr, which is host:port, if it
// belongs to the world with the given ID. Calls to another world's port change nothing and
// fail with a [ForeignError]. Without an ID, it may be any world's.
func NewClient(addr, world string) *Client {
	// No proxy from the environment: the port is on this machine.
	return &Client{addr: addr, world: world, http: &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}}
}

// World returns whose control port it is. Whoever answers without saying so is a
// [ForeignError].
func (c *Client) World(ctx context.Context) (out World, err error) {
	if err := c.do(ctx, http.MethodGet, "/world", nil, &out); err != nil {
		return out, err
	}
	if out.ID == "" {
		return out, &ForeignError{Addr: c.addr}
	}
	return out, nil
}

// Ready returns nil if the sandbox's Cloudflare is up.
func (c *Client) Ready(ctx context.Context) error {
	return c.do(ctx, http.MethodGet, "/healthz", nil, nil)
}

// State returns what the sandbox's Cloudflare holds.
func (c *Client) State(ctx context.Context) (out State, err error) {
	return out, c.do(ctx, http.MethodGet, "/state", nil, &out)
}

// Calls returns the calls of the API, oldest first.
func (c *Client) Calls(ctx context.Context) (out []api.Call, err error) {
	return out, c.do(ctx, http.MethodGet, "/calls", nil, &out)
}

// ForgetCalls empties the list of calls.
func (c *Client) ForgetCalls(ctx context.Context) error {
	return c.do(ctx, http.MethodDelete, "/calls", nil, nil)
}

// SetAPI sets how the API behaves. Its zero value is the default.
func (c *Client) SetAPI(ctx context.Context, s api.Settings) error {
	return c.do(ctx, http.MethodPut, "/api", s, nil)
}

// SetLag sets all lags.
func (c *Client) SetLag(ctx context.Context, lag Lag) error {
	return c.do(ctx, http.MethodPut, "/lag", lag, nil)
}

// Faults returns the API's faults with their hits.
func (c *Client) Faults(ctx context.Context) (out []api.Fault, err error) {
	return out, c.do(ctx, http.MethodGet, "/faults", nil, &out)
}

// SetFaults replaces the API's faults; none removes them.
func (c *Client) SetFaults(ctx context.Context, faults ...api.Fault) error {
	return c.do(ctx, http.MethodPut, "/faults", append([]api.Fault{}, faults...), nil)
}

// CutEdge cuts every connection of the edge. Connectors reconnect.
func (c *Client) CutEdge(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/edge/cut", nil, nil)
}

// SetEdge stops the edge, as in an outage, or starts it again.
func (c *Client) SetEdge(ctx context.Context, up bool) error {
	return c.do(ctx, http.MethodPut, "/edge", Edge{Up: up}, nil)
}

// AddAccount adds an account, with an ID if it has none.
func (c *Client) AddAccount(ctx context.Context, a state.Account) (out state.Account, err error) {
	return out, c.do(ctx, http.MethodPost, "/accounts", a, &out)
}

// AddZone adds a zone to an existing account, with an ID if it has none.
func (c *Client) AddZone(ctx context.Context, z state.Zone) (out state.Zone, err error) {
	return out, c.do(ctx, http.MethodPost, "/zones", z, &out)
}

// SetZone changes a zone, known by its ID. State lists the zones.
func (c *Client) SetZone(ctx context.Context, z state.Zone) (out state.Zone, err error) {
	return out, c.do(ctx, http.MethodPut, "/zones/"+z.ID, z, &out)
}

// AddToken adds a token, or gives an existing one other permissions.
func (c *Client) AddToken(ctx context.Context, t state.Token) (out state.Token, err error) {
	return out, c.do(ctx, http.MethodPost, "/tokens", t, &out)
}

// SetToken withdraws a token, known by its ID, or gives it back. State lists the tokens.
func (c *Client) SetToken(ctx context.Context, id string, withdrawn bool) error {
	return c.do(ctx, http.MethodPut, "/tokens/"+id, tokenSettings{withdrawn}, nil)
}

// AddRecord adds a record as if made outside the program. Without a zone's ID it goes
// into the zone that its name belongs to.
func (c *Client) AddRecord(ctx context.Context, r state.Record) (out state.Record, err error) {
	return out, c.do(ctx, http.MethodPost, "/records", r, &out)
}

// SetOrigins replaces the servers outside any tunnel, by the content of records.
func (c *Client) SetOrigins(ctx context.Context, origins map[string]string) error {
	return c.do(ctx, http.MethodPut, "/origins", origins, nil)
}

func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.addr+path, body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.world != "" {
		req.Header.Set(WorldHeader, c.world)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("asking the sandbox's Cloudflare: %w", err)
	}
	defer resp.Body.Close()
	if answers := resp.Header.Get(WorldHeader); answers == "" || c.world != "" && answers != c.world {
		return c.foreign(ctx, answers != "")
	}
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, strings.TrimSpace(string(data)))
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// foreign returns the error that says whose the port is, if its owner is a world at all.
func (c *Client) foreign(ctx context.Context, world bool) error {
	out := &ForeignError{Addr: c.addr}
	if world {
		whoever := &Client{addr: c.addr, http: c.http}
		out.Owner, _ = whoever.World(ctx) // if it has ended in between, nothing more can be said
	}
	return out
}
