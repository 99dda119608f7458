package api

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"k8s-tunnel/sandbox/cloudflare/state"
)

type connectionJSON struct {
	ID                 uuid.UUID `json:"id"`
	UUID               uuid.UUID `json:"uuid"`
	ColoName           string    `json:"colo_name"`
	IsPendingReconnect bool      `json:"is_pending_reconnect"`
	OriginIP           string    `json:"origin_ip"`
	OpenedAt           time.Time `json:"opened_at"`
	ClientID           uuid.UUID `json:"client_id"`
	ClientVersion      string    `json:"client_version"`
}

type connectorJSON struct {
	ID       uuid.UUID        `json:"id"`
	Features []string         `json:"features"`
	Version  string           `json:"version"`
	Arch     string           `json:"arch"`
	Conns    []connectionJSON `json:"conns"`
	RunAt    time.Time        `json:"run_at"`
	HAStatus *string          `json:"ha_status"`
}

func presentConnection(c state.Connection) connectionJSON {
	return connectionJSON{
		ID: c.ID, UUID: c.ID, ColoName: c.Location, IsPendingReconnect: c.PendingReconnect,
		OriginIP: c.OriginIP, OpenedAt: c.OpenedAt, ClientID: c.ClientID, ClientVersion: c.ClientVersion,
	}
}

// tracked lists a tunnel's connections that haven't unregistered, with those that broke
// and may come back.
func (c *call) tracked(tunnel uuid.UUID) []state.Connection {
	unregistered := func(connection state.Connection) bool { return connection.Draining }
	return slices.DeleteFunc(slices.Clone(c.connectors.Connections(tunnel)), unregistered)
}

// live lists a tunnel's connections that take requests.
func (c *call) live(tunnel uuid.UUID) []state.Connection {
	broke := func(connection state.Connection) bool { return connection.PendingReconnect }
	return slices.DeleteFunc(c.tracked(tunnel), broke)
}

// listConnectors answers GET …/cfd_tunnel/{tunnel}/connections: one entry for
// each cloudflared that is connected or was until lately, oldest first, and all of them
// on one page.
func (c *call) listConnectors() (any, error) {
	t, err := c.pathTunnel(state.TunnelRead)
	if err != nil {
		return nil, err
	}
	items := []connectorJSON{}
	index := map[uuid.UUID]int{}
	for _, connection := range c.tracked(t.ID) {
		i, known := index[connection.ClientID]
		if !known {
			i = len(items)
			index[connection.ClientID] = i
			items = append(items, connectorJSON{
				ID: connection.ClientID, Features: append([]string{}, connection.Features...),
				Version: connection.ClientVersion, Arch: connection.Arch, RunAt: connection.OpenedAt,
			})
		}
		items[i].Conns = append(items[i].Conns, presentConnection(connection))
	}
	return items, nil
}

// cleanConnections answers DELETE …/cfd_tunnel/{tunnel}/connections. It cuts connectors
// off unconditionally; one that still runs reconnects at once.
func (c *call) cleanConnections() (any, error) {
	t, err := c.pathTunnel(state.TunnelEdit)
	if err != nil {
		return nil, err
	}
	if t.DeletedAt != nil && c.Settings().DeleteAgain == DeleteAgainGone {
		return nil, tunnelNotFound()
	}
	var client *uuid.UUID
	if v := c.URL.Query().Get("client_id"); v != "" {
		id, err := uuid.Parse(v)
		if err != nil {
			return nil, invalidTunnel("client_id must be a UUID: %v", err)
		}
		client = &id
	}
	c.connectors.Disconnect(t.ID, client)
	return nil, nil //nolint:nilnil // the original's result is null
}
