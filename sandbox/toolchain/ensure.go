package toolchain

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"k8s-tunnel/sandbox/toolchain/edited"
)

// Options say which tools to provide, and for which clone.
type Options struct {
	// Root is the clone's root, with the directory sandbox and the ignored directory for results.
	Root string
	// Out receives the progress. A run that finds everything in place writes nothing.
	Out io.Writer
	// Groups are those to provide.
	Groups []string
	// PulumiHome is the world's Pulumi directory. A plugin that the user put there is used as it
	// is.
	PulumiHome string
}

// ensurer is one run of Ensure.
type ensurer struct {
	Options
	offline  bool // plugins are not to be downloaded
	settings goSettings
	progress *progress
	pulumi   *installed // the user's, if it is used
	longest  string     // the target that takes longest to build, to which others yield

	mu    sync.Mutex
	tools map[string]Tool // by target
	try   []target        // plugins to be downloaded before they are built
}

// Ensure provides the tools of the requested groups and says where each comes from. It builds what
// is missing or out of date, which takes long the first time and only a moment afterwards. Several
// runs may be in progress at a time. While SANDBOX_OFFLINE is set in the environment, plugins are
// built rather than downloaded.
func Ensure(ctx context.Context, options Options) (Result, error) {
	run, err := prepare(ctx, options)
	if err != nil {
		return Result{}, err
	}
	return run.ensure(ctx, run.selected(targets()))
}

// System installs the system packages that the requested groups need, where that is possible
// without asking: on Debian as root. Elsewhere it does nothing, and the later step that needs a
// missing package says so. It is for callers that check the machine before anything is built.
func System(ctx context.Context, options Options) error {
	absent := missing(requirements(false))
	if len(absent) == 0 || !hasCommand("apt-get") || os.Geteuid() != 0 {
		return nil
	}
	run, err := prepare(ctx, options)
	if err != nil {
		return err
	}
	run.progress.begin(nil, "", run.settings)
	defer run.progress.end()
	return run.system(ctx, false)
}

func (e *ensurer) ensure(ctx context.Context, wanted []target) (Result, error) {
	absent, err := e.findAll(ctx, wanted)
	if err != nil {
		return Result{}, err
	}
	if jobs := e.jobs(absent); len(jobs) > 0 {
		costs := map[string]float64{}
		for _, t := range absent {
			costs[t.name] = t.cost
		}
		e.longest = longest(absent)
		e.progress.begin(costs, stateDir(e.Root), e.settings)
		err := runJobs(ctx, jobs, e.limits())
		e.progress.end()
		if err != nil {
			return Result{}, err
		}
	}
	if err := e.copies(ctx, wanted); err != nil {
		return Result{}, err
	}
	result := Result{Root: e.Root}
	for _, t := range wanted {
		if tool, ok := e.tools[t.name]; ok && t.label != "" {
			result.Tools = append(result.Tools, tool)
		}
	}
	return result, nil
}

// copies makes the edited copies of modules that aren't there, or out of date, because the tool that is
// built against them was downloaded, or is the user's own. Linters read the modules all the same.
func (e *ensurer) copies(ctx context.Context, wanted []target) error {
	if !slices.Contains(e.Groups, GroupLint) {
		return nil
	}
	for _, t := range wanted {
		if !t.edited || edited.Made(EditedDir(e.Root), t.module) {
			continue
		}
		if err := edited.Make(ctx, EditedDir(e.Root), t.module, buildEnvironment(os.Environ(), false)); err != nil {
			return err
		}
	}
	return nil
}

func prepare(ctx context.Context, options Options) (*ensurer, error) {
	root, err := filepath.Abs(options.Root)
	if err != nil {
		return nil, fmt.Errorf("finding the clone's root: %w", err)
	}
	options.Root = root
	for _, group := range options.Groups {
		if !slices.Contains([]string{GroupPulumi, GroupProgram, GroupCloudflared, GroupNode, GroupLint}, group) {
			return nil, fmt.Errorf("there is no group of tools %q", group)
		}
	}
	settings, err := askGo(ctx)
	if err != nil {
		return nil, err
	}
	return &ensurer{
		Options: options, offline: os.Getenv("SANDBOX_OFFLINE") != "", settings: settings,
		progress: newProgress(options.Out, runtime.GOMAXPROCS(0)), tools: map[string]Tool{},
	}, nil
}

// selected returns the targets that are in the requested groups.
func (e *ensurer) selected(all []target) []target {
	return slices.DeleteFunc(all, func(t target) bool { return !slices.Contains(e.Groups, t.group) })
}

// findAll notes the targets that exist already and returns those that don't.
func (e *ensurer) findAll(ctx context.Context, wanted []target) ([]target, error) {
	why := ""
	if slices.Contains(e.Groups, GroupPulumi) {
		e.pulumi, why = findPulumi(ctx, e.Root, os.Getenv("PATH"))
	}
	var absent []target
	for _, t := range wanted {
		if slices.Contains(pulumiNames, t.name) && e.pulumi != nil {
			if err := e.pulumi.use(e.Root); err != nil {
				return nil, err
			}
			e.tools[t.name] = e.pulumi.tool(t)
			continue
		}
		key, err := t.key(e.Root, e.settings)
		if err != nil {
			return nil, err
		}
		built, try := t.current(e.Root, key), false
		if t.plugin != "" {
			choice := e.findPlugin(t, built)
			if choice.origin != OriginBuilt {
				continue
			}
			try = choice.try
		}
		if t.name == "pulumi" {
			e.tools[t.name] = Tool{Name: t.label, Origin: OriginBuilt, Why: why}
		}
		if try {
			e.try = append(e.try, t)
		}
		if built && !try {
			e.note(t)
		} else {
			absent = append(absent, t)
		}
	}
	return absent, nil
}

