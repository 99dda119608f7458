package toolchain

import (
	"context"
	"errors"
	"os/exec"
)

// job is a piece of work for the scheduler.
type job struct {
	memory float64 // GiB
	light  bool    // mostly waits rather than computes, so it takes no place
	after  []*job
	run    func(ctx context.Context) error

	started, done bool
}

// limits are the resources that jobs share.
type limits struct {
	places int
	memory float64 // GiB
}

// runJobs runs jobs in order, as many at a time as limits allow. One job always runs, however much
// memory it takes, because trying is better than giving up. The first error stops everything.
func runJobs(ctx context.Context, jobs []*job, limits limits) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		job *job
		err error
	}
	results := make(chan result)
	var failed error
	places, memory, running := 0, 0.0, 0
	for {
		for _, next := range jobs {
			if failed != nil || next.started || !next.ready() {
				continue
			}
			if !next.light {
				if places > 0 && (places >= limits.places || memory+next.memory > limits.memory) {
					continue
				}
				places++
				memory += next.memory
			}
			next.started = true
			running++
			go func() { results <- result{next, next.run(ctx)} }()
		}
		if running == 0 {
			return failed
		}
		finished := <-results
		running--
		finished.job.done = true
		if !finished.job.light {
			places--
			memory -= finished.job.memory
		}
		// Errors of jobs that were stopped because of it add nothing.
		if finished.err != nil && (failed == nil || errors.Is(failed, context.Canceled)) {
			failed = finished.err
			cancel()
		}
	}
}

func (j *job) ready() bool {
	for _, earlier := range j.after {
		if !earlier.done {
			return false
		}
	}
	return true
}

// pace is how a build shares the machine with others.
type pace struct {
	processes int  // compilers side by side; one for each processor if it is 0
	yields    bool // to a build that takes longer
}

// longest returns the name of the target that takes longest to build. If others didn't yield to it, it would
// be the last one, and leave processors idle while it links.
func longest(all []target) string {
	name, cost := "", 0.0
	for _, t := range all {
		if t.cost > cost {
			name, cost = t.name, t.cost
		}
	}
	return name
}

// giveWay lets a command, and all that it starts, have what others leave of the processors. Where there is
// no nice, it shares them.
func giveWay(cmd *exec.Cmd) {
	if nice, err := exec.LookPath("nice"); err == nil {
		cmd.Args = append([]string{nice, "-n", "10", cmd.Path}, cmd.Args[1:]...)
		cmd.Path = nice
	}
}
