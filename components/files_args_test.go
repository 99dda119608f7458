package components

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCloudflareTunnelArgs_ValidateFiles(t *testing.T) {
	t.Parallel()
	files := func(files ...FileArgs) func(*CloudflareTunnelArgs) {
		return func(a *CloudflareTunnelArgs) { a.Namespace, a.Files = "web", files }
	}
	at := func(mountPath string) func(*CloudflareTunnelArgs) {
		return files(FileArgs{ConfigMap: "origin-ca", MountPath: mountPath})
	}
	for _, test := range []struct {
		name    string
		change  func(*CloudflareTunnelArgs)
		wantErr string // empty: valid
	}{
		{"a ConfigMap", at("/etc/origin-ca"), ""},
		{"a Secret's key", files(FileArgs{Secret: "origin-ca", Keys: []string{"ca.crt"}, MountPath: "/run/origin-ca"}), ""},
		{"a directory of the root", at("/origin-ca"), ""},
		{"beside our own", at("/etc/cloudflared/origin-ca"), ""},
		{"nothing", files(FileArgs{MountPath: "/etc/ca"}), "files[0]: has neither a configMap nor a secret"},
		{"both", files(FileArgs{ConfigMap: "a", Secret: "b", Keys: []string{"k"}, MountPath: "/etc/ca"}), "files[0]: has both a configMap and a secret"},
		{"a ConfigMap's name", files(FileArgs{ConfigMap: "Origin CA", MountPath: "/etc/ca"}), `files[0].configMap: "Origin CA" is not the name of a ConfigMap`},
		{"another namespace's", files(FileArgs{ConfigMap: "kube-system/ca", MountPath: "/etc/ca"}), `files[0].configMap: "kube-system/ca" is not the name`},
		{"a Secret's name", files(FileArgs{Secret: "a_b", Keys: []string{"k"}, MountPath: "/etc/ca"}), `files[0].secret: "a_b" is not the name of a Secret`},
		{"a whole Secret", files(FileArgs{Secret: "origin-ca", MountPath: "/etc/ca"}), "files[0].keys: not set"},
		{"a key's name", files(FileArgs{ConfigMap: "a", Keys: []string{"../ca"}, MountPath: "/etc/ca"}), `files[0].keys[0]: "../ca" is not a key`},
		{"a key twice", files(FileArgs{ConfigMap: "a", Keys: []string{"k", "k"}, MountPath: "/etc/ca"}), `files[0].keys[1]: "k" is listed twice`},
		{"no mount path", at(""), "files[0].mountPath: not set"},
		{"a relative path", at("etc/ca"), `files[0].mountPath: "etc/ca" is not an absolute path`},
		{"a path with a colon", at("/etc/ca:ro"), `files[0].mountPath: "/etc/ca:ro" is not an absolute path`},
		{"a slash at the end", at("/etc/ca/"), "use /etc/ca"},
		{"a detour", at("/run/../etc/ca"), "use /etc/ca"},
		{"the root", at("/"), `files[0].mountPath: "/" is in the way of /etc/cloudflared/config`},
		{"above our own", at("/etc/cloudflared"), "is in the way of /etc/cloudflared/config"},
		{"our own", at("/etc/cloudflared/credentials"), "is in the way of /etc/cloudflared/credentials"},
		{"below our own", at("/etc/cloudflared/config/ca"), "is in the way of /etc/cloudflared/config"},
		{"system authorities", at("/etc/ssl/certs"), `files[0].mountPath: "/etc/ssl/certs" belongs to the system`},
		{"programs", at("/usr/local/bin"), "belongs to the system"},
		{"a file of the kubelet", at("/etc/hosts"), "belongs to the system"},
		{"the service account", at("/var/run/secrets/kubernetes.io"), "belongs to the system"},
		{"a system directory", at("/run"), "belongs to the system"},
		{"twice the same path", files(FileArgs{ConfigMap: "a", MountPath: "/etc/ca"}, FileArgs{ConfigMap: "b", MountPath: "/etc/ca"}), `files[1].mountPath: "/etc/ca" and that of files[0], "/etc/ca", are not separate`},
		{"one in another", files(FileArgs{ConfigMap: "a", MountPath: "/etc/ca/b"}, FileArgs{ConfigMap: "b", MountPath: "/etc/ca"}), "files[1].mountPath: "},
		{"alike at the beginning", files(FileArgs{ConfigMap: "a", MountPath: "/etc/ca"}, FileArgs{ConfigMap: "b", MountPath: "/etc/ca2"}), ""},
		{"a new namespace", func(a *CloudflareTunnelArgs) { at("/etc/ca")(a); a.Namespace = "" }, "files[0]: a new namespace has no ConfigMaps but kube-root-ca.crt"},
		{"a new namespace's own ConfigMap", func(a *CloudflareTunnelArgs) {
			a.Files = []FileArgs{{ConfigMap: "kube-root-ca.crt", MountPath: "/etc/ca"}}
		}, ""},
		{"another key of the new namespace's own ConfigMap", func(a *CloudflareTunnelArgs) {
			a.Files = []FileArgs{{ConfigMap: "kube-root-ca.crt", Keys: []string{"ca.pem"}, MountPath: "/etc/ca"}}
		}, `files[0].keys[0]: ConfigMap kube-root-ca.crt has no key "ca.pem", only ca.crt`},
		{"an existing path", func(a *CloudflareTunnelArgs) { a.ExistingPaths = []string{"run/web"} }, `existingPaths[0]: "run/web" is not an absolute path`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_ = requireVerdict(t, test.change, test.wantErr)
		})
	}
	args := validArgs()
	files(FileArgs{ConfigMap: "a"}, FileArgs{ConfigMap: "b", MountPath: "/etc/ca"})(args)
	require.EqualError(t, args.Validate(), "files[0].mountPath: not set; it is the directory that gets the files, such as /etc/origin-ca", "it is in nobody's way")
}

