package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// reaper starts processes and collects all that end, including those whose parents ended first and
// left them to process 1 (containerd's shims, and what containers leave behind).
type reaper struct {
	mu    sync.Mutex
	known map[int]chan syscall.WaitStatus
}

func newReaper() *reaper {
	r := &reaper{known: map[int]chan syscall.WaitStatus{}}
	go r.loop()
	return r
}

// start is os.StartProcess for a parent that waits for all its children in one place.
func (r *reaper) start(path string, argv []string, attr *syscall.ProcAttr) (int, <-chan syscall.WaitStatus, error) {
	r.mu.Lock() // held until the process is known, so that it isn't collected before
	defer r.mu.Unlock()
	pid, err := syscall.ForkExec(path, argv, attr)
	if err != nil {
		return 0, nil, fmt.Errorf("starting %s: %w", path, err)
	}
	exit := make(chan syscall.WaitStatus, 1)
	r.known[pid] = exit
	return pid, exit, nil
}

// signal signals a started process only until it is collected, because its number can't belong to
// another one before that.
func (r *reaper) signal(pid int, signal syscall.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known[pid] != nil {
		_ = syscall.Kill(pid, signal) // the only possible error is that it is gone
	}
}

func (r *reaper) loop() {
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	// The tick is for a signal that came before Notify.
	for tick := time.NewTicker(time.Second); ; {
		for r.collect() {
		}
		select {
		case <-children:
		case <-tick.C:
		}
	}
}

// collect collects one process that has ended, if there is any.
func (r *reaper) collect() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
	if errors.Is(err, syscall.EINTR) {
		return true
	}
	if err != nil || pid <= 0 {
		return false
	}
	if exit := r.known[pid]; exit != nil {
		delete(r.known, pid)
		exit <- status
	}
	return true
}
