package cluster

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// fakeTree makes files as the kernel shows them. A name that ends with a slash is a directory.
func fakeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		if name[len(name)-1] == '/' {
			require.NoError(t, os.MkdirAll(path, 0o755))
			continue
		}
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	return root
}

func read(t *testing.T, parts ...string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(parts...))
	require.NoError(t, err)
	return string(raw)
}

func TestFindCgroups(t *testing.T) {
	t.Parallel()
	t.Run("version 2", func(t *testing.T) {
		t.Parallel()
		root := fakeTree(t, map[string]string{"cgroup.controllers": "cpu memory\n", "cgroup.procs": "", "system.slice/cgroup.procs": ""})
		got, err := findCgroups(root)
		require.NoError(t, err)
		require.Equal(t, cgroups{unified: true, trees: []string{root}}, got)
	})
	t.Run("version 1 with links and a version 2 tree beside it", func(t *testing.T) {
		t.Parallel()
		root := fakeTree(t, map[string]string{
			"cpu,cpuacct/cgroup.procs": "", "memory/cgroup.procs": "", "systemd/cgroup.procs": "",
			"unified/cgroup.procs": "", "unified/cgroup.controllers": "", "not-mounted/": "",
		})
		require.NoError(t, os.Symlink("cpu,cpuacct", filepath.Join(root, "cpu")))
		got, err := findCgroups(root)
		require.NoError(t, err)
		require.False(t, got.unified)
		var want []string
		for _, tree := range []string{"cpu,cpuacct", "memory", "systemd", "unified"} {
			want = append(want, filepath.Join(root, tree))
		}
		require.Equal(t, want, got.trees)
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		_, err := findCgroups(t.TempDir())
		require.ErrorContains(t, err, "none are mounted")
	})
}

func TestCgroups_Version1(t *testing.T) {
	t.Parallel()
	// The kernel creates a new group's files; here they exist already.
	root := fakeTree(t, map[string]string{
		"memory/cgroup.procs": "", "memory/k8st3/node/cgroup.procs": "",
		"cpuset/cgroup.procs": "", "cpuset/cpuset.cpus": "0-1", "cpuset/cpuset.mems": "0",
		"cpuset/k8st3/cpuset.cpus": "", "cpuset/k8st3/cpuset.mems": "",
		"cpuset/k8st3/node/cgroup.procs": "", "cpuset/k8st3/node/cpuset.cpus": "", "cpuset/k8st3/node/cpuset.mems": "",
	})
	groups, err := findCgroups(root)
	require.NoError(t, err)
	require.NoError(t, groups.create("k8st3"))
	require.Equal(t, "0-1", read(t, root, "cpuset/k8st3/cpuset.cpus"), "a group without processors runs nothing")
	require.Equal(t, "0-1", read(t, root, "cpuset/k8st3/node/cpuset.cpus"))
	require.Equal(t, "0", read(t, root, "cpuset/k8st3/node/cpuset.mems"))

	require.NoError(t, groups.attach("k8st3", 4711))
	for _, tree := range []string{"memory", "cpuset"} {
		require.Equal(t, "4711", read(t, root, tree, "k8st3/node/cgroup.procs"), "in every tree")
	}
}

func TestCgroups_Version2HandsControllersDown(t *testing.T) {
	t.Parallel()
	root := fakeTree(t, map[string]string{
		"cgroup.controllers": "cpuset cpu io memory pids rdma\n", "cgroup.subtree_control": "",
		"k8st3/cgroup.subtree_control": "", "k8st3/node/cgroup.procs": "",
	})
	groups, err := findCgroups(root)
	require.NoError(t, err)
	require.NoError(t, groups.create("k8st3"))
	for _, file := range []string{"cgroup.subtree_control", "k8st3/cgroup.subtree_control"} {
		require.Equal(t, "+cpuset +cpu +memory +pids", read(t, root, file), "in one write; hugetlb isn't there")
	}
	require.NoFileExists(t, filepath.Join(root, "k8st3/node/cgroup.subtree_control"), "a group with processes hands nothing on")
	require.NoError(t, groups.attach("k8st3", 4711))
	require.Equal(t, "4711", read(t, root, "k8st3/node/cgroup.procs"))
}

