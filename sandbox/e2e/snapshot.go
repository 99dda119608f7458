//go:build e2e

package e2e

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"k8s-tunnel/sandbox/cluster"
	"k8s-tunnel/sandbox/toolchain"
	"k8s-tunnel/sandbox/world"
)

// snapshot is what there is on the machine that the worlds of a run could have made, as a set of lines. What
// others make meanwhile, such as containers with their interfaces, doesn't count.
type snapshot map[string]bool

// takeSnapshot records interfaces, routes, mounts, control groups, temporary files and processes. Other
// worlds come and go, so only this run's count, with its nodes; before there is a world, there is none.
func takeSnapshot(nodes ...cluster.Config) (snapshot, error) {
	root, err := filepath.Abs(testRoot())
	if err != nil {
		return nil, err
	}
	s := snapshot{}
	if err := s.addNetwork(nodes); err != nil {
		return nil, err
	}
	if err := s.addMounts(root); err != nil {
		return nil, err
	}
	var names []string
	for _, node := range nodes {
		names = append(names, node.Name())
	}
	if err := s.addCgroups(names); err != nil {
		return nil, err
	}
	if err := s.addTemporary(names); err != nil {
		return nil, err
	}
	return s, s.addProcesses(root, names)
}

// addTemporary adds the copies of kubeconfigs among the machine's temporary files: without names all of
// them, and else those of the nodes' clusters.
func (s snapshot) addTemporary(nodes []string) error {
	files, err := filepath.Glob(filepath.Join(os.TempDir(), "kubeconfig*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue // files of other worlds come and go
		}
		own := func(node string) bool { return bytes.Contains(content, []byte("user: "+node+"-admin")) }
		if len(nodes) == 0 || slices.ContainsFunc(nodes, own) {
			s["file "+file] = true
		}
	}
	return nil
}

func (s snapshot) addNetwork(nodes []cluster.Config) error {
	links, err := netlink.LinkList()
	if err != nil {
		return err
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return err
	}
	for _, line := range networkOf(nodes, links, routes) {
		s[line] = true
	}
	return nil
}

// addMounts adds what is mounted where worlds write.
func (s snapshot) addMounts(root string) error {
	dir, err := filepath.EvalSymlinks(filepath.Join(root, ".sandbox"))
	if err != nil {
		return err
	}
	table, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	defer table.Close()
	for _, mount := range world.MountsIn(table, dir) {
		s["mount "+mount] = true
	}
	return nil
}

func (s snapshot) addCgroups(nodes []string) error {
	return filepath.WalkDir("/sys/fs/cgroup", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && slices.Contains(nodes, entry.Name()) {
			s["cgroup "+path] = true
			return filepath.SkipDir
		}
		return nil // control groups may disappear while they are listed
	})
}

// addProcesses adds the processes of this run's worlds, and the shims of the nodes' containers. They
// are told by their paths and control groups, because others run the same programs.
func (s snapshot) addProcesses(root string, nodes []string) error {
	dirs, shim := filepath.Join(root, ".sandbox", "worlds", worldName()), filepath.Join(toolchain.BinDir(root), "containerd-shim")
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		argv := string(bytes.ReplaceAll(raw, []byte{0}, []byte{' '}))
		groups, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cgroup"))
		ofNode := slices.ContainsFunc(strings.FieldsFunc(string(groups), func(r rune) bool { return r == '/' || r == '\n' }),
			func(part string) bool { return slices.Contains(nodes, part) })
		if strings.Contains(argv, dirs+"/") || strings.Contains(argv, dirs+http2Suffix+"/") || ofNode && strings.HasPrefix(argv, shim) {
			s["process "+filepath.Base(filepath.Dir(file))+" "+argv] = true
		}
	}
	return nil
}

// without lists what is in s but not in before.
func (s snapshot) without(before snapshot) string {
	for line := range before {
		delete(s, line)
	}
	return strings.Join(slices.Sorted(maps.Keys(s)), "\n")
}
