package world

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"k8s-tunnel/sandbox/process"
)

// A Pulumi command may take commandGrace to save its state and to give up the stack's lock, and a plugin
// pluginGrace to end, before they are killed.
const (
	commandGrace = 5 * time.Second
	pluginGrace  = time.Second
)

// stopPulumi ends the world's Pulumi commands, and then its plugins and language hosts. A command takes its
// own along, but one that was killed leaves them behind, and they would stay for good. One whose parent was
// killed goes on, and would write its state where the world was. They are told from others by the Pulumi
// directory in their environment.
func (w *World) stopPulumi(ctx context.Context) error {
	return errors.Join(
		w.stopPrograms(ctx, commandGrace, isCommand),
		w.stopPrograms(ctx, pluginGrace, func(name string) bool {
			return strings.HasPrefix(name, "pulumi-resource-") || strings.HasPrefix(name, "pulumi-language-")
		}))
}

// isCommand tells Pulumi's commands from its plugins.
func isCommand(name string) bool { return name == "pulumi" }

// stopPrograms ends the programs of a name that have the world's Pulumi directory.
func (w *World) stopPrograms(ctx context.Context, grace time.Duration, named func(string) bool) error {
	found, err := w.programs(named)
	problems := []error{err}
	for _, id := range found {
		problems = append(problems, id.Stop(ctx, grace))
	}
	return errors.Join(problems...)
}

// programs finds the programs of a name that have the world's Pulumi directory, on Linux.
func (w *World) programs(named func(string) bool) ([]process.Identity, error) {
	home := []byte("\x00PULUMI_HOME=" + w.PulumiHome() + "\x00")
	return process.Find(func(pid int, argv []string) bool {
		if !named(filepath.Base(argv[0])) {
			return false
		}
		environ, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
		return err == nil && bytes.Contains(append([]byte{0}, environ...), home)
	})
}