func TestCgroups_CheckNamesWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"the root": {map[string]string{"cgroup.procs": "1\n"}, nil},
		"a container": {
			map[string]string{"cgroup.type": "domain\n", "cgroup.procs": "1\n"},
			[]string{"the controllers cpu, memory, pids from", "--cgroupns=host"},
		},
		"a container after a first try": {
			map[string]string{"cgroup.type": "domain threaded\n", "cgroup.procs": "0\n", "cgroup.subtree_control": "cpu\n"},
			[]string{"the controllers memory, pids from"},
		},
		"a kernel without memory":  {map[string]string{"cgroup.controllers": "cpuset cpu io pids\n"}, []string{"lack controllers that a Kubernetes node needs (memory)", "cmdline.txt"}},
		"a container with systemd": {map[string]string{"cgroup.type": "domain\n", "init.scope/cgroup.procs": "1\n"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"cgroup.controllers": "cpu io memory pids\n", "cgroup.procs": "", "cgroup.subtree_control": ""}
			maps.Copy(files, tt.files)
			groups, err := findCgroups(fakeTree(t, files))
			require.NoError(t, err)
			err = errors.Join(groups.check()...)
			if tt.want == nil {
				require.NoError(t, err)
			}
			for _, want := range tt.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func TestCgroups_CheckNamesTheTreesThatAreMissing(t *testing.T) {
	t.Parallel()
	all := map[string]string{"cpu,cpuacct/cgroup.procs": "1\n", "cpuset/cgroup.procs": "1\n", "memory/cgroup.procs": "1\n", "pids/cgroup.procs": "1\n"}
	groups, err := findCgroups(fakeTree(t, all))
	require.NoError(t, err)
	require.Empty(t, groups.check())

	delete(all, "memory/cgroup.procs")
	groups, err = findCgroups(fakeTree(t, all))
	require.NoError(t, err)
	require.ErrorContains(t, errors.Join(groups.check()...), "lack controllers that a Kubernetes node needs (memory)")
}

func TestCgroups_ProcessesOfAllTreesOnce(t *testing.T) {
	t.Parallel()
	root := fakeTree(t, map[string]string{
		"memory/cgroup.procs": "1\n2\n", "memory/k8st3/kubepods/pod1/cgroup.procs": "30\n10\n", "memory/k8st3/node/cgroup.procs": "5\n",
		"cpu/cgroup.procs": "", "cpu/k8st3/kubepods/cgroup.procs": "40\n", "cpu/k8st3/kubepods/pod1/cgroup.procs": "10\n",
	})
	groups, err := findCgroups(root)
	require.NoError(t, err)
	require.Equal(t, []int{10, 30, 40}, groups.processes("k8st3/kubepods"))
	require.Empty(t, groups.processes("k8st4"))
}

func TestCgroups_RemoveTakesOnlyTheNode(t *testing.T) {
	t.Parallel()
	root := fakeTree(t, map[string]string{
		"memory/cgroup.procs": "", "memory/k8st3/kubepods/burstable/pod1/": "", "memory/k8st3/node/": "", "memory/k8st31/node/": "",
		"cpu/cgroup.procs": "", "cpu/k8st3/node/": "",
	})
	groups, err := findCgroups(root)
	require.NoError(t, err)
	require.NoError(t, groups.remove("k8st3", 0))
	require.NoDirExists(t, filepath.Join(root, "memory/k8st3"))
	require.NoDirExists(t, filepath.Join(root, "cpu/k8st3"))
	require.DirExists(t, filepath.Join(root, "memory/k8st31/node"))
	require.NoError(t, groups.remove("k8st3", 0), "again")
}

func TestCgroups_RemoveWaitsForTheKernel(t *testing.T) {
	t.Parallel()
	// A file in a directory keeps it, as a process keeps a group.
	root := fakeTree(t, map[string]string{"memory/cgroup.procs": "", "memory/k8st3/node/held": ""})
	groups, err := findCgroups(root)
	require.NoError(t, err)
	require.Error(t, groups.remove("k8st3", 50*time.Millisecond))
	go func() {
		time.Sleep(100 * time.Millisecond)
		_ = os.Remove(filepath.Join(root, "memory/k8st3/node/held"))
	}()
	require.NoError(t, groups.remove("k8st3", 10*time.Second))
}

// A plain file keeps what the last write left in it, which is enough to see what was written last.
func TestCgroups_ControllersAreDisabledWithTheLastNode(t *testing.T) {
	t.Parallel()
	probe := t.TempDir()
	if err := unix.Setxattr(probe, enabledAttribute, []byte("x"), 0); err != nil {
		t.Skip("needs root, and a file system with attributes: ", err)
	}
	tree := func(enabled string) (cgroups, string) {
		root := fakeTree(t, map[string]string{
			"cgroup.controllers": "memory pids rdma\n", "cgroup.subtree_control": enabled,
			"k8st3/cgroup.subtree_control": "", "k8st4/cgroup.subtree_control": "",
		})
		return cgroups{unified: true, trees: []string{root}}, root
	}
	gone := func(root, name string) { require.NoError(t, os.RemoveAll(filepath.Join(root, name))) } // as the kernel does by rmdir
	t.Run("those that nodes have enabled", func(t *testing.T) {
		t.Parallel()
		groups, root := tree("memory\n")
		require.NoError(t, groups.create("k8st3"))
		require.NoError(t, os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("memory pids\n"), 0o644))
		require.NoError(t, groups.create("k8st4"))
		require.Equal(t, []string{"pids", "rdma"}, notedControllers(root), "memory was enabled before, and runc enables rdma")
		gone(root, "k8st3")
		require.NoError(t, os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("memory pids\n"), 0o644))
		require.NoError(t, groups.remove("k8st3", 0))
		require.Equal(t, "memory pids\n", read(t, root, "cgroup.subtree_control"), "the other node is still there")
		gone(root, "k8st4")
		require.NoError(t, groups.remove("k8st4", 0))
		require.Contains(t, read(t, root, "cgroup.subtree_control"), "-rdma", "the last")
		require.NotContains(t, read(t, root, "cgroup.subtree_control"), "-memory")
		require.Empty(t, notedControllers(root))
	})
	t.Run("none that were enabled before", func(t *testing.T) {
		t.Parallel()
		groups, root := tree("memory pids rdma\n")
		require.NoError(t, groups.create("k8st3"))
		require.NoError(t, os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("memory pids rdma\n"), 0o644))
		gone(root, "k8st3")
		gone(root, "k8st4")
		require.NoError(t, groups.remove("k8st3", 0))
		require.Equal(t, "memory pids rdma\n", read(t, root, "cgroup.subtree_control"))
	})
}
