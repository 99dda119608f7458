package main

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// pod returns a running pod whose UID is its name and whose status reports addrs.
func pod(name string, addrs ...string) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "lab", UID: types.UID(name)},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning},
	}
	for _, a := range addrs {
		p.Status.PodIPs = append(p.Status.PodIPs, corev1.PodIP{IP: a})
	}
	return p
}

func box(id, name, addr string) sandbox {
	return sandbox{ID: id, Namespace: "lab", Name: name, UID: types.UID(name), Addr: netip.MustParseAddr(addr)}
}

func TestBook_Endpoints(t *testing.T) {
	t.Parallel()
	ended := pod("job", "10.128.0.9")
	ended.Status.Phase = corev1.PodSucceeded
	onHost := pod("proxy", "10.255.0.2")
	onHost.Spec.HostNetwork = true
	leaving := pod("web", "10.128.0.5")
	leaving.DeletionTimestamp = &metav1.Time{}

	for _, c := range []struct {
		name  string
		write func(*book)
		pods  []*corev1.Pod
		want  map[string]string
	}{
		{"status alone", nil, []*corev1.Pod{pod("web", "10.128.0.5", "fd00::5")}, map[string]string{"10.128.0.5": "web"}},
		{"a pod without an address", nil, []*corev1.Pod{pod("web")}, map[string]string{}},
		{"ended and host-network pods have none", nil, []*corev1.Pod{ended, onHost}, map[string]string{}},
		{"a pod on its way out keeps its own", nil, []*corev1.Pod{leaving}, map[string]string{"10.128.0.5": "web"}},
		{
			"the plugin is ahead of the status", func(b *book) { b.add(box("s1", "web", "10.128.0.5")) },
			[]*corev1.Pod{pod("web")},
			map[string]string{"10.128.0.5": "web"},
		},
		{
			"a sandbox whose pod is gone is nobody's", func(b *book) { b.add(box("s1", "web", "10.128.0.5")) },
			nil,
			map[string]string{},
		},
		{
			"a removed sandbox wins over an old status", func(b *book) { b.add(box("s1", "web", "10.128.0.5")); b.remove(box("s1", "web", "10.128.0.5")) },
			[]*corev1.Pod{leaving},
			map[string]string{},
		},
		{
			"a sandbox from before the agent's time can be removed", func(b *book) { b.remove(box("s0", "web", "10.128.0.5")) },
			[]*corev1.Pod{leaving},
			map[string]string{},
		},
		{
			"a second sandbox, while the first is removed once more", func(b *book) {
				b.add(box("s1", "web", "10.128.0.5"))
				b.remove(box("s1", "web", "10.128.0.5"))
				b.add(box("s2", "web", "10.128.0.6"))
				b.remove(box("s1", "web", "10.128.0.5"))
			},
			[]*corev1.Pod{pod("web", "10.128.0.5")},
			map[string]string{"10.128.0.6": "web"},
		},
		{
			"a pod that gets the address of one that left", func(b *book) {
				b.add(box("s1", "web", "10.128.0.5"))
				b.add(box("s2", "api", "10.128.0.5"))
			},
			[]*corev1.Pod{leaving, pod("api")},
			map[string]string{"10.128.0.5": "api"},
		},
		{
			"a failed add leaves nothing", func(b *book) { b.add(box("s1", "web", "10.128.0.5")); b.forget("s1") },
			[]*corev1.Pod{pod("web")},
			map[string]string{},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBook()
			if c.write != nil {
				c.write(b)
			}
			got := map[string]string{}
			for _, e := range b.endpoints(c.pods) {
				require.NotContains(t, got, e.Addr.String())
				got[e.Addr.String()] = e.Pod.Name
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestBook_ForgetsReleasedClaimsOfGonePods(t *testing.T) {
	t.Parallel()
	b := newBook()
	b.remove(box("s1", "web", "10.128.0.5"))
	b.endpoints([]*corev1.Pod{pod("web", "10.128.0.5")})
	require.Len(t, b.released, 1)
	b.endpoints(slices.Clone([]*corev1.Pod{}))
	require.Empty(t, b.released)
}
