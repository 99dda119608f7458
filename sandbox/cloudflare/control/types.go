// Package control is the port through which tests and the sandbox's own commands
// inspect and disturb its Cloudflare, as a server and a client. It imitates nothing:
// what a customer of Cloudflare can do belongs to the API. It speaks plain HTTP, asks
// for no credentials and must listen on loopback only. It refuses requests for hosts that
// aren't loopback, requests of web pages, and bodies that aren't declared as
// application/json.
//
// Every answer names the world that the port belongs to, in the header Sandbox-World. A
// request with another world in that header is refused before it does anything.
//
//	GET    /world       whose port this is: World
//	GET    /healthz     200 once every listener is up
//	GET    /state       what there is: State
//	GET    /calls       the calls of the API, DELETE forgets them
//	GET    /api         how the API behaves, PUT sets what is given:
//	                    {"latency":{"create":"1.2s","read":"300ms","update":"1.2s","delete":"750ms"},"delete_again":"succeeds","no_remote_config":true}
//	GET    /lag         the lags, PUT sets those given: {"dns":"5s","connection":"3s","departure":"1m","refusals":1}
//	GET    /faults      the API's faults, PUT replaces them, DELETE removes them; see api.Fault:
//	                    [{"method":"POST","path":"/accounts/*/cfd_tunnel","when":"after","abort":true,"count":1}]
//	POST   /edge/cut    cuts every connection of the edge at once
//	GET    /edge        whether the edge listens, PUT stops or starts it: {"up":false}
//	POST   /accounts, /zones, /tokens, /records   adds one
//	                    {"name":"app.home.localhost","type":"AAAA","content":"100::","read_only":true}
//	PUT    /zones/ID    sets what is given of a zone: {"status":"pending","type":"partial","paused":true,"record_quota":3}
//	PUT    /tokens/ID   withdraws a token, or gives it back: {"withdrawn":true}
//	PUT    /origins     replaces the origins outside any tunnel: {"content":"URL"}
package control

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/state"
)

// WorldHeader is the header with the ID of the world that a request is meant for, or that
// has answered.
const WorldHeader = "Sandbox-World"

// World says whose control port it is.
type World struct {
	// ID is random, and differs even between worlds of the same name and directory.
	ID string `json:"id"`
	// Name distinguishes the worlds of a clone, and Root is the clone's root.
	Name string `json:"name"`
	Root string `json:"root"`
	// PID is the process that answers.
	PID int `json:"pid"`
}

func (w World) String() string {
	return fmt.Sprintf("world %s of %s (process %d)", w.Name, w.Root, w.PID)
}

// ForeignError says that a control port belongs to another world than the one asked for.
type ForeignError struct {
	Addr  string
	Owner World // empty when whoever answers doesn't say
}

func (e *ForeignError) Error() string {
	if e.Owner.ID == "" {
		return fmt.Sprintf("%s belongs to a program that doesn't say which local world it is: end it (ss -ltnp shows it)", e.Addr)
	}
	return fmt.Sprintf("%s belongs to %s: take that one down first (go -C %s run . down --world %s)",
		e.Addr, e.Owner, filepath.Join(e.Owner.Root, "sandbox"), e.Owner.Name)
}

// State is what the sandbox's Cloudflare holds, without secrets.
type State struct {
	Accounts []state.Account   `json:"accounts"`
	Zones    []state.Zone      `json:"zones"`
	Tokens   []Token           `json:"tokens"`
	Tunnels  []Tunnel          `json:"tunnels"` // of all accounts, including deleted ones
	Records  []state.Record    `json:"records"` // of all zones
	Origins  map[string]string `json:"origins"`
	API      api.Settings      `json:"api"`
	Lag      Lag               `json:"lag"`
	Edge     Edge              `json:"edge"`
}

// Token is an API token without its value.
type Token struct {
	ID     string        `json:"id"`
	Name   string        `json:"name"`
	Grants []state.Grant `json:"grants"`
	// Withdrawn tokens are answered like those that were revoked or have expired.
	Withdrawn bool `json:"withdrawn"`
}

// tokenSettings is what can be set of a token.
type tokenSettings struct {
	Withdrawn bool `json:"withdrawn"`
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
	// Configuration is the one that a connector last reported as its own, as
	// cloudflared sends it to the edge: the ingress rules that are really in force.
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

// Lag is how long Cloudflare takes to know of a change everywhere.
type Lag struct {
	DNS        api.Duration `json:"dns"`        // of a record, until every request sees it
	Connection api.Duration `json:"connection"` // of a connection that registers, until requests use it
	// Departure is of a connection that breaks without having unregistered, until it is
	// no longer listed. Its tunnel can't be deleted before.
	Departure api.Duration `json:"departure"`
	// Refusals is how many registrations of each new tunnel are refused, as by an edge that
	// doesn't know of it yet.
	Refusals int `json:"refusals"`
}

// Edge reports whether the edge listens.
type Edge struct {
	Up bool `json:"up"`
}
