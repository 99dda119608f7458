package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"k8s-tunnel/sandbox/process"
)

// gateFD is the pipe on which process 1 waits until it is recorded, connected and in its control
// group. If the starting command dies before that, the pipe breaks and process 1 ends: it isn't on
// record, but it is gone.
const gateFD = 3

// nodeNamespaces are those that the node doesn't share with the machine.
const nodeNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC

// InitMain is process 1 of the node. If the surrounding program's first argument is InitCommand, it
// must call InitMain before anything else, with the remaining arguments, and exit with the code
// that it returns.
func InitMain(args []string) int {
	if len(args) == 2 && args[0] == probeArgument {
		return probeMain(args[1])
	}
	if len(args) != 1 {
		fmt.Fprintln(os.Stderr, "this command is started by the program itself")
		return 2
	}
	if err := runInit(args[0]); err != nil {
		fmt.Fprintln(os.Stderr, timestamp(), err)
		return 1
	}
	return 0
}

func runInit(specPath string) error {
	var s spec
	if err := readJSON(specPath, &s); err != nil {
		return err
	}
	if os.Getpid() != 1 {
		return errors.New("this command is started by the program itself, as the first of a pid namespace")
	}
	// Not the user's: directories that containerd makes are the roots of containers, and those that
	// don't run as root have to get in. Files with secrets have modes of their own.
	unix.Umask(0o022)
	if err := passGate(); err != nil {
		return err
	}
	c := s.config()
	c.Progress = func(line string) { fmt.Println(timestamp(), line) }

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	if err := unix.Sethostname([]byte(c.Name())); err != nil {
		return fmt.Errorf("naming the node: %w", err)
	}
	if err := enterRoot(c); err != nil {
		return err
	}
	if err := hideTunables(); err != nil {
		return err
	}
	if err := connectInside(c); err != nil {
		return err
	}
	raiseFileLimit()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	sup := newSupervisor(c)
	if err := sup.start(ctx, components(c)); err != nil {
		return err
	}
	<-stop
	c.progress("stopping")
	sup.stop()
	c.progress("stopped")
	return nil
}

// passGate returns when the starting command has done its part.
func passGate() error {
	gate := os.NewFile(gateFD, "gate")
	defer gate.Close()
	var word [1]byte
	if _, err := io.ReadFull(gate, word[:]); err != nil {
		return errors.New("the starting command ended before the node could start")
	}
	return nil
}

// raiseFileLimit lets containerd and the API server open as many files as the machine allows.
func raiseFileLimit() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) // helpful but not required
	}
}

func timestamp() string { return time.Now().Format("2006-01-02T15:04:05.000") }

// launch starts process 1 and prepares it until it can go on by itself.
func launch(c Config) (process.Identity, error) {
	log, err := openLog(c, "init")
	if err != nil {
		return process.Identity{}, err
	}
	defer log.Close()
	gate, open, err := os.Pipe()
	if err != nil {
		return process.Identity{}, fmt.Errorf("starting the node: %w", err)
	}
	defer open.Close()

	cmd := exec.Command("/proc/self/exe", InitCommand, c.path(specFile))
	cmd.Args[0] = filepath.Base(os.Args[0])
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{gate} // becomes gateFD
	cmd.Dir = "/"
	cmd.Env = nodeEnv(c)
	// In a session of its own, so that the terminal's Ctrl-C and hang-up don't reach the node.
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: nodeNamespaces, Setsid: true}
	err = cmd.Start()
	gate.Close()
	if err != nil {
		return process.Identity{}, fmt.Errorf("starting the node: %w", err)
	}
	// A program that outlives the node must not keep its zombie.
	go func() { _ = cmd.Wait() }()

	id, err := process.Identify(cmd.Process.Pid)
	if err != nil {
		return process.Identity{}, fmt.Errorf("starting the node: %w (see %s)", err, log.Name())
	}
	if err := prepareLaunched(c, id); err != nil {
		return id, err
	}
	if _, err := open.Write([]byte{1}); err != nil {
		return id, fmt.Errorf("starting the node: %w", err)
	}
	return id, nil
}

// prepareLaunched does what must be done from outside before process 1 goes on, which waits until
// then.
func prepareLaunched(c Config, id process.Identity) error {
	if err := writeJSON(c.path(identityFile), id, 0o600); err != nil {
		return err
	}
	groups, err := findCgroups(cgroupRoot)
	if err != nil {
		return err
	}
	if err := groups.create(c.Name()); err != nil {
		return err
	}
	if err := groups.attach(c.Name(), id.PID); err != nil {
		return err
	}
	return connect(c, id.PID)
}

// nodeEnv is the whole environment of the node's programs. Nothing of the user's gets in, neither
// proxy settings nor credentials.
func nodeEnv(c Config) []string {
	return []string{
		"PATH=" + c.searchPath(),
		"HOME=/root",
		"TMPDIR=/tmp",
	}
}

// searchPath is where the node's programs look for others.
func (c Config) searchPath() string {
	return c.BinDir + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

// openLog begins a new log for a program and keeps that of the previous run beside it.
func openLog(c Config, name string) (*os.File, error) {
	path := filepath.Join(c.LogDir(), name+".log")
	if err := os.Rename(path, filepath.Join(c.LogDir(), name+".previous.log")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("keeping the log of %s: %w", name, err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", name, err)
	}
	return f, nil
}
