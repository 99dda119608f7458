package policy

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// load reads objects from YAML into a state; a pod's address is the one in its status.
func load(t *testing.T, sources ...[]byte) State {
	t.Helper()
	s := State{PodSubnet: netip.MustParsePrefix("10.128.0.0/16")}
	for _, source := range sources {
		documents := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(source)))
		for {
			buf := make([]byte, 64<<10)
			n, err := documents.Read(buf)
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			object, _, err := scheme.Codecs.UniversalDeserializer().Decode(buf[:n], nil, nil)
			require.NoError(t, err, "%s", buf[:n])
			switch o := object.(type) {
			case *corev1.Pod:
				s.Endpoints = append(s.Endpoints, Endpoint{Pod: o, Addr: netip.MustParseAddr(o.Status.PodIP)})
			case *corev1.Namespace:
				s.Namespaces = append(s.Namespaces, o)
			case *networkingv1.NetworkPolicy:
				s.Policies = append(s.Policies, o)
			default:
				require.Failf(t, "unexpected object", "%T", o)
			}
		}
	}
	return s
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return data
}

func TestRuleset_Golden(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"empty", "connector"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := load(t)
			if name != "empty" {
				state = load(t, read(t, "world.yaml"), read(t, name+".yaml"))
			}
			got := Compile(state).NFT()
			golden := filepath.Join("testdata", name+".nft")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			require.Equal(t, string(read(t, name+".nft")), got)
			checkSyntax(t, got)
		})
	}
}

func TestRuleset_SameStateSameText(t *testing.T) {
	t.Parallel()
	state := load(t, read(t, "world.yaml"), read(t, "connector.yaml"))
	want := Compile(state).NFT()
	for range 5 {
		swapped := state
		swapped.Endpoints = append([]Endpoint{state.Endpoints[len(state.Endpoints)-1]}, state.Endpoints[:len(state.Endpoints)-1]...)
		swapped.Policies = []*networkingv1.NetworkPolicy{state.Policies[1], state.Policies[0]}
		require.Equal(t, want, Compile(swapped).NFT())
		state = swapped
	}
}

// checkSyntax has nft itself read the rules, in a network namespace of its own.
func checkSyntax(t *testing.T, ruleset string) {
	t.Helper()
	if _, err := exec.LookPath("nft"); err != nil || exec.Command("unshare", "--net", "true").Run() != nil {
		t.Log("without nft, or the right to make namespaces, the text is not checked by nft itself")
		return
	}
	cmd := exec.Command("unshare", "--net", "nft", "-f", "-")
	cmd.Stdin = bytes.NewBufferString(ruleset)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", out, ruleset)
}
