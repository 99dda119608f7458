package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// probeArgument makes InitMain try things out instead of running a node.
const probeArgument = "probe"

// neededCapabilities are those without which the node, or an ordinary container in it, can't be set
// up.
var neededCapabilities = []struct {
	bit  uint
	name string
}{
	{unix.CAP_SYS_ADMIN, "SYS_ADMIN"},
	{unix.CAP_NET_ADMIN, "NET_ADMIN"},
	{unix.CAP_SYS_CHROOT, "SYS_CHROOT"},
	{unix.CAP_SYS_PTRACE, "SYS_PTRACE"},
	{unix.CAP_MKNOD, "MKNOD"},
	{unix.CAP_CHOWN, "CHOWN"},
	{unix.CAP_DAC_OVERRIDE, "DAC_OVERRIDE"},
	{unix.CAP_FOWNER, "FOWNER"},
	{unix.CAP_FSETID, "FSETID"},
	{unix.CAP_SETUID, "SETUID"},
	{unix.CAP_SETGID, "SETGID"},
	{unix.CAP_SETPCAP, "SETPCAP"},
	{unix.CAP_SETFCAP, "SETFCAP"},
	{unix.CAP_KILL, "KILL"},
	{unix.CAP_NET_BIND_SERVICE, "NET_BIND_SERVICE"},
	{unix.CAP_NET_RAW, "NET_RAW"},
}

// Check returns the reasons why the node can't run here, all at once, each with what to do about
// it. A node that runs already is no reason. Check changes nothing.
func Check(ctx context.Context, c Config) []error {
	c, err := resolve(c)
	if err != nil {
		return []error{err}
	}
	if _, running := findInit(c); running {
		return nil
	}
	return check(ctx, c)
}

// CheckSlot returns the reasons why the slot's names and networks can't be used, all at once. It
// needs no root.
func CheckSlot(c Config) []error {
	c, err := resolve(c)
	if err != nil {
		return []error{err}
	}
	return checkSlot(c)
}

func check(ctx context.Context, c Config) []error {
	if problem := checkPrivileges(); problem != nil {
		return []error{problem} // nothing else can be tried without it
	}
	var problems []error
	if !c.finds("nft") {
		problems = append(problems, errors.New("the program nft is missing, which services and network policies need: install nftables (Debian, Ubuntu: apt-get install nftables)"))
	}
	if err := checkKernelLog(kernelLog); err != nil {
		problems = append(problems, err)
	}
	if groups, err := findCgroups(cgroupRoot); err != nil {
		problems = append(problems, fmt.Errorf("%w: mount them, as every distribution does at boot", err))
	} else {
		problems = append(problems, groups.check()...)
	}
	problems = append(problems, checkSlot(c)...)
	if problem := checkPath(c); problem != nil {
		return append(problems, problem) // trying it out would fail because of it, and blame the kernel
	}
	return append(problems, probe(ctx, c)...)
}

// kernelLog is where the kubelet reads which processes the kernel has killed for want of memory.
const kernelLog = "/dev/kmsg"

// checkKernelLog checks that the kernel's log can be read, without which the kubelet doesn't start.
func checkKernelLog(path string) error {
	log, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("the kubelet needs the kernel's log: %w: give the container the device /dev/kmsg (LXC), or run on the machine", err)
	}
	return log.Close()
}

