package cluster

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"k8s-tunnel/sandbox/process"
)

// run starts a shell that lives until it is stopped.
func run(t *testing.T, script string) (*exec.Cmd, process.Identity) {
	t.Helper()
	cmd := exec.Command("sh", "-c", script)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	ready, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	_, err = ready.Read(make([]byte, 1)) // the script prints a line when its traps are set
	require.NoError(t, err)
	id, err := process.Identify(cmd.Process.Pid)
	require.NoError(t, err)
	return cmd, id
}

func TestFindInit_TakesNoOtherProcess(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	_, found := findInit(c)
	require.False(t, found)

	_, id := run(t, "echo; exec sleep 1000")
	id.Start++ // the record of a process that died and whose number was used again
	require.NoError(t, writeJSON(c.path(identityFile), id, 0o600))
	_, found = findInit(c)
	require.False(t, found)

	_, other := run(t, "echo; exec sleep 1000")
	require.NoError(t, writeJSON(c.path(identityFile), other, 0o600))
	_, found = findInit(c)
	require.False(t, found, "it wasn't started as a node")

	real := runAsNode(t, c.Dir, "echo; read line")
	require.NoError(t, writeJSON(c.path(identityFile), real, 0o600))
	got, found := findInit(c)
	require.True(t, found)
	require.Equal(t, real, got)
}

func TestLock_ExcludesAndSurvivesRemoval(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.Dir = filepath.Join(c.Dir, "node")
	var told []string
	c.Progress = func(line string) { told = append(told, line) }
	unlock, err := lock(context.Background(), c)
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err = lock(ctx, c)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Len(t, told, 1, "says once that it waits")

	require.NoError(t, os.RemoveAll(c.Dir)) // as Wipe does while it holds the lock
	second, err := lock(context.Background(), c)
	require.NoError(t, err, "a directory that is gone locks no command out")
	unlock()
	_, err = lock(ctx, c)
	require.Error(t, err, "and the new one does")
	second()
}

func TestConflicts(t *testing.T) {
	t.Parallel()
	c := Config{Slot: 3} // 10.255.3.0/24, 10.70.0.0/16, 10.71.0.0/16
	used := func(prefix, link string) usedNetwork { return usedNetwork{netip.MustParsePrefix(prefix), link} }
	for name, tt := range map[string]struct {
		used []usedNetwork
		want []string
	}{
		"an ordinary machine":   {[]usedNetwork{used("127.0.0.1/8", "lo"), used("192.168.1.5/24", "eth0"), used("0.0.0.0/0", "eth0")}, nil},
		"the node's own":        {[]usedNetwork{used("10.255.3.1/24", "k8st3"), used("10.70.0.0/16", "k8st3")}, nil},
		"another slot":          {[]usedNetwork{used("10.255.4.1/24", "k8st4"), used("10.72.0.0/16", "k8st4")}, nil},
		"a pod network":         {[]usedNetwork{used("10.70.7.0/24", "cni0")}, []string{"10.70.0.0/16, but 10.70.7.0/24 on the interface cni0"}},
		"a company's VPN":       {[]usedNetwork{used("10.0.0.0/8", "tun0")}, []string{"10.255.3.0/24", "10.70.0.0/16", "10.71.0.0/16"}},
		"an address":            {[]usedNetwork{used("10.255.3.9/32", "eth1")}, []string{"10.255.3.0/24, but 10.255.3.9/32"}},
		"one complaint for two": {[]usedNetwork{used("10.71.0.1/32", "a"), used("10.71.0.2/32", "b")}, []string{"10.71.0.0/16"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := conflicts(c, tt.used)
			require.Len(t, got, len(tt.want))
			for i, want := range tt.want {
				require.ErrorContains(t, got[i], want)
				require.Equal(t, name != "a company's VPN", strings.Contains(got[i].Error(), "--world"))
			}
		})
	}
}

func TestCheckPath_NamesWhatOverlaysCannotHave(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ dir, want string }{
		"an ordinary one":  {"/home/me/k8s-tunnel/.sandbox/worlds/dev/node", ""},
		"other characters": {"/home/me/a [b] {c} #1 50% ?*'\"$äöü;=@&/node", ""},
		"a comma":          {"/home/me/here, there/node", "contains ','"},
		"a colon":          {"/home/me/12:30/node", "contains ':'"},
		"a backslash":      {`/home/me/a\b/node`, `contains '\\'`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := checkPath(Config{Dir: tt.dir})
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "move the clone")
		})
	}
}