// Whatever cloudflared opens has to be in its container.
func TestCloudflareTunnelArgs_ValidateOpenedFiles(t *testing.T) {
	t.Parallel()
	ca := func(path string) *OriginRequest { return &OriginRequest{CAPool: &path} }
	mounts := []FileArgs{
		{ConfigMap: "one", Keys: []string{"ca.crt"}, MountPath: "/etc/one"}, {ConfigMap: "all", MountPath: "/etc/all"},
	}
	rule := func(service string) func(*CloudflareTunnelArgs) {
		return func(a *CloudflareTunnelArgs) {
			a.Ingress = []IngressRule{{Hostname: "a.example.com", Service: service}}
		}
	}
	for _, test := range []struct {
		name    string
		change  func(*CloudflareTunnelArgs)
		wantErr string // empty: valid
	}{
		{"a key", func(a *CloudflareTunnelArgs) { a.OriginRequest = ca("/etc/one/ca.crt") }, ""},
		{"one of all keys", func(a *CloudflareTunnelArgs) { a.OriginRequest = ca("/etc/all/any.pem") }, ""},
		{"a detour", func(a *CloudflareTunnelArgs) { a.OriginRequest = ca("/etc/one/../all/any.pem") }, ""},
		{"none", func(a *CloudflareTunnelArgs) { a.OriginRequest = ca("") }, ""},
		{"another key", func(a *CloudflareTunnelArgs) { a.OriginRequest = ca("/etc/one/tls.crt") }, "originRequest.caPool: /etc/one/tls.crt isn't mounted; add tls.crt to files[0].keys"},
		{"another key of the cluster's own", func(a *CloudflareTunnelArgs) {
			a.Files = []FileArgs{{ConfigMap: "kube-root-ca.crt", MountPath: "/etc/ca"}}
			a.OriginRequest = ca("/etc/ca/ca.pem")
		}, "originRequest.caPool: ConfigMap kube-root-ca.crt has only the key ca.crt; use /etc/ca/ca.crt"},
		{"a directory below", func(a *CloudflareTunnelArgs) { a.OriginRequest = ca("/etc/all/deep/ca.crt") }, "the connector's container has no /etc/all/deep/ca.crt"},
		{"the directory itself", func(a *CloudflareTunnelArgs) { a.OriginRequest = ca("/etc/all") }, "originRequest.caPool: /etc/all is a directory; add the name of a file in it, such as /etc/all/ca.crt"},
		{"nobody's", func(a *CloudflareTunnelArgs) { a.OriginRequest = ca("/etc/ca/ca.crt") }, "originRequest.caPool: the connector's container has no /etc/ca/ca.crt; mount a ConfigMap with it by files, such as {configMap: origin-ca, mountPath: /etc/origin-ca}, and set caPool to the file there; if the image has it, list it in existingPaths"},
		{"a line break", func(a *CloudflareTunnelArgs) { a.OriginRequest = ca("/etc/ca/ca.crt\n") }, `originRequest.caPool: "/etc/ca/ca.crt\n" has a line break`},
		{"relative", func(a *CloudflareTunnelArgs) { a.OriginRequest = ca("ca.crt") }, `originRequest.caPool: "ca.crt" is not an absolute path`},
		{"a rule's", func(a *CloudflareTunnelArgs) {
			a.Ingress = []IngressRule{{Hostname: "a.example.com", Service: "https://web.web", OriginRequest: ca("/ca.crt")}}
		}, "ingress[0].originRequest.caPool: the connector's container has no /ca.crt"},
		{"the image's", func(a *CloudflareTunnelArgs) {
			a.OriginRequest, a.ExistingPaths = ca("/opt/ca/ca.crt"), []string{"/opt/ca"}
		}, ""},
		{"alike at the beginning", func(a *CloudflareTunnelArgs) {
			a.OriginRequest, a.ExistingPaths = ca("/opt/ca2/ca.crt"), []string{"/opt/ca"}
		}, "the connector's container has no /opt/ca2/ca.crt"},
		{"a socket", rule("unix:/run/web.sock"), "ingress[0].service: nobody listens on a socket in the connector's container"},
		{"a socket with TLS", rule("unix+tls:/run/web.sock"), "use http://host:port"},
		{"a socket in a mount", rule("unix:/etc/all/web.sock"), "ingress[0].service: nobody listens"},
		{"a relative socket", func(a *CloudflareTunnelArgs) { rule("unix:run/web.sock")(a); a.ExistingPaths = []string{"/"} }, "ingress[0].service: nobody listens"},
		{"a sidecar's socket", func(a *CloudflareTunnelArgs) {
			rule("unix:/run/web/web.sock")(a)
			a.ExistingPaths = []string{"/run/web"}
		}, ""},
		{"the socket itself", func(a *CloudflareTunnelArgs) {
			rule("unix:/run/web.sock")(a)
			a.ExistingPaths = []string{"/run/web.sock"}
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := requireVerdict(t, func(a *CloudflareTunnelArgs) {
				a.Namespace, a.Files = "web", mounts
				test.change(a)
			}, test.wantErr)
			if err != nil {
				require.Len(t, strings.Split(err.Error(), "\n"), 1)
			}
		})
	}
}

