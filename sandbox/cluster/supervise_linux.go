package cluster

import (
	"context"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// A program that ends is restarted after a pause that doubles each time, and is short again once
// the program has run for a while.
const (
	firstPause  = 200 * time.Millisecond
	longestWait = 10 * time.Second
	runsWell    = 30 * time.Second
	readyPoll   = 50 * time.Millisecond
)

// component is one program of the node.
type component struct {
	name  string
	path  string
	args  []string
	after []string                        // the components that must be ready before
	ready func(ctx context.Context) error // nil: ready as soon as it runs
	grace time.Duration                   // between SIGTERM and SIGKILL
}

// supervisor runs components inside the node and ends them in the reverse order.
type supervisor struct {
	config   Config
	reaper   *reaper
	stopping chan struct{}

	mu      sync.Mutex
	running []*supervised // in order of start
}

// supervised is one component with its present state.
type supervised struct {
	component
	log      *os.File
	becameUp chan struct{}  // closed when it is ready for the first time
	ended    chan struct{}  // closed when its process is gone and won't be restarted
	state    componentState // guarded by supervisor.mu
}

// componentState is what the node says about one of its programs.
type componentState struct {
	Name string `json:"name"`
	// Ready says that it has answered since it was last started.
	Ready bool `json:"ready"`
	// Restarts counts how often it ended and was started again.
	Restarts int `json:"restarts"`
	// PID is the process inside the node, 0 when it doesn't run.
	PID int `json:"pid"`
}

func newSupervisor(c Config) *supervisor {
	return &supervisor{config: c, reaper: newReaper(), stopping: make(chan struct{})}
}

// start starts all components, each as soon as those that it needs are ready.
func (s *supervisor) start(ctx context.Context, list []component) error {
	byName := map[string]*supervised{}
	for _, c := range list {
		log, err := openLog(s.config, c.name)
		if err != nil {
			return err
		}
		one := &supervised{component: c, log: log, becameUp: make(chan struct{}), ended: make(chan struct{}), state: componentState{Name: c.name}}
		for _, other := range c.after {
			if byName[other] == nil {
				return fmt.Errorf("%s needs %s, which isn't listed before it", c.name, other)
			}
		}
		byName[c.name] = one
		s.running = append(s.running, one)
	}
	s.publish(func() {})
	for _, one := range s.running {
		go s.keep(ctx, one, byName)
	}
	return nil
}

// keep keeps one component running until the node stops.
func (s *supervisor) keep(ctx context.Context, one *supervised, all map[string]*supervised) {
	defer close(one.ended)
	for _, other := range one.after {
		select {
		case <-all[other].becameUp:
		case <-s.stopping:
			return
		}
	}
	pause := firstPause
	for {
		began := time.Now()
		how := s.runOnce(ctx, one)
		select {
		case <-s.stopping:
			return
		default:
		}
		if time.Since(began) > runsWell {
			pause = firstPause
		}
		s.config.progress("%s ended (%s), starting it again in %s", one.name, how, pause)
		select {
		case <-s.stopping:
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, longestWait)
		s.publish(func() { one.state.Restarts++ })
	}
}

// runOnce runs the program until it ends, and says how it ended.
func (s *supervisor) runOnce(ctx context.Context, one *supervised) string {
	pid, exit, err := s.reaper.start(one.path, append([]string{one.name}, one.args...), &syscall.ProcAttr{
		Dir:   "/",
		Env:   nodeEnv(s.config),
		Files: []uintptr{0, one.log.Fd(), one.log.Fd()},
	})
	if err != nil {
		return err.Error()
	}
	s.config.progress("%s started", one.name)
	s.publish(func() { one.state.PID = pid })
	defer s.publish(func() { one.state.Ready, one.state.PID = false, 0 })

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go s.awaitReady(ctx, one)
	status := <-exit
	if status.Signaled() {
		return status.Signal().String()
	}
	return fmt.Sprintf("exit code %d", status.ExitStatus())
}

// awaitReady notes when a program that has just started answers.
func (s *supervisor) awaitReady(ctx context.Context, one *supervised) {
	began := time.Now()
	for one.ready != nil {
		attempt, cancel := context.WithTimeout(ctx, time.Second)
		err := one.ready(attempt)
		cancel()
		if err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(readyPoll):
		}
	}
	if ctx.Err() != nil {
		return
	}
	s.config.progress("%s ready after %s", one.name, time.Since(began).Round(10*time.Millisecond))
	s.publish(func() {
		one.state.Ready = true
		select {
		case <-one.becameUp:
		default:
			close(one.becameUp)
		}
	})
}

// stop ends the components in the reverse order of their start, with the pods before the container
// runtime.
func (s *supervisor) stop() {
	close(s.stopping)
	for i := len(s.running) - 1; i >= 0; i-- {
		one := s.running[i]
		if one.name == "containerd" {
			s.stopPods()
		}
		s.end(one)
	}
}

func (s *supervisor) end(one *supervised) {
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGTERM, one.grace}, {syscall.SIGKILL, time.Second}} {
		s.mu.Lock()
		pid := one.state.PID
		s.mu.Unlock()
		if pid > 0 {
			s.reaper.signal(pid, step.signal)
		}
		select {
		case <-one.ended:
			return
		case <-time.After(step.wait):
		}
	}
}

// stopPods lets the containers end in order, as a machine that shuts down does.
func (s *supervisor) stopPods() {
	groups, err := findCgroups(cgroupRoot)
	if err != nil {
		return
	}
	pods := s.config.Name() + "/" + cgroupPods
	for _, pid := range groups.processes(pods) {
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
	for deadline := time.Now().Add(podGrace); time.Now().Before(deadline) && len(groups.processes(pods)) > 0; {
		time.Sleep(20 * time.Millisecond)
	}
}

// publish changes the state of components and writes all of them to the status file.
func (s *supervisor) publish(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	var list []componentState
	for _, one := range s.running {
		list = append(list, one.state)
	}
	if err := writeJSON(s.config.path(statusFile), list, 0o644); err != nil {
		s.config.progress("%v", err)
	}
}
