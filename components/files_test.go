package components

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/internal/plantest"
)

// certificate returns a new certificate authority in PEM.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// filesArgs mount a ConfigMap with a caPool and a Secret.
func filesArgs() *CloudflareTunnelArgs {
	args := validArgs()
	args.Namespace = "web"
	args.OriginRequest = &OriginRequest{CAPool: new("/etc/origin-ca/ca.crt")}
	args.Files = []FileArgs{
		{Secret: "lab", Keys: []string{"tls.crt", "ca.crt"}, MountPath: "/run/lab"},
		{ConfigMap: "origin-ca", MountPath: "/etc/origin-ca"},
	}
	return args
}

// mountedPod is what the tests look at.
type mountedPod struct {
	Spec struct {
		Template struct {
			Metadata struct{ Annotations map[string]string }
			Spec     struct {
				Volumes    []map[string]any
				Containers []struct {
					VolumeMounts []struct {
						Name, MountPath string
						ReadOnly        bool
					}
				}
			}
		}
	}
}

// declareFiles declares a component in a cluster with ConfigMaps, and returns its
// pods.
func declareFiles(t *testing.T, args *CloudflareTunnelArgs, configMaps map[string]map[string]any) (*plantest.Engine, mountedPod) {
	t.Helper()
	r := &plantest.Engine{ConfigMaps: configMaps}
	require.NoError(t, r.Run(program(args)))
	var deployment mountedPod
	r.Find(t, "edge-cloudflared").Decode(t, &deployment)
	return r, deployment
}

func TestFiles_Mounts(t *testing.T) {
	t.Parallel()
	r, deployment := declareFiles(t, filesArgs(), map[string]map[string]any{"web/origin-ca": {"ca.crt": certificate(t)}})
	spec := deployment.Spec.Template.Spec
	require.Equal(t, []map[string]any{
		{"name": "files-0", "configMap": map[string]any{"name": "origin-ca", "defaultMode": 288.0}},
		{"name": "files-1", "secret": map[string]any{"secretName": "lab", "defaultMode": 288.0, "items": []any{
			map[string]any{"key": "ca.crt", "path": "ca.crt"}, map[string]any{"key": "tls.crt", "path": "tls.crt"},
		}}},
	}, spec.Volumes[2:])
	mounts := spec.Containers[0].VolumeMounts[2:]
	require.Len(t, mounts, 2)
	for i, want := range []string{"files-0 /etc/origin-ca", "files-1 /run/lab"} {
		require.Equal(t, want, mounts[i].Name+" "+mounts[i].MountPath)
		require.True(t, mounts[i].ReadOnly)
	}

	read := r.Find(t, "edge-file-origin-ca")
	require.True(t, read.Read)
	require.Equal(t, "web/origin-ca", read.ID)
	require.NotContains(t, r.Inventory(), "kubernetes:core/v1:Secret::edge-file-lab", "a Secret's data would get into the state")
}

// The pods' annotation changes with what they read, and with nothing else.
func TestFiles_Checksum(t *testing.T) {
	t.Parallel()
	authority := certificate(t)
	checksum := func(change func(*CloudflareTunnelArgs), data map[string]any) string {
		t.Helper()
		args := filesArgs()
		change(args)
		_, deployment := declareFiles(t, args, map[string]map[string]any{"web/origin-ca": data})
		value := deployment.Spec.Template.Metadata.Annotations[annotationFiles]
		require.Len(t, value, 8)
		return value
	}
	same := func(*CloudflareTunnelArgs) {}
	one := func(a *CloudflareTunnelArgs) { a.Files[1].Keys = []string{"ca.crt"} }
	moved := func(a *CloudflareTunnelArgs) { a.Files[0], a.Files[1] = a.Files[1], a.Files[0] }
	plain := checksum(same, map[string]any{"ca.crt": authority})
	require.Equal(t, plain, checksum(same, map[string]any{"ca.crt": authority}))
	require.Equal(t, plain, checksum(moved, map[string]any{"ca.crt": authority}))
	require.NotEqual(t, plain, checksum(same, map[string]any{"ca.crt": certificate(t)}))
	require.NotEqual(t, plain, checksum(same, map[string]any{"ca.crt": authority, "other": "x"}))
	require.Equal(t, checksum(one, map[string]any{"ca.crt": authority}), checksum(one, map[string]any{"ca.crt": authority, "other": "x"}))
}

// Annotations of the settings stay.
func TestFiles_Annotations(t *testing.T) {
	t.Parallel()
	args := filesArgs()
	args.Pod = &PodArgs{Annotations: map[string]string{"example.com/contact": "me"}}
	_, deployment := declareFiles(t, args, map[string]map[string]any{"web/origin-ca": {"ca.crt": certificate(t)}})
	require.Equal(t, "me", deployment.Spec.Template.Metadata.Annotations["example.com/contact"])
	require.Len(t, deployment.Spec.Template.Metadata.Annotations, 2)
	require.Equal(t, map[string]string{"example.com/contact": "me"}, args.Pod.Annotations, "the arguments are the caller's")
}

// What a ConfigMap lacks is an error of the preview.
func TestFiles_Contents(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		keys    []string
		data    map[string]any
		wantErr string
	}{
		{"no such key", []string{"ca.crt"}, map[string]any{"ca.pem": "x", "b": "y"}, "files: ConfigMap origin-ca has no key ca.crt, for /etc/origin-ca; it has b, ca.pem"},
		{"no such file", nil, map[string]any{"other": "x"}, "originRequest.caPool: ConfigMap origin-ca has no key ca.crt, for /etc/origin-ca; it has other"},
		{"no certificate", nil, map[string]any{"ca.crt": "-----BEGIN PUBLIC KEY-----"}, "originRequest.caPool: key ca.crt of ConfigMap origin-ca is not a certificate in PEM"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			args := filesArgs()
			args.Files[1].Keys = test.keys
			r := &plantest.Engine{ConfigMaps: map[string]map[string]any{"web/origin-ca": test.data}, Preview: true}
			require.ErrorContains(t, r.Run(program(args)), test.wantErr)
		})
	}
}

// The ConfigMap that a new namespace gets is mounted without being read.
func TestFiles_NewNamespace(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.OriginRequest = &OriginRequest{CAPool: new("/etc/cluster/ca.crt")}
	args.Files = []FileArgs{{ConfigMap: "kube-root-ca.crt", Keys: []string{"ca.crt"}, MountPath: "/etc/cluster"}}
	r, deployment := declareFiles(t, args, nil)
	require.Len(t, deployment.Spec.Template.Spec.Volumes, 3)
	require.Empty(t, deployment.Spec.Template.Metadata.Annotations)
	require.NotContains(t, r.Inventory(), "kubernetes:core/v1:ConfigMap::edge-file-kube-root-ca.crt")
}
