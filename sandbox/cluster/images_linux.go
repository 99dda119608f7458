package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"k8s-tunnel/sandbox/process"
)

// images are those of the configuration.
func (c Config) images() (Images, error) {
	if c.Images == nil {
		return Images{}, nil
	}
	return c.Images()
}

// importImages brings files of images into containerd, except those that it has already. It works from
// outside: the node's root, and in it containerd's socket, can be reached through its process 1.
func importImages(ctx context.Context, c Config, id process.Identity, files []string) error {
	have := map[string]string{}
	if err := readJSON(c.path(imagesFile), &have); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	maps.DeleteFunc(have, func(file, _ string) bool {
		_, err := os.Stat(file)
		return errors.Is(err, os.ErrNotExist)
	})
	for _, file := range files {
		stamp, err := fileStamp(file)
		if err != nil {
			return fmt.Errorf("importing images: %w", err)
		}
		if have[file] == stamp {
			continue
		}
		c.progress("importing image %s", strings.TrimSuffix(filepath.Base(file), ".tar"))
		if err := importImage(ctx, c, id, file); err != nil {
			return err
		}
		// Noted one by one, so that an interrupted import continues from there.
		have[file] = stamp
		if err := writeJSON(c.path(imagesFile), have, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func importImage(ctx context.Context, c Config, id process.Identity, file string) error {
	socket := filepath.Join("/proc", strconv.Itoa(id.PID), "root", containerdSocket)
	cmd := exec.CommandContext(ctx, c.bin("ctr"), "--address", socket, "--namespace", "k8s.io", "images", "import", file)
	cmd.Env = []string{"HOME=" + c.Dir}
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("importing %s: %w\n%s", file, err, strings.TrimSpace(string(out)))
	}
	return nil
}