// TestProbe_FindsTheLimitOfInotify has a limit of its own, in a user namespace.
func TestProbe_FindsTheLimitOfInotify(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command("sh", "-c", `echo 20 >/proc/sys/user/max_inotify_instances || exit 77; exec "$0" "$@"`, self, InitCommand, probeArgument, t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  nodeNamespaces | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
	}
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Skip("needs the right to make namespaces: ", err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() == 77 {
		t.Skip("needs the right to set limits: ", err)
	} else {
		require.NoError(t, err)
	}
	require.Contains(t, out.String(), "opening 32 inotify instances: too many open files: ")
	require.Contains(t, out.String(), "fs.inotify.max_user_instances")
}

func TestCheckKernelLog(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "kmsg")
	err := checkKernelLog(log)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "give the container the device")
	require.NoError(t, os.WriteFile(log, nil, 0o600))
	require.NoError(t, checkKernelLog(log))
}

func TestCrashLoop_LastWordsComeFirst(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	require.NoError(t, crashLoop(c), "nothing is written yet")
	require.NoError(t, os.Mkdir(c.LogDir(), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(c.LogDir(), "kubelet.log"), []byte("open /dev/kmsg: no such file\n"), 0o600))
	state := []componentState{{Name: "control", Restarts: hopeless, Ready: true}, {Name: "kubelet", Restarts: hopeless - 1}}
	require.NoError(t, writeJSON(c.path(statusFile), state, 0o600))
	require.NoError(t, crashLoop(c))
	state[1].Restarts++
	require.NoError(t, writeJSON(c.path(statusFile), state, 0o600))
	require.EqualError(t, crashLoop(c), "kubelet of k8st3 ends again and again. Its last words:\nopen /dev/kmsg: no such file\n"+
		"If the machine has lost power, its data may be damaged: take the world down, which removes it")
}

func TestFinds_LooksWhereTheNodeWill(t *testing.T) {
	c := testConfig(t)
	c.BinDir = t.TempDir()
	users := t.TempDir()
	t.Setenv("PATH", users)
	for path, mode := range map[string]os.FileMode{
		filepath.Join(users, "k8st-users"): 0o755, filepath.Join(c.BinDir, "k8st-tool"): 0o755, filepath.Join(c.BinDir, "k8st-file"): 0o644,
	} {
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"), mode))
	}
	require.True(t, c.finds("k8st-tool"))
	require.True(t, c.finds("sh"), "the system's, although the user's search path lacks them")
	require.False(t, c.finds("k8st-users"), "the node sees none of the user's directories")
	require.False(t, c.finds("k8st-file"))
}

func TestComponents_SocketsAreWhereverTheCloneIs(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.Dir = "/" + strings.Repeat("long/", 100) + "node"
	var root string
	for _, component := range components(c) {
		if at := slices.Index(component.args, "--root-dir"); at >= 0 {
			root = component.args[at+1]
		}
	}
	require.NotEmpty(t, root)
	for _, socket := range []string{
		filepath.Join(root, "pod-resources/12345678901234567890"), filepath.Join(root, "device-plugins/kubelet.sock"),
		containerdSocket, containerdSocket + ".ttrpc", filepath.Join(containerdState, "s", strings.Repeat("f", 64)),
	} {
		require.LessOrEqual(t, len(socket), 107, socket)
	}
}

