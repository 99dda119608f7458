// Package state is what the sandbox's Cloudflare knows and keeps: accounts, zones,
// tokens, tunnels and DNS records, in an embedded database. The API writes it, the
// edge authenticates connectors against its tunnels, and the front routes by its
// records.
//
// It follows what Cloudflare documents of these objects, as far as a tunnel and its
// names need them. Unlike Cloudflare it is one process with one copy, so a change is
// known everywhere at once; SetDNSLag adds a delay. Secrets and tokens are stored
// unencrypted, because they are worthless outside the sandbox.
package state

import (
	"time"

	"github.com/google/uuid"
)

// Account owns zones and tunnels.
type Account struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Tunnel is one row of the table that the API writes and the edge
// authenticates connectors against. A deleted tunnel stays, with DeletedAt set.
type Tunnel struct {
	ID        uuid.UUID  `json:"id"`
	AccountID string     `json:"account_id"`
	Name      string     `json:"name"`
	Secret    []byte     `json:"secret"`
	ConfigSrc string     `json:"config_src"` // "local" or "cloudflare"
	CreatedAt time.Time  `json:"created_at"`
	DeletedAt *time.Time `json:"deleted_at,omitempty"`

	// ActiveAt is when the tunnel last went from no connection to one, and InactiveAt
	// when it has since lost the last one; both are nil if it never had any.
	ActiveAt   *time.Time `json:"active_at,omitempty"`
	InactiveAt *time.Time `json:"inactive_at,omitempty"`
}

// Record is a DNS record. Name is always fully qualified and lower case,
// without a trailing dot; a wildcard's name begins with "*.".
type Record struct {
	ID         string    `json:"id"`
	ZoneID     string    `json:"zone_id"`
	Name       string    `json:"name"`
	Type       string    `json:"type"`
	Content    string    `json:"content"`
	Priority   *uint16   `json:"priority,omitempty"` // MX only
	Proxied    bool      `json:"proxied"`
	TTL        int       `json:"ttl"` // seconds; 1 means automatic
	Comment    string    `json:"comment"`
	Tags       []string  `json:"tags"`
	ReadOnly   bool      `json:"read_only,omitempty"` // managed by Cloudflare, such as a Worker's custom domain
	CreatedOn  time.Time `json:"created_on"`
	ModifiedOn time.Time `json:"modified_on"`
}

// Connection is one connection of a connector to the edge. The edge owns the table
// of connections; it isn't stored, because connectors register again after a restart.
type Connection struct {
	ID            uuid.UUID `json:"id"`
	TunnelID      uuid.UUID `json:"tunnel_id"`
	ClientID      uuid.UUID `json:"client_id"` // the connector: one cloudflared process
	ConnIndex     uint8     `json:"conn_index"`
	Protocol      string    `json:"protocol"`  // "quic" or "http2"
	EdgeAddr      string    `json:"edge_addr"` // the edge's address it dialled
	OriginIP      string    `json:"origin_ip"` // the address it dialled from
	ClientVersion string    `json:"client_version"`
	Arch          string    `json:"arch"`
	Features      []string  `json:"features"`
	Location      string    `json:"location"` // data centre, such as "sbx01"
	OpenedAt      time.Time `json:"opened_at"`
	Draining      bool      `json:"draining"` // unregistered, finishing what is in flight
	// PendingReconnect is set when a connection broke without having unregistered. It
	// carries nothing, and is kept for a while in case its connector comes back.
	PendingReconnect bool `json:"pending_reconnect"`
}
