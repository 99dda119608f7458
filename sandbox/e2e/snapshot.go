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

	"k8s-tunnel/sandbox/toolchain"
)

// snapshot is everything on the machine that a world could change, as a set of lines.
type snapshot map[string]bool

// takeSnapshot records the machine's interfaces, routes, mounts and control groups, and the
// processes of worlds. Other worlds come and go, so only this run's count, with the nodes of the given
// names; before there is a world, none does.
func takeSnapshot(nodes ...string) (snapshot, error) {
	s := snapshot{}
	if err := s.addNetwork(nodes); err != nil {
		return nil, err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		s["mount "+fields[4]] = true
	}
	if err := s.addCgroups(nodes); err != nil {
		return nil, err
	}
	if err := s.addTemporary(nodes); err != nil {
		return nil, err
	}
	return s, s.addProcesses(nodes)
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

// addNetwork adds the interfaces and routes, except those of other worlds, which come and go.
func (s snapshot) addNetwork(nodes []string) error {
	links, err := netlink.LinkList()
	if err != nil {
		return err
	}
	others := map[int]bool{}
	for _, link := range links {
		if attrs := link.Attrs(); strings.HasPrefix(attrs.Name, "k8st") && !slices.Contains(nodes, attrs.Name) {
			others[attrs.Index] = true
		} else {
			s["interface "+attrs.Name] = true
		}
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return err
	}
	for _, route := range routes {
		if !others[route.LinkIndex] {
			s["route "+route.String()] = true
		}
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
func (s snapshot) addProcesses(nodes []string) error {
	root, err := filepath.Abs(testRoot())
	if err != nil {
		return err
	}
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
