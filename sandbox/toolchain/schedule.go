package toolchain

import (
	"context"
	"errors"
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
