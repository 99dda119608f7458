//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/control"
	"k8s-tunnel/sandbox/load"
	"k8s-tunnel/sandbox/world"
)

// scene is a Cloudflare under which changes are made: how connectors reach it,
// and how long it takes until a change is seen everywhere.
type scene struct {
	protocol string // quic or http2
	lag      control.Lag
}

func (s scene) name() string {
	if s.lag == (control.Lag{}) {
		return s.protocol + "-instant"
	}
	return s.protocol + "-lagging"
}

// lagging is a Cloudflare of which some data centres are slow to learn.
var lagging = control.Lag{DNS: api.Duration(5 * time.Second), Connection: api.Duration(3 * time.Second)}

// worlds hands out a world for each protocol, brought up when it is first needed.
var worlds struct {
	sync.Mutex
	http2 *world.World
}

// world returns the world in which connectors take the scene's protocol, with the
// scene's lags. Nothing in the program or its settings tells them: the cluster's
// DNS does, the way Cloudflare steers them.
func (s scene) world(t *testing.T) *world.World {
	t.Helper()
	w := testWorld
	if s.protocol == "http2" {
		w = http2World(t)
	}
	require.NoError(t, w.Control().SetLag(t.Context(), s.lag))
	t.Cleanup(func() { require.NoError(t, w.Control().SetLag(context.Background(), control.Lag{})) })
	return w
}

func http2World(t *testing.T) *world.World {
	t.Helper()
	worlds.Lock()
	defer worlds.Unlock()
	if worlds.http2 == nil {
		w, err := world.Open(worldName() + "-http2")
		require.NoError(t, err)
		require.NoError(t, w.Down(context.Background(), os.Stdout))
		w.EdgeProtocol = "http2"
		require.NoError(t, w.Up(context.Background(), os.Stdout))
		worlds.http2 = w
	}
	return worlds.http2
}

// downWorlds takes the further worlds down.
func downWorlds() error {
	if worlds.http2 == nil {
		return nil
	}
	return worlds.http2.Down(context.Background(), os.Stdout)
}

// changes makes changes in a scene while its hosts are under load.
type changes struct {
	*testing.T
	owner *testing.T // the test at whose end the stack goes
	scene scene
	world *world.World
	stack *stack
	load  *load.Generator
}

// answers waits until both apps answer through the front.
func (c *changes) answers() {
	c.Helper()
	for _, host := range c.world.AppHosts() {
		eventually(c.T, time.Minute, host+" answers", func() bool {
			req, err := newRequest(c.Context(), host)
			require.NoError(c, err)
			resp, err := c.world.Client().Do(req)
			if err != nil {
				return false
			}
			defer resp.Body.Close()
			return resp.StatusCode == http.StatusOK
		})
	}
}

// begin starts the load and lets it run for a while as a measure of what is normal.
func (c *changes) begin() {
	c.answers()
	// The names that were made by hand have to be known everywhere first.
	time.Sleep(time.Duration(c.scene.lag.DNS) + time.Second)
	c.load = load.Start(c.world.FrontAddr(), c.world.AppHosts(), "before")
	time.Sleep(10 * time.Second)
}

// phase makes one change under load. What it leaves behind on its way out, such as
// pods that end, may still go on when it returns.
func (c *changes) phase(name string, change func()) {
	c.Helper()
	c.load.Phase(name)
	began := time.Now()
	change()
	c.Logf("%s: %s took %s", c.scene.name(), name, time.Since(began).Round(time.Second))
}

// end stops the load when nothing of the changes is under way any more, and prints
// what was counted.
func (c *changes) end() load.Report {
	c.Helper()
	c.settle()
	report := c.load.Stop()
	var out strings.Builder
	require.NoError(c, report.Write(&out))
	fmt.Printf("\n%s\n%s\n", c.scene.name(), out.String())
	return report
}

// settle waits until no pod is on its way out, and then for whatever Cloudflare
// takes to notice.
func (c *changes) settle() {
	c.Helper()
	eventually(c.T, 3*time.Minute, "nothing is on its way out", func() bool {
		out := kubectlIn(c.T, c.world, "get", "pods", "-A", "-l", "app.kubernetes.io/name=cloudflared",
			"-o", `jsonpath={range .items[*]}{.metadata.deletionTimestamp}{end}`)
		return strings.TrimSpace(out) == ""
	})
	time.Sleep(time.Second)
}

// deploy makes the stack if there is none yet, and brings it up.
func (c *changes) deploy() {
	c.Helper()
	if c.stack == nil {
		c.stack = newStackIn(c.owner, c.world, "changes", nil)
	}
	c.stack.up(c.T)
}

// set changes settings and brings them about.
func (c *changes) set(settings map[string]string) {
	c.Helper()
	for key, value := range settings {
		c.stack.set(c.T, key, value)
	}
	c.stack.up(c.T)
}

// tunnel is the tunnel that the stack's names lead to.
func (c *changes) tunnel() string {
	c.Helper()
	state, err := c.world.Control().State(c.Context())
	require.NoError(c, err)
	require.NotEmpty(c, state.Records)
	content := state.Records[0].Content
	for _, record := range state.Records {
		require.Equal(c, content, record.Content, record.Name)
	}
	return strings.TrimSuffix(content, ".cfargotunnel.com")
}
