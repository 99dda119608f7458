package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"k8s-tunnel/sandbox/process"
)

// startLimit is how long a node may take to start. On two busy cores it takes ten seconds.
const startLimit = 3 * time.Minute

// Start brings the node up and returns when it is ready: the kubelet has reported, and the
// cluster's DNS answers. A node that is up already stays as it is. One that is damaged, or was
// started with other programs or settings, is restarted and keeps all its objects.
func Start(ctx context.Context, c Config) error {
	c, unlock, err := enter(ctx, c)
	if err != nil {
		return err
	}
	defer unlock()

	want, err := newSpec(c)
	if err != nil {
		return err
	}
	if id, running := findInit(c); running {
		err := keep(ctx, c, id, want)
		if err == nil || ctx.Err() != nil {
			return err
		}
		c.progress("restarting %s: %v", c.Name(), err)
	}
	if err := stop(ctx, c); err != nil {
		return err
	}
	if err := errors.Join(check(ctx, c)...); err != nil {
		return err
	}
	if err := boot(ctx, c, want); err != nil {
		// Not with ctx, which may have ended the start.
		return errors.Join(err, stop(context.WithoutCancel(ctx), c))
	}
	return nil
}

// keep leaves a running node alone if it works and is the one wanted, apart from importing new
// images. It finishes the work of a command that was killed halfway. An error says why the node has
// to be restarted.
func keep(ctx context.Context, c Config, id process.Identity, want spec) error {
	var have spec
	if err := readJSON(c.path(specFile), &have); err != nil {
		return err
	}
	if !reflect.DeepEqual(have, want) {
		return errors.New("its programs or settings have changed")
	}
	// A program that has just been killed may be restarting, so one failure is no reason to restart
	// the node.
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	launched, err := os.Stat(c.path(identityFile))
	if err != nil {
		return fmt.Errorf("its record is lost: %w", err)
	}
	if _, err := os.Stat(c.path(completeFile)); err != nil {
		return complete(ctx, c, id, launched.ModTime())
	}
	if err := awaitHealth(ctx, c, id, time.Time{}); err != nil {
		return err
	}
	images, err := c.images()
	if err != nil {
		return err
	}
	if err := importImages(ctx, c, id, slices.Concat(images.Node, images.Others)); err != nil {
		return err
	}
	return applyTo(ctx, c, c.Manifests)
}

// Add brings files of images into a node that is up, and then creates or updates objects. It doesn't
// wait for them to come up.
func Add(ctx context.Context, c Config, files []string, manifests []byte) error {
	c, unlock, err := enter(ctx, c)
	if err != nil {
		return err
	}
	defer unlock()
	id, running := findInit(c)
	if !running {
		return fmt.Errorf("%s doesn't run", c.Name())
	}
	if err := importImages(ctx, c, id, files); err != nil {
		return err
	}
	return applyTo(ctx, c, manifests)
}

// applyTo applies manifests if there are any.
func applyTo(ctx context.Context, c Config, manifests []byte) error {
	if len(manifests) == 0 {
		return nil
	}
	return Apply(ctx, c, manifests)
}

// boot starts a node if there is none.
func boot(ctx context.Context, c Config, s spec) error {
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("%s did not come up within %s", c.Name(), startLimit))
	defer cancel()
	c.progress("starting %s", c.Name())
	if err := writeConfig(c); err != nil {
		return err
	}
	if err := writeJSON(c.path(specFile), s, 0o644); err != nil {
		return err
	}
	id, err := launch(c)
	if err != nil {
		return err
	}
	if err := complete(ctx, c, id, began); err != nil {
		return err
	}
	c.progress("%s is ready after %s", c.Name(), time.Since(began).Round(100*time.Millisecond))
	return nil
}

// complete does what is left to do from outside once process 1 runs, and records that it is done.
func complete(ctx context.Context, c Config, id process.Identity, began time.Time) error {
	manifests, err := dnsManifests(c)
	if err != nil {
		return err
	}
	if err := await(ctx, c, id, "containerd", func(ctx context.Context) error {
		return accepts(ctx, filepath.Join("/proc", fmt.Sprint(id.PID), "root", containerdSocket))
	}); err != nil {
		return err
	}
	// Before a pod that needs it is created: a missing image is tried again only seconds later.
	images, err := c.images()
	if err != nil {
		return err
	}
	if err := importImages(ctx, c, id, images.Node); err != nil {
		return err
	}
	if err := await(ctx, c, id, "the API server", func(ctx context.Context) error { return apiReady(ctx, c) }); err != nil {
		return err
	}
	if err := Apply(ctx, c, slices.Concat(manifests, []byte("\n---\n"), c.Manifests)); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return importImages(ctx, c, id, images.Others) })
	group.Go(func() error { return awaitHealth(ctx, c, id, began) })
	if err := group.Wait(); err != nil {
		return err
	}
	return writeFile(c.path(completeFile), nil, 0o644)
}

// enter checks the configuration and locks its node, for one that works on it.
func enter(ctx context.Context, c Config) (Config, func(), error) {
	c, err := resolve(c)
	if err != nil {
		return c, nil, err
	}
	unlock, err := lock(ctx, c)
	return c, unlock, err
}

// resolve checks the values and follows links, because the paths are used under two different
// roots. Only the node's directory itself may not be one: what it led to would be emptied.
func resolve(c Config) (Config, error) {
	if err := c.Validate(); err != nil {
		return c, err
	}
	if IsLink(c.Dir) {
		return c, fmt.Errorf("%s, the node's directory, is a symbolic link, and what it leads to may be somebody else's: remove it", c.Dir)
	}
	c.Dir = followLinks(c.Dir)
	if c.BinDir != "" {
		c.BinDir = followLinks(c.BinDir)
	}
	return c, nil
}

// followLinks resolves the part of a path that exists.
func followLinks(path string) string {
	path = filepath.Clean(path)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(followLinks(parent), filepath.Base(path))
	}
	return path
}