// pulumiNames are the targets that the user's own Pulumi replaces.
var pulumiNames = []string{"pulumi", "language-host", "language-go"}

// note records that t is provided by a build. The reason may have been recorded before.
func (e *ensurer) note(t target) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tools[t.name] = Tool{
		Name: t.label, Version: t.version, Origin: OriginBuilt, Why: e.tools[t.name].Why, plugin: t.plugin,
		Path: filepath.Join(t.destination(e.Root), t.binaries()[0]),
	}
}

// jobs returns the work for the absent targets.
func (e *ensurer) jobs(absent []target) []*job {
	var jobs []*job
	if len(absent) > 0 {
		jobs = append(jobs, &job{light: true, run: func(ctx context.Context) error { return e.fetch(ctx, absent) }})
	}
	byName := map[string]*job{}
	var downloads *job
	for _, t := range absent {
		work := &job{memory: t.memory, run: func(ctx context.Context) error { return e.provide(ctx, t) }}
		if t.plugin != "" {
			if downloads == nil {
				downloads = &job{light: true, after: present(byName["pulumi"]), run: e.downloadAll}
				jobs = append(jobs, downloads)
			}
			work.after = append(work.after, downloads)
		}
		if t.name == "runc" {
			system := &job{light: true, run: func(ctx context.Context) error { return e.system(ctx, true) }}
			jobs = append(jobs, system)
			work.after = append(work.after, system)
		}
		byName[t.name] = work
		jobs = append(jobs, work)
	}
	if byName["runc"] == nil && slices.Contains(e.Groups, GroupNode) && len(missing(requirements(false))) > 0 {
		jobs = append(jobs, &job{light: true, run: func(ctx context.Context) error { return e.system(ctx, false) }})
	}
	return jobs
}

// fetch downloads the modules of targets that are built later, while the first ones are compiled:
// a build that has to wait for downloads leaves processors idle.
func (e *ensurer) fetch(ctx context.Context, absent []target) error {
	for _, t := range absent[min(e.limits().places, len(absent)):] {
		if e.provided(t) || t.edited { // whose modules aren't there yet
			continue
		}
		// Listing packages downloads what they are made of. If that fails, the build says why.
		_ = t.goCmd(ctx, e.Root, t.listArgs()...).Run()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func present(jobs ...*job) []*job {
	return slices.DeleteFunc(jobs, func(j *job) bool { return j == nil })
}

func (e *ensurer) system(ctx context.Context, runc bool) error {
	absent := missing(requirements(runc))
	if len(absent) == 0 {
		return nil
	}
	defer e.progress.waiting("installing Debian packages")()
	return provideSystem(ctx, e.Root, absent, e.progress.say)
}

// provide builds t, unless it has been provided in the meantime.
func (e *ensurer) provide(ctx context.Context, t target) error {
	if e.provided(t) {
		e.progress.fewer(t.name)
		return nil
	}
	waiting := func(what string) func() {
		return func() { e.progress.say("waiting for another run that builds %s", what) }
	}
	unlock, err := Lock(ctx, e.Root, t.name, waiting(t.name))
	if err != nil {
		return err
	}
	defer unlock()
	key, err := t.key(e.Root, e.settings)
	if err != nil {
		return err
	}
	if t.current(e.Root, key) {
		e.progress.fewer(t.name)
		e.note(t)
		return nil
	}
	available := availableMemory()
	pace := pace{yields: t.name != e.longest}
	pace.processes = compilers(runtime.GOMAXPROCS(0), e.limits().places, available, t.memory)
	if available > 0 && available < t.memory+2 {
		// Too little to build while another run does, or to build two large packages at once.
		unlock, err := Lock(ctx, e.Root, "memory", waiting("something large"))
		if err != nil {
			return err
		}
		defer unlock()
		pace.processes = 1
	}
	var process atomic.Pointer[os.Process]
	e.progress.started(t.name, func() float64 { return usedBy(process.Load()) })
	cost, err := t.build(ctx, e.Root, key, pace, process.Store)
	e.progress.finished(t.name, cost.CPU, err)
	if err != nil {
		return err
	}
	e.note(t)
	return nil
}

func (e *ensurer) provided(t target) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	tool, ok := e.tools[t.name]
	return ok && tool.Origin != OriginBuilt
}

// limits returns those of this machine. A single build keeps several processors busy most of the
// time, so only a few run together, to fill the pauses in which each waits for its last large
// package.
func (e *ensurer) limits() limits {
	memory := availableMemory()
	if memory == 0 {
		memory = 4
	}
	return limits{places: min(runtime.GOMAXPROCS(0), 4), memory: memory - 1}
}
