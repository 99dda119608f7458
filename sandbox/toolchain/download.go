package toolchain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// downloadPatience is how long a download may stall. Without a network Pulumi itself keeps
	// trying for minutes.
	downloadPatience = 15 * time.Second
	// downloadLimit is for a whole download, over the slowest of lines.
	downloadLimit = 10 * time.Minute
	// failureCounts is how long a failed download is not tried again.
	failureCounts = 24 * time.Hour
)

// downloadHome is a Pulumi directory of the clone's own, into which plugins are downloaded for all
// worlds.
func downloadHome(root string) string { return filepath.Join(stateDir(root), "downloads") }

// pluginDir is Pulumi's name for a plugin's directory below plugins.
func pluginDir(name, version string) string { return "resource-" + name + "-v" + version }

// downloadPlugin has Pulumi fetch a plugin into the clone's own Pulumi directory.
func downloadPlugin(ctx context.Context, root, name, version string) error {
	home := downloadHome(root)
	temporary := filepath.Join(home, "tmp-"+name)
	if err := os.MkdirAll(temporary, 0o755); err != nil {
		return fmt.Errorf("making a directory to download to: %w", err)
	}
	defer func() { _ = os.RemoveAll(temporary) }()
	ctx, cancel := context.WithTimeoutCause(ctx, downloadLimit, fmt.Errorf("not done after %s", elapsed(downloadLimit)))
	defer cancel()
	ctx, stall := context.WithCancelCause(ctx)
	defer stall(nil)

	cmd := exec.CommandContext(ctx, filepath.Join(BinDir(root), "pulumi"),
		"plugin", "install", "resource", name, version, "--non-interactive")
	cmd.Env = append(os.Environ(), "PULUMI_HOME="+home, "TMPDIR="+temporary, "PULUMI_SKIP_UPDATE_CHECK=true")
	cmd.Dir = temporary // not the project's, whose settings must not affect a download
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 3 * time.Second
	go watchGrowth(ctx, home, func() { stall(fmt.Errorf("nothing came for %s", elapsed(downloadPatience))) })

	log := filepath.Join(logDir(root), "download-"+name+".log")
	err := runLogged(cmd, log, func() {})
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if said := lastComplaint(log); said != "" {
		return errors.New(said)
	}
	return err
}

// lastComplaint returns the reason that Pulumi repeats before each new try. Its final message says
// only that it has given up.
func lastComplaint(log string) string {
	const announcement = "Error downloading plugin: "
	content, err := os.ReadFile(log)
	if err != nil {
		return ""
	}
	reason := ""
	for line := range strings.Lines(string(content)) {
		if _, after, found := strings.Cut(line, announcement); found {
			reason = strings.TrimSpace(after)
		}
	}
	return reason
}

// watchGrowth calls stalled when the files below dir haven't grown for a while.
func watchGrowth(ctx context.Context, dir string, stalled func()) {
	size, since := treeSize(dir), time.Now()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if now := treeSize(dir); now != size {
			size, since = now, time.Now()
		} else if time.Since(since) > downloadPatience {
			stalled()
			return
		}
	}
}

func treeSize(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // files come and go in the meantime
		}
		if info, err := entry.Info(); err == nil && !entry.IsDir() {
			size += info.Size()
		}
		return nil
	})
	return size
}

// failure is a download that failed, remembered so that not every run waits for it.
type failure struct {
	When time.Time `json:"when"`
	Why  string    `json:"why"`
}

func failurePath(root, name, version string) string {
	return filepath.Join(downloadHome(root), "failed-"+pluginDir(name, version)+".json")
}

// rememberFailure records why a plugin couldn't be downloaded.
func rememberFailure(root, name, version string, when time.Time, why error) error {
	content, err := json.Marshal(failure{When: when, Why: why.Error()})
	if err != nil {
		return fmt.Errorf("remembering a failed download: %w", err)
	}
	if err := writeFile(failurePath(root, name, version), content); err != nil {
		return fmt.Errorf("remembering a failed download: %w", err)
	}
	return nil
}

// recentFailure returns why a plugin couldn't be downloaded, unless that was too long ago.
func recentFailure(root, name, version string, now time.Time) string {
	content, err := os.ReadFile(failurePath(root, name, version))
	if err != nil {
		return ""
	}
	var known failure
	if err := json.Unmarshal(content, &known); err != nil {
		return ""
	}
	if age := now.Sub(known.When); age < 0 || age > failureCounts {
		return ""
	}
	return known.Why
}