// checkPath refuses paths that can't be written in the options of an overlay mount, as containerd
// writes them: commas separate options, colons separate layers, and backslashes escape both.
func checkPath(c Config) error {
	if at := strings.IndexAny(c.Dir, `,:\`); at >= 0 {
		return fmt.Errorf("the path of the node's directory, %s, contains %q, which containers' overlay mounts can't have in theirs: move the clone to a path without it", c.Dir, c.Dir[at])
	}
	return nil
}

// finds reports whether the node's programs find another program. The user's search path may have more
// directories, and may lack those for root.
func (c Config) finds(name string) bool {
	return slices.ContainsFunc(filepath.SplitList(c.searchPath()), func(dir string) bool {
		_, err := exec.LookPath(filepath.Join(dir, name))
		return err == nil
	})
}

// checkPrivileges checks that the process is root with all the capabilities that it needs.
func checkPrivileges() error {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return fmt.Errorf("reading this process's capabilities: %w", err)
	}
	missing, err := missingCapabilities(string(raw))
	if err != nil {
		return err
	}
	switch {
	case len(missing) > 0 && os.Geteuid() != 0:
		return errors.New("a Kubernetes node needs root: it makes namespaces, an interface and control groups (use sudo, or any other cluster)")
	case len(missing) > 0:
		return fmt.Errorf("root lacks the capabilities %s, as it does in most containers (docker run --privileged gives them)", strings.Join(missing, ", "))
	}
	mapping, err := os.ReadFile("/proc/self/uid_map")
	if fields := strings.Fields(string(mapping)); err == nil && (len(fields) != 3 || fields[0] != "0" || fields[1] != "0") {
		return errors.New("this root is one of a user namespace (rootless container), which may not do what a Kubernetes node needs: use the machine's own root")
	}
	return nil
}

// missingCapabilities compares what a process has (/proc/PID/status) with what is needed.
func missingCapabilities(status string) ([]string, error) {
	for line := range strings.Lines(status) {
		rest, ok := strings.CutPrefix(line, "CapEff:")
		if !ok {
			continue
		}
		have, err := strconv.ParseUint(strings.TrimSpace(rest), 16, 64)
		if err != nil {
			return nil, fmt.Errorf("reading this process's capabilities: %w", err)
		}
		var missing []string
		for _, capability := range neededCapabilities {
			if have&(1<<capability.bit) == 0 {
				missing = append(missing, capability.name)
			}
		}
		return missing, nil
	}
	return nil, errors.New("reading this process's capabilities: no CapEff line in its status")
}

// checkSlot looks for interfaces of the same name and overlapping networks.
func checkSlot(c Config) []error {
	if owner := foreignOwner(c); owner != "" {
		return []error{fmt.Errorf("the interface %s exists already and belongs to %s: stop that one, or %s", c.Name(), owner, otherWorld)}
	}
	used, err := usedNetworks()
	if err != nil {
		return []error{err}
	}
	return conflicts(c, used)
}

// probe tries what can't be looked up: a process in new namespaces that mounts, connects and
// filters as the node will.
func probe(ctx context.Context, c Config) []error {
	existed := true
	if _, err := os.Stat(c.Dir); errors.Is(err, os.ErrNotExist) {
		existed = false
	}
	dir := c.path("probe")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return []error{fmt.Errorf("creating the node's directory: %w", err)}
	}
	defer func() {
		_ = os.RemoveAll(dir) // leaves empty directories at worst
		if !existed {
			_ = os.Remove(c.Dir)
		}
	}()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", InitCommand, probeArgument, dir)
	cmd.Env = nodeEnv(c)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: nodeNamespaces, Pdeathsig: syscall.SIGKILL}
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); ctx.Err() != nil {
		return []error{ctx.Err()}
	} else if err != nil {
		return []error{fmt.Errorf("a process in new namespaces can't be started: %w %s: check that the kernel has mount, pid, net, uts and ipc namespaces", err, strings.TrimSpace(errOut.String()))}
	}
	var found []string
	if err := json.Unmarshal(out.Bytes(), &found); err != nil {
		return []error{fmt.Errorf("trying out the kernel: %w", err)}
	}
	var problems []error
	for _, f := range found {
		problems = append(problems, errors.New(f))
	}
	return problems
}

// probeMain is the process that probe starts. It prints a JSON list of what doesn't work.
func probeMain(dir string) int {
	problems := []string{}
	try := func(err error, advice string) {
		if err != nil {
			problems = append(problems, fmt.Sprintf("%v: %s", err, advice))
		}
	}
	try(probeOverlay(dir), "the kernel needs overlayfs (modprobe overlay), and the directory a real file system such as ext4, xfs or btrfs, not another overlay as in a container: put it on a volume")
	try(probeVeth(), "the kernel needs virtual Ethernet pairs (modprobe veth)")
	try(probeInotify(), "root's programs use nearly as many as the kernel allows: raise the limit (sysctl -w fs.inotify.max_user_instances=512)")
	if nft, err := exec.LookPath("nft"); err == nil {
		try(probeNFT(nft), "the kernel needs nftables with address translation (modprobe nf_tables nft_chain_nat nft_masq nft_fib_inet)")
	}
	if err := json.NewEncoder(os.Stdout).Encode(problems); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// probeOverlay mounts an overlay whose upper layer is where containerd's will be.
func probeOverlay(dir string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("parting from the machine's mounts: %w", err)
	}
	for _, d := range []string{"lower", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			return fmt.Errorf("trying overlayfs: %w", err)
		}
	}
	at := func(d string) string { return filepath.Join(dir, d) }
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", at("lower"), at("upper"), at("work"))
	if err := unix.Mount("overlay", at("merged"), "overlay", 0, options); err != nil {
		return fmt.Errorf("mounting an overlay in %s: %w", filepath.Dir(dir), err)
	}
	return nil
}

func probeVeth() error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "probe0"
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "probe1"}); err != nil {
		return fmt.Errorf("creating a veth pair: %w", err)
	}
	return nil
}

// inotifyInstances is about what a node uses: its programs fifteen, and each container one, where control
// groups are of version 2.
const inotifyInstances = 32

// probeInotify opens as many inotify instances as a node uses.
func probeInotify() error {
	for range inotifyInstances {
		instance, err := unix.InotifyInit1(unix.IN_CLOEXEC)
		if err != nil {
			return fmt.Errorf("opening %d inotify instances: %w", inotifyInstances, err)
		}
		defer unix.Close(instance)
	}
	return nil
}

func probeNFT(nft string) error {
	cmd := exec.Command(nft, "-f", "-")
	cmd.Stdin = strings.NewReader(`table ip probe {
  map services { type ipv4_addr . inet_proto . inet_service : verdict; }
  chain nat { type nat hook postrouting priority 100; masquerade; }
  chain filter { type filter hook forward priority 0; ct state established accept; fib saddr type local accept; counter drop; }
}`)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("setting up a packet filter: %w %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
