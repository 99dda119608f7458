// Package control is the port through which tests and the sandbox's own commands
// look into its Cloudflare and disturb it, with its server and its client. It
// imitates nothing: what a customer of Cloudflare can do has its place in the API.
// It speaks plain HTTP, asks for no credentials and belongs on loopback only.
//
//	GET    /healthz     200 once every listener is up
//	GET    /state       what there is: State
//	GET    /calls       the calls of the API, DELETE forgets them
//	GET    /lag         the lags, PUT sets those given: {"dns":"5s","connection":"3s"}
//	GET    /faults      the API's faults, PUT replaces them, DELETE removes them
//	POST   /edge/cut    cuts every connection of the edge at once
//	GET    /edge        whether the edge listens, PUT stops or starts it: {"up":false}
//	POST   /accounts, /zones, /tokens, /records   adds one
//	PUT    /origins     replaces the origins outside any tunnel: {"content":"URL"}
package control

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/state"
)

// State is what the sandbox's Cloudflare holds, without anything secret.
type State struct {
	Accounts []state.Account   `json:"accounts"`
	Zones    []state.Zone      `json:"zones"`
	Tokens   []Token           `json:"tokens"`
	Tunnels  []Tunnel          `json:"tunnels"` // of all accounts, deleted ones included
	Records  []state.Record    `json:"records"` // of all zones
	Origins  map[string]string `json:"origins"`
	Lag      Lag               `json:"lag"`
	Edge     Edge              `json:"edge"`
}

// Token is an API token without its value.
type Token struct {
	ID     string        `json:"id"`
	Name   string        `json:"name"`
	Grants []state.Grant `json:"grants"`
}

// Tunnel is a tunnel without its secret, but with what the edge knows of it.
type Tunnel struct {
	ID          uuid.UUID          `json:"id"`
	AccountID   string             `json:"account_id"`
	Name        string             `json:"name"`
	ConfigSrc   string             `json:"config_src"`
	CreatedAt   time.Time          `json:"created_at"`
	DeletedAt   *time.Time         `json:"deleted_at,omitempty"`
	Connections []state.Connection `json:"connections"`
	// Configuration is what a connector last said its own one was, as cloudflared
	// sends it to the edge: the ingress rules that are really in force.
	Configuration json.RawMessage `json:"configuration,omitempty"`
}

// Live lists the tunnels that aren't deleted.
func (s State) Live() []Tunnel {
	var out []Tunnel
	for _, t := range s.Tunnels {
		if t.DeletedAt == nil {
			out = append(out, t)
		}
	}
	return out
}

// Lag is how long changes take until every request sees them.
type Lag struct {
	DNS        api.Duration `json:"dns"`        // a record that was changed
	Connection api.Duration `json:"connection"` // a connection that registered
}

// Edge says whether the edge listens.
type Edge struct {
	Up bool `json:"up"`
}
