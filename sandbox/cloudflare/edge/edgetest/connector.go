package edgetest

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// variable names the cloudflared binary to test with.
const variable = "SANDBOX_CLOUDFLARED"

// Options say how to run a connector. Service is where its one ingress rule leads.
type Options struct {
	Tunnel   state.Tunnel
	Protocol string
	Service  string
	Origin   map[string]any // the rule's originRequest
	Grace    string         // default 30s
}

// Connector is a running cloudflared process.
type Connector struct {
	cmd  *exec.Cmd
	log  lockedBuffer
	done chan struct{}
}

// Binary returns the cloudflared to test with, and skips the test if there is none.
func Binary(t *testing.T) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Skipf("needs a stock cloudflared: set %s to the binary's path", variable)
	}
	return path
}

// Run starts a connector that is killed, if it still runs, when the test ends.
func (w *World) Run(t *testing.T, o Options) *Connector {
	t.Helper()
	binary := Binary(t)
	dir := t.TempDir()
	if o.Grace == "" {
		o.Grace = "30s"
	}
	credentials := writeFile(t, dir, "credentials.json", map[string]any{
		"AccountTag": o.Tunnel.AccountID, "TunnelID": o.Tunnel.ID, "TunnelSecret": o.Tunnel.Secret,
	})
	config := writeFile(t, dir, "config.yaml", map[string]any{
		"tunnel": o.Tunnel.ID, "credentials-file": credentials, "protocol": o.Protocol,
		"edge": w.Edge.Addrs(), "cacert": w.caFile, "metrics": "127.0.0.1:0", "no-autoupdate": true,
		"grace-period": o.Grace,
		"ingress":      []map[string]any{{"service": o.Service, "originRequest": o.Origin}},
	})
	args := append(isolated(t, dir), binary, "tunnel", "--config", config, "run")
	c := &Connector{cmd: exec.Command(args[0], args[1:]...), done: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = &c.log, &c.log
	// The caller's own settings must not reach it.
	c.cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	require.NoError(t, c.cmd.Start())
	go func() {
		_ = c.cmd.Wait()
		close(c.done)
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		<-c.done
		if t.Failed() {
			t.Logf("cloudflared:\n%s", c.Log())
		}
	})
	return c
}

// Terminate asks the connector to leave, as the kubelet does.
func (c *Connector) Terminate(t *testing.T) {
	t.Helper()
	require.NoError(t, c.cmd.Process.Signal(syscall.SIGTERM))
}

// Wait waits for the process to end and returns its exit code.
func (c *Connector) Wait(t *testing.T, limit time.Duration) int {
	t.Helper()
	select {
	case <-c.done:
		return c.cmd.ProcessState.ExitCode()
	case <-time.After(limit):
		require.NoError(t, errors.New("cloudflared still runs"), "after %s", limit)
		return -1
	}
}

// Running reports whether the process is still running.
func (c *Connector) Running() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// Log returns what the process has written so far.
func (c *Connector) Log() string { return c.log.String() }

// WaitLog waits until the process has written one of the texts.
func (c *Connector) WaitLog(t *testing.T, texts ...string) {
	t.Helper()
	require.Eventually(t, func() bool {
		log := c.Log()
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(log, text) })
	}, 30*time.Second, 20*time.Millisecond, "cloudflared never logged %q", texts)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
