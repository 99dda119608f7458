package toolchain

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// pluginFacts is what decides where a plugin comes from.
type pluginFacts struct {
	placed     bool   // is in the world's Pulumi directory and isn't ours
	users      bool   // is in the user's Pulumi directory
	downloaded bool   // was downloaded earlier
	built      bool   // an up-to-date build exists
	offline    bool   // downloads are not wanted
	failure    string // why a recent download failed
}

// pluginChoice is what to do about a plugin.
type pluginChoice struct {
	origin Origin
	try    bool // try a download first, and use origin if it fails
	why    string
}

// choosePlugin prefers what the user provides, then the official plugin, then a build. An existing
// build is kept, because trying to download at every run would make each run depend on the network.
func choosePlugin(facts pluginFacts) pluginChoice {
	switch {
	case facts.placed:
		return pluginChoice{origin: OriginPlaced}
	case facts.users:
		return pluginChoice{origin: OriginYours}
	case facts.downloaded:
		return pluginChoice{origin: OriginDownloaded}
	case facts.offline:
		return pluginChoice{origin: OriginBuilt, why: "nothing is downloaded while SANDBOX_OFFLINE is set"}
	case facts.built && facts.failure != "":
		return pluginChoice{origin: OriginBuilt, why: cannotDownload}
	case facts.built:
		return pluginChoice{origin: OriginBuilt}
	}
	return pluginChoice{origin: OriginBuilt, try: true}
}

const cannotDownload = "the official one can't be downloaded"

// userHome is the user's Pulumi directory, which is only read. If the shell has been set up for a
// local world, PULUMI_HOME is that world's and doesn't count.
func userHome(environment func(string) string) string {
	if home := environment("PULUMI_HOME"); home != "" && !belowSandbox(home) {
		return home
	}
	if home := environment("HOME"); home != "" {
		return filepath.Join(home, ".pulumi")
	}
	return ""
}

func belowSandbox(path string) bool {
	for path = filepath.Clean(path); path != filepath.Dir(path); path = filepath.Dir(path) {
		if filepath.Base(path) == ".sandbox" {
			return true
		}
	}
	return false
}

// pluginIn returns the plugin's directory in a Pulumi directory, and whether the plugin is really
// in it.
func pluginIn(home string, t target) (string, bool) {
	if home == "" {
		return "", false
	}
	dir := filepath.Join(home, "plugins", pluginDir(t.plugin, t.version))
	if _, err := os.Stat(dir + ".partial"); err == nil {
		return "", false // Pulumi's own mark of a download that broke off
	}
	info, err := os.Stat(filepath.Join(dir, "pulumi-resource-"+t.plugin))
	return dir, err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// findPlugin decides where a plugin comes from and records it, or why it is built.
func (e *ensurer) findPlugin(t target, built bool) pluginChoice {
	facts := pluginFacts{offline: e.offline, built: built}
	placed, found := pluginIn(e.PulumiHome, t)
	facts.placed = found && isForeign(placed, t.as)
	yours, found := pluginIn(userHome(os.Getenv), t)
	facts.users = found && isForeign(yours, t.as)
	downloaded, found := pluginIn(downloadHome(e.Root), t)
	facts.downloaded = found
	facts.failure = recentFailure(e.Root, t.plugin, t.version, time.Now())
	choice := choosePlugin(facts)
	tool := Tool{Name: t.label, Version: t.version, Origin: choice.origin, Why: choice.why, plugin: t.plugin}
	switch choice.origin {
	case OriginPlaced:
		tool.Path = placed
	case OriginYours:
		tool.Path = yours
	case OriginDownloaded:
		tool.Path = downloaded
	case OriginBuilt:
	}
	e.tools[t.name] = tool
	return choice
}

// downloadAll tries to download the official plugins, all at once because each waits for the
// network. A failure isn't an error, because the plugin is then built.
func (e *ensurer) downloadAll(ctx context.Context) error {
	if len(e.try) == 0 {
		return nil
	}
	names := make([]string, len(e.try))
	for i, t := range e.try {
		names[i] = t.plugin
	}
	e.progress.say("looking for Pulumi's own plugins to download: %s", strings.Join(names, ", "))
	unlock, err := Lock(ctx, e.Root, "downloads", func() { e.progress.say("waiting for another run that downloads plugins") })
	if err != nil {
		return err
	}
	defer unlock()
	defer e.progress.waiting("downloading plugins")()
	refusals, errs := make([]error, len(e.try)), make([]error, len(e.try))
	var all sync.WaitGroup
	for i, t := range e.try {
		all.Go(func() { refusals[i], errs[i] = e.download(ctx, t) })
	}
	all.Wait()
	for i, refusal := range refusals {
		if refusal != nil {
			e.progress.say("%s can't be downloaded and is built here: %v", e.try[i].label, refusal)
		}
	}
	return errors.Join(errs...)
}

// download tries to download one plugin and records the outcome. The first error says why that
// isn't possible.
func (e *ensurer) download(ctx context.Context, t target) (refusal, err error) {
	dir, found := pluginIn(downloadHome(e.Root), t)
	if !found {
		refusal = downloadPlugin(ctx, e.Root, t.plugin, t.version)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		dir, found = pluginIn(downloadHome(e.Root), t)
	}
	tool := Tool{Name: t.label, Version: t.version, Origin: OriginDownloaded, Path: dir, plugin: t.plugin}
	if !found {
		if refusal == nil {
			refusal = errors.New("pulumi has put it somewhere else")
		}
		if err := rememberFailure(e.Root, t.plugin, t.version, time.Now(), refusal); err != nil {
			return nil, err
		}
		tool.Origin, tool.Path, tool.Why = OriginBuilt, "", cannotDownload
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tools[t.name] = tool
	return refusal, nil
}