// What a message about a file suggests is accepted.
func TestCloudflareTunnelArgs_ValidateSuggestedMounts(t *testing.T) {
	t.Parallel()
	const serviceAccount = "/run/secrets/kubernetes.io/serviceaccount/"
	own, cluster := FileArgs{ConfigMap: "origin-ca", MountPath: "/etc/origin-ca"}, FileArgs{ConfigMap: "kube-root-ca.crt", MountPath: "/etc/cluster-ca"}
	for caPool, want := range map[string]FileArgs{
		"/etc/ca/ca.crt":                   own,
		serviceAccount + "service-ca.crt":  own,
		serviceAccount + "ca.crt":          cluster,
		"/var" + serviceAccount + "ca.crt": cluster,
	} {
		args := validArgs()
		args.Namespace, args.OriginRequest = "web", &OriginRequest{CAPool: &caPool}
		err := args.Validate()
		require.ErrorContains(t, err, "originRequest.caPool: the connector's container has no "+caPool+"; ")
		require.ErrorContains(t, err, "{configMap: "+want.ConfigMap+", mountPath: "+want.MountPath+"}")
		args.Files, args.OriginRequest.CAPool = []FileArgs{want}, new(want.MountPath+"/ca.crt")
		require.NoError(t, args.Validate(), caPool)
	}
}
