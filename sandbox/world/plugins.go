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

// pluginGrace is how long a plugin may take to end before it is killed.
const pluginGrace = time.Second

// stopPlugins ends the world's Pulumi plugins and language hosts. A command takes its own along, but one
// that was killed leaves them behind, and they would stay for good. They are told from others by the
// Pulumi directory in their environment.
func (w *World) stopPlugins(ctx context.Context) error {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline") // there are none but on Linux
	if err != nil {
		return err
	}
	home := []byte("PULUMI_HOME=" + w.PulumiHome() + "\x00")
	var problems []error
	for _, file := range files {
		dir := filepath.Dir(file)
		argv, err := os.ReadFile(file)
		program, _, _ := bytes.Cut(argv, []byte{0})
		if name := filepath.Base(string(program)); err != nil || !strings.HasPrefix(name, "pulumi-resource-") && !strings.HasPrefix(name, "pulumi-language-") {
			continue
		}
		if environ, err := os.ReadFile(filepath.Join(dir, "environ")); err != nil || !bytes.Contains(append([]byte{0}, environ...), append([]byte{0}, home...)) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		id, err := process.Identify(pid)
		if errors.Is(err, process.ErrGone) {
			continue
		}
		problems = append(problems, err)
		if err == nil {
			problems = append(problems, id.Stop(ctx, pluginGrace))
		}
	}
	return errors.Join(problems...)
}
