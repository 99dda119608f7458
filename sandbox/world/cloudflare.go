package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
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

// controlFD is the control port, which the Cloudflare process inherits.
const controlFD = 3

// ServeCloudflare is the Cloudflare process. It returns when ctx ends.
func (w *World) ServeCloudflare(ctx context.Context) error {
	inherited := os.NewFile(controlFD, "control port")
	listener, err := net.FileListener(inherited)
	if err != nil {
		return fmt.Errorf("this command is started by the program itself, with the control port: %w", err)
	}
	if err := inherited.Close(); err != nil { // listener is a handle of its own
		return err
	}
	// The command that started it does so too, unless it was killed right then.
	if _, err := process.Note(os.Getpid(), w.pidFile()); err != nil {
		return err
	}
	return cloudflare.Serve(ctx, cloudflare.Config{
		World:           w.identity(),
		ControlListener: listener,

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

// stopGrace is longer than the Cloudflare process takes to disconnect its clients.
const stopGrace = 10 * time.Second

func (w *World) cloudflareAlive() bool {
	id, ok := process.Load(w.pidFile())
	return ok && id.Alive()
}

// stopCloudflare ends the Cloudflare process: the recorded one, and any other that was started as this
// world's, as when the record was lost with its directory.
func (w *World) stopCloudflare(ctx context.Context) error {
	found, err := process.Find(func(_ int, argv []string) bool {
		return len(argv) > 5 && slices.Equal(argv[1:6], []string{CloudflareCommand, "--root", w.Root, "--world", w.Name})
	})
	problems := []error{err}
	if id, ok := process.Load(w.pidFile()); ok && !slices.Contains(found, id) {
		found = append(found, id)
	}
	for _, id := range found {
		problems = append(problems, id.Stop(ctx, stopGrace))
	}
	return errors.Join(problems...)
}

// startCloudflare starts the Cloudflare process with the claimed slot, unless it is running
// and has the slot, and waits until all its listeners are up.
func (w *World) startCloudflare(ctx context.Context, out io.Writer, claim *claim) error {
	begin := time.Now()
	if claim != nil {
		if err := w.spawnCloudflare(ctx, claim); err != nil {
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

// spawnCloudflare starts the Cloudflare process.
func (w *World) spawnCloudflare(ctx context.Context, claim *claim) error {
	// One that has lost the slot is about to end.
	if err := w.stopCloudflare(ctx); err != nil {
		return err
	}
	self, err := w.keepSelf()
	if err != nil {
		return err
	}
	argv := []string{self, CloudflareCommand, "--root", w.Root, "--world", w.Name}
	if w.NoCluster {
		argv = append(argv, "--no-cluster")
	}
	port, err := claim.handOn()
	if err != nil {
		return err
	}
	defer port.Close()
	_, err = process.Spawn(w.pidFile(), w.logFile(), []*os.File{port}, argv...)
	return err
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