func TestMissingCapabilities(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status  string
		want    []string
		wantErr bool
	}{
		"all":               {"Name:\tx\nCapEff:\t000001ffffffffff\n", nil, false},
		"without resources": {"CapEff:\t000001fffeffffff\n", nil, false},
		"docker's default":  {"CapPrm:\t000001ffffffffff\nCapEff:\t00000000a80425fb\n", []string{"SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE"}, false},
		"no line":           {"Name:\tx\n", nil, true},
		"junk":              {"CapEff:\tmany\n", nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := missingCapabilities(tt.status)
			require.Equal(t, tt.wantErr, err != nil)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestNodeStatus_Ready(t *testing.T) {
	t.Parallel()
	start := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, tt := range map[string]struct {
		condition string
		want      string
	}{
		"ready":               {`{"type":"Ready","status":"True","lastHeartbeatTime":"2030-01-02T03:04:05Z"}`, ""},
		"ready before a stop": {`{"type":"Ready","status":"True","lastHeartbeatTime":"2030-01-02T03:04:04Z"}`, "has not reported since"},
		"not ready":           {`{"type":"Ready","status":"False","message":"no network","lastHeartbeatTime":"2030-01-02T03:04:06Z"}`, "no network"},
		"another condition":   {`{"type":"DiskPressure","status":"True","lastHeartbeatTime":"2030-01-02T03:04:06Z"}`, "has not reported yet"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var node nodeStatus
			file := filepath.Join(t.TempDir(), "node.json")
			require.NoError(t, os.WriteFile(file, []byte(`{"status":{"conditions":[`+tt.condition+`]}}`), 0o600))
			require.NoError(t, readJSON(file, &node))
			err := node.ready(start)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestResolve_FollowsLinks(t *testing.T) {
	t.Parallel()
	base := followLinks(t.TempDir())
	require.NoError(t, os.MkdirAll(filepath.Join(base, "real/world"), 0o755))
	require.NoError(t, os.Symlink("real", filepath.Join(base, "link")))
	c, err := resolve(Config{Dir: filepath.Join(base, "link/world/node/../not-yet"), BinDir: filepath.Join(base, "link")})
	require.NoError(t, err)
	require.Equal(t, filepath.Join(base, "real/world/not-yet"), c.Dir)
	require.Equal(t, filepath.Join(base, "real"), c.BinDir)
}

// isForbidden reports whether an error is one that root gets in an ordinary container.
func isForbidden(err error) bool {
	return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EROFS)
}

// Machines with version 1 often have an empty version 2 tree beside it. It has no controllers to
// hand down, but the same files, the same ways of moving processes and the same way of removing
// groups.
func TestCgroups_TheKernelsVersion2(t *testing.T) {
	t.Parallel()
	root := cgroupRoot
	if _, err := os.Stat(filepath.Join(root, "unified/cgroup.controllers")); err == nil {
		root = filepath.Join(root, "unified")
	}
	groups, err := findCgroups(root)
	if os.Geteuid() != 0 || err != nil || !groups.unified {
		t.Skip("needs root and a version 2 tree")
	}
	available, err := groups.controllers()
	require.NoError(t, err)
	if err := checkOccupied(root, wantedOf(available)); err != nil {
		t.Skip(err)
	}
	const name, other = "k8st-test", "k8st-test-other"
	enabled := func() []string { return strings.Fields(read(t, root, "cgroup.subtree_control")) }
	before := enabled()
	t.Cleanup(func() {
		_ = groups.remove(name, 5*time.Second)
		_ = groups.remove(other, 5*time.Second)
		// On a machine with version 1, nodes have groups in this tree too, but look after no
		// controllers in it.
		_ = unix.Removexattr(root, enabledAttribute)
		for _, controller := range enabled() {
			if !slices.Contains(before, controller) {
				_ = writeControl(filepath.Join(root, "cgroup.subtree_control"), "-"+controller)
			}
		}
	})
	if err := groups.create(name); isForbidden(err) {
		t.Skip("needs control groups that may be changed: ", err)
	} else {
		require.NoError(t, err)
	}
	for _, controller := range wantedOf(available) {
		require.Contains(t, strings.Fields(read(t, root, name, "cgroup.subtree_control")), controller, "for the pods")
	}
	require.NoError(t, groups.create(name), "again")
	cmd, id := run(t, "echo; exec sleep 1000")
	require.NoError(t, groups.attach(name, id.PID))
	require.Equal(t, []int{id.PID}, groups.processes(name))
	require.Error(t, groups.remove(name, 0), "a group with processes stays")
	require.NoError(t, id.Stop(context.Background(), 5*time.Second))
	require.Error(t, cmd.Wait())
	require.NoError(t, groups.create(other))
	during := enabled()
	require.NoError(t, groups.remove(name, 5*time.Second))
	require.NoDirExists(t, filepath.Join(root, name))
	require.Equal(t, during, enabled(), "another node needs the controllers")
	require.NoError(t, groups.remove(other, 5*time.Second))
	if nodes, _ := filepath.Glob(filepath.Join(root, "k8st*")); len(nodes) == 0 {
		require.ElementsMatch(t, before, enabled(), "the machine is as it was")
	}
}

func TestWipe_RemovesALinkAndNotWhatItLeadsTo(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	theirs := filepath.Join(t.TempDir(), "init.json")
	require.NoError(t, os.WriteFile(theirs, []byte("theirs"), 0o600))
	c.Dir = filepath.Join(t.TempDir(), "node")
	require.NoError(t, os.Symlink(filepath.Dir(theirs), c.Dir))
	_, inspected := Inspect(t.Context(), c)
	for name, err := range map[string]error{
		"start": Start(t.Context(), c), "stop": Stop(t.Context(), c), "check": Check(t.Context(), c)[0], "inspect": inspected,
	} {
		require.ErrorContains(t, err, "is a symbolic link", name)
	}
	require.NoError(t, Wipe(t.Context(), c))
	_, err := os.Lstat(c.Dir)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Equal(t, "theirs", read(t, theirs))
}
