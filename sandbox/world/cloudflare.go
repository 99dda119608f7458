package world

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"k8s-tunnel/sandbox/cloudflare"
	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/process"
)

// CloudflareCommand is the hidden command under which the CLI runs the
// Cloudflare process.
const CloudflareCommand = "cloudflare-daemon"

func originCert() []byte {
	return cloudflare.OriginCert(state.HomeZoneID, state.SeedAccountID, state.SeedToken)
}

// ServeCloudflare is the Cloudflare process. It returns when ctx ends.
func (w *World) ServeCloudflare(ctx context.Context) error {
	return cloudflare.Serve(ctx, cloudflare.Config{
		Dir:        w.path("cloudflare"),
		CA:         w.path("cloudflare", "ca"),
		API:        w.APIAddr(),
		FrontHTTP:  w.FrontAddr(),
		FrontHTTPS: w.FrontHTTPSAddr(),
		Control:    w.ControlAddr(),
		EdgeAddrs:  w.edgeAddrs(),
		Logger:     slog.New(slog.NewTextHandler(os.Stderr, nil)), // the process's log file
	})
}

func (w *World) pidFile() string { return w.path("cloudflare.pid") }
func (w *World) logFile() string { return w.path("logs", "cloudflare.log") }

func (w *World) cloudflareAlive() bool {
	id, ok := process.Load(w.pidFile())
	return ok && id.Alive()
}

// startCloudflare starts the Cloudflare process unless it is running, and waits until
// all its listeners are up.
func (w *World) startCloudflare(ctx context.Context, out io.Writer) error {
	begin := time.Now()
	if !w.cloudflareAlive() {
		self, err := w.keepSelf()
		if err != nil {
			return err
		}
		argv := []string{self, CloudflareCommand, "--root", w.Root, "--world", w.Name}
		if w.NoCluster {
			argv = append(argv, "--no-cluster")
		}
		if _, err := process.Spawn(w.pidFile(), w.logFile(), argv...); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := w.Control().Ready(ctx)
		if err == nil {
			break
		}
		if !w.cloudflareAlive() || time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("the Cloudflare process doesn't come up (its log: %s): %w", w.logFile(), err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	fmt.Fprintf(out, "Cloudflare ready: API, edge and front (%s)\n", since(begin))
	return nil
}

// keepSelf copies this program into the world, because `go run` may remove its binary
// while processes started from it are still running.
func (w *World) keepSelf() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	kept := w.path("sandbox")
	if filepath.Clean(self) == kept {
		return kept, nil
	}
	raw, err := os.ReadFile(self)
	if err != nil {
		return "", err
	}
	// A rename, because a process may still be running the earlier copy.
	return kept, renameio.WriteFile(kept, raw, 0o755, renameio.WithTempDir(w.Dir()))
}
