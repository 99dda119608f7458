package edge

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/cloudflare/cloudflared/tunnelrpc/pogs"
	"github.com/google/uuid"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// errDuplicate has the text at which cloudflared tries another address.
var errDuplicate = errors.New("EDUPCONN")

// maxConnections is how many connections a tunnel may have: those of 25 connectors.
const maxConnections = 100

// errTooMany is marked as one after which cloudflared tries again. Cloudflare documents the limit, but how
// the real edge refuses one more, and whether it counts connections that are draining or that broke, isn't
// known.
var errTooMany = pogs.RetryErrorAfter(errors.New("too many connections of this tunnel"), time.Second)

// connection is one registered connection. All fields but carrier and idle are guarded
// by the table's lock.
type connection struct {
	state.Connection
	carrier  carrier
	usable   time.Time // when the network has learned of it
	broke    time.Time // if it is pending reconnect
	inFlight int
	idle     chan struct{} // closed once it is draining and nothing is in flight
}

func (c *connection) settle() {
	if c.Draining && c.inFlight == 0 {
		select {
		case <-c.idle:
		default:
			close(c.idle)
		}
	}
}

// table holds the registered connections of all tunnels. Choosing a connection and
// counting its requests share one lock with draining it, so that no request is sent to
// a connector after it was told that none will come.
type table struct {
	mu      sync.Mutex
	conns   map[uuid.UUID][]*connection // by tunnel, oldest first
	configs map[uuid.UUID]json.RawMessage
	lag     time.Duration
	kept    time.Duration // how long connections that broke are listed
	most    int           // connections of a tunnel, without those that broke

	changed func(tunnel uuid.UUID, connections int)
	telling sync.Mutex // keeps the calls of changed in order
}

func newTable(changed func(uuid.UUID, int)) *table {
	if changed == nil {
		changed = func(uuid.UUID, int) {}
	}
	return &table{
		conns: map[uuid.UUID][]*connection{}, configs: map[uuid.UUID]json.RawMessage{}, changed: changed, most: maxConnections,
	}
}

// tell reports a tunnel's current number of connections, without those that broke. It
// doesn't hold the table's lock, so that the listener may query the table.
func (t *table) tell(tunnel uuid.UUID) {
	t.telling.Lock()
	defer t.telling.Unlock()
	up := 0
	for _, c := range t.list(tunnel) {
		if !c.PendingReconnect {
			up++
		}
	}
	t.changed(tunnel, up)
}

func (t *table) setLag(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lag = d
}

func (t *table) setKept(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = d
}

// add registers a connection, unless the tunnel has as many as it may have. With replace, an earlier one of the same connector to the
// same address gives way; it is returned, to be cut. One that broke gives way anyway.
func (t *table) add(info state.Connection, c carrier, replace bool) (added *connection, replaced []*connection, err error) {
	defer t.tell(info.TunnelID)
	t.mu.Lock()
	defer t.mu.Unlock()
	up := 0
	for _, o := range t.conns[info.TunnelID] {
		switch {
		case o.ClientID == info.ClientID && o.EdgeAddr == info.EdgeAddr && !o.Draining:
			if !replace && !o.PendingReconnect {
				return nil, nil, errDuplicate
			}
			replaced = append(replaced, o)
		case !o.PendingReconnect:
			up++
		}
	}
	if up >= t.most {
		return nil, nil, errTooMany
	}
	for _, o := range replaced {
		t.removeLocked(o)
	}
	added = &connection{
		Connection: info, carrier: c, usable: time.Now().Add(t.lag), idle: make(chan struct{}),
	}
	t.conns[info.TunnelID] = append(t.conns[info.TunnelID], added)
	return added, replaced, nil
}

func (t *table) remove(c *connection) {
	defer t.tell(c.TunnelID)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.removeLocked(c)
}

// end takes a connection whose transport has ended out of the table. One that ended
// without having unregistered stays listed for as long as such connections are kept.
func (t *table) end(c *connection) {
	defer t.tell(c.TunnelID)
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.Draining || t.kept <= 0 {
		t.removeLocked(c)
		return
	}
	c.PendingReconnect, c.broke = true, time.Now()
}

// forgetLocked removes a tunnel's connections that broke too long ago.
func (t *table) forgetLocked(tunnel uuid.UUID) {
	for _, c := range slices.Clone(t.conns[tunnel]) {
		if c.PendingReconnect && time.Since(c.broke) >= t.kept {
			t.removeLocked(c)
		}
	}
}

func (t *table) removeLocked(c *connection) {
	left := slices.DeleteFunc(t.conns[c.TunnelID], func(o *connection) bool { return o == c })
	if len(left) == 0 {
		delete(t.conns, c.TunnelID)
		return
	}
	t.conns[c.TunnelID] = left
}

// removeAll takes a tunnel's connections, or one connector's, out of the table.
func (t *table) removeAll(tunnel uuid.UUID, client *uuid.UUID) []*connection {
	defer t.tell(tunnel)
	t.mu.Lock()
	defer t.mu.Unlock()
	var gone []*connection
	for _, c := range t.conns[tunnel] {
		if client == nil || c.ClientID == *client {
			gone = append(gone, c)
		}
	}
	for _, c := range gone {
		t.removeLocked(c)
	}
	return gone
}

// drain keeps new requests away from a connection; its idle channel is closed when the
// last one has ended.
func (t *table) drain(c *connection) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.Draining = true
	c.settle()
}

func (t *table) drainAll() []*connection {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []*connection
	for _, conns := range t.conns {
		for _, c := range conns {
			c.Draining = true
			c.settle()
			all = append(all, c)
		}
	}
	return all
}

// acquire picks one of a tunnel's usable connections at random, except those already
// tried, and counts a request on it. It returns nil if there is none.
func (t *table) acquire(tunnel uuid.UUID, tried []*connection) *connection {
	t.mu.Lock()
	defer t.mu.Unlock()
	var usable []*connection
	now := time.Now()
	for _, c := range t.conns[tunnel] {
		if !c.Draining && !c.PendingReconnect && !c.usable.After(now) && !slices.Contains(tried, c) {
			usable = append(usable, c)
		}
	}
	if len(usable) == 0 {
		return nil
	}
	c := usable[rand.IntN(len(usable))]
	c.inFlight++
	return c
}

func (t *table) release(c *connection) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.inFlight--
	c.settle()
}

func (t *table) list(tunnel uuid.UUID) []state.Connection {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forgetLocked(tunnel)
	list := make([]state.Connection, 0, len(t.conns[tunnel]))
	for _, c := range t.conns[tunnel] {
		list = append(list, c.Connection)
	}
	return list
}

func (t *table) configure(tunnel uuid.UUID, config []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.configs[tunnel] = slices.Clone(config)
}

func (t *table) configuration(tunnel uuid.UUID) (json.RawMessage, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	config, ok := t.configs[tunnel]
	return slices.Clone(config), ok
}

func (t *table) draining(c *connection) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return c.Draining
}
