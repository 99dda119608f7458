// Package limited runs a command, with all that it starts, in a control group that may use a given
// amount of memory, as if on a machine that has no more, and says how much it needed. It knows both
// versions of control groups and needs root on Linux.
package limited

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// MiB is the unit of limits.
const MiB = 1 << 20

// Usage is what the processes of a group needed.
type Usage struct {
	// Peak is the most memory at one time, with files that the kernel keeps in memory while there is
	// room, programs among them. See Forget.
	Peak int64
	// Needed is the most memory of the processes' own at one time, which the kernel can't take away.
	// It is looked at many times a second, so that a short peak may be missed.
	Needed int64
	// Programs is the most memory that any process of a program had at one time, with the files that
	// it had mapped, by the program's name. One that ends within a fifth of a second may be missing.
	Programs map[string]int64
	// Killed counts the processes that the kernel killed because the limit left no room.
	Killed int64
}

func (u Usage) String() string {
	return fmt.Sprintf("%d MiB needed, %d MiB with files; processes killed for it: %d",
		u.Needed/MiB, u.Peak/MiB, u.Killed)
}

// Run runs a command with at most limit bytes of memory, and no swap. Without a limit, it only measures.
func Run(cmd *exec.Cmd, limit int64) (Usage, error) {
	g, err := newGroup(fmt.Sprintf("%s%d-%d", prefix, os.Getpid(), time.Now().UnixNano()), limit)
	if err != nil {
		return Usage{}, err
	}
	// A shell joins the group before it becomes the command, so that nothing is allocated outside.
	shell, err := exec.LookPath("sh")
	if err != nil {
		return Usage{}, errors.Join(err, g.remove())
	}
	cmd.Args = append([]string{"sh", "-c", `echo $$ > "$0" && exec "$@"`, filepath.Join(g.dir, "cgroup.procs"), cmd.Path}, cmd.Args[1:]...)
	cmd.Path = shell
	if err := cmd.Start(); err != nil {
		return Usage{}, errors.Join(err, g.remove())
	}
	done, watched := make(chan struct{}), make(chan Usage)
	go func() { watched <- g.watch(done) }()
	err = cmd.Wait()
	close(done)
	usage := <-watched
	return usage, errors.Join(err, g.read(&usage), g.remove())
}

// group is a control group.
type group struct {
	dir string
	files
}

// files are the names of a version's files, and of the fields in them.
type files struct {
	limit, swap, peak, anonymous, events string
}

var (
	version1 = files{
		limit: "memory.limit_in_bytes", swap: "memory.memsw.limit_in_bytes", peak: "memory.max_usage_in_bytes",
		anonymous: "total_rss", events: "memory.oom_control",
	}
	version2 = files{
		limit: "memory.max", swap: "memory.swap.max", peak: "memory.peak",
		anonymous: "anon", events: "memory.events",
	}
)

// prefix begins the names of groups. The number of the process that made the group comes next.
const prefix = "k8s-tunnel-limited-"

// root is where all distributions mount control groups.
const root = "/sys/fs/cgroup"

func newGroup(name string, limit int64) (*group, error) {
	g := &group{dir: filepath.Join(root, "memory", name), files: version1}
	noSwap := limit // with version 1, memory and swap together
	if enabled, err := os.ReadFile(filepath.Join(root, "cgroup.subtree_control")); err == nil {
		// The local world's node enables the controller, and disables it when it goes.
		if !strings.Contains(" "+strings.TrimSpace(string(enabled))+" ", " memory ") {
			return nil, errors.New("control groups don't limit memory on this machine now; they do while a local world is up")
		}
		g, noSwap = &group{dir: filepath.Join(root, name), files: version2}, 0
	}
	removeLeft(filepath.Dir(g.dir))
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		return nil, fmt.Errorf("creating a control group: %w", err)
	}
	if limit <= 0 {
		return g, nil
	}
	for _, setting := range []struct {
		file  string
		value int64
	}{{g.limit, limit}, {g.swap, noSwap}} {
		err := os.WriteFile(filepath.Join(g.dir, setting.file), []byte(strconv.FormatInt(setting.value, 10)), 0o644)
		if setting.file == g.swap && swapless(err) {
			continue
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("limiting memory: %w", err), g.remove())
		}
	}
	return g, nil
}

// removeLeft removes the groups of programs that were killed, unless something still runs in them.
func removeLeft(parent string) {
	left, _ := filepath.Glob(filepath.Join(parent, prefix+"*"))
	for _, dir := range left {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), prefix), "-")
		if _, err := os.Stat(filepath.Join("/proc", pid)); errors.Is(err, fs.ErrNotExist) {
			_ = os.Remove(dir)
		}
	}
}

// swapless reports whether a kernel doesn't account for swap: it has no such file, and doesn't let
// anybody create one.
func swapless(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
}

// watch returns what it has seen until done: what the processes needed, and the programs.
func (g *group) watch(done <-chan struct{}) Usage {
	usage := Usage{Programs: map[string]int64{}}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		if now, err := g.stat("memory.stat", g.anonymous); err == nil {
			usage.Needed = max(usage.Needed, now)
		}
		if n%10 == 0 { // it takes longer
			g.addPrograms(usage.Programs)
		}
		select {
		case <-done:
			return usage
		case <-tick.C:
		}
	}
}

// addPrograms notes the peaks that the kernel has seen of the group's processes.
func (g *group) addPrograms(peaks map[string]int64) {
	processes, _ := os.ReadFile(filepath.Join(g.dir, "cgroup.procs"))
	for pid := range strings.FieldsSeq(string(processes)) {
		// The name in status is cut at 15 characters: that of all of Pulumi's plugins is pulumi-resource.
		program, err := os.Readlink(filepath.Join("/proc", pid, "exe"))
		if err != nil {
			continue // it has ended
		}
		name := strings.TrimSuffix(filepath.Base(program), " (deleted)")
		if peak, err := number(filepath.Join("/proc", pid, "status"), "VmHWM:"); err == nil {
			peaks[name] = max(peaks[name], peak<<10) // it is in KiB
		}
	}
}

// read fills in what the kernel has counted.
func (g *group) read(usage *Usage) error {
	raw, err := os.ReadFile(filepath.Join(g.dir, g.peak))
	if err == nil {
		usage.Peak, err = strconv.ParseInt(string(bytes.TrimSpace(raw)), 10, 64)
	} else if errors.Is(err, fs.ErrNotExist) {
		usage.Peak, err = usage.Needed, nil // before Linux 5.19
	}
	if err != nil {
		return fmt.Errorf("reading the peak of memory: %w", err)
	}
	if usage.Killed, err = g.stat(g.events, "oom_kill"); err != nil {
		return fmt.Errorf("reading how many processes were killed: %w", err)
	}
	return nil
}

// stat reads a number from one of the group's files.
func (g *group) stat(file, name string) (int64, error) {
	return number(filepath.Join(g.dir, file), name)
}

func number(file, name string) (int64, error) {
	value, err := field(file, name)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(value, 10, 64)
}

// field reads a value from a file of lines with a name and a value each.
func field(file, name string) (string, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(raw)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == name {
			return words[1], nil
		}
	}
	return "", fmt.Errorf("%s has no %s", file, name)
}

// remove removes the group once the last process in it has gone.
func (g *group) remove() error {
	var err error
	for range 50 {
		if err = os.Remove(g.dir); err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("removing a control group, in which something still runs: %w", err)
}
