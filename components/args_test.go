package components

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/internal/plantest"
)

func TestCloudflareTunnelArgs_Validate(t *testing.T) {
	t.Parallel()
	digest := "@sha256:" + strings.Repeat("0123456789abcdef", 4)
	for _, test := range []struct {
		name    string
		change  func(*CloudflareTunnelArgs)
		wantErr string // empty: valid
	}{
		{"the least", func(*CloudflareTunnelArgs) {}, ""},
		{"empty blocks", func(a *CloudflareTunnelArgs) {
			a.Pod, a.NetworkPolicy, a.Monitoring = &PodArgs{}, &NetworkPolicyArgs{}, &MonitoringArgs{Dashboard: &DashboardArgs{}}
		}, ""},
		{"tunnel name", func(a *CloudflareTunnelArgs) { a.TunnelName = "home-lab" }, ""},
		{"tunnel name with a space", func(a *CloudflareTunnelArgs) { a.TunnelName = "home lab" }, `tunnelName: "home lab"`},
		{"the longest tunnel name", func(a *CloudflareTunnelArgs) { a.TunnelName = strings.Repeat("a", MaxTunnelName) }, ""},
		{"tunnel name too long", func(a *CloudflareTunnelArgs) { a.TunnelName = strings.Repeat("a", 41) }, "at most 40"},
		{"rotation", func(a *CloudflareTunnelArgs) { a.Rotation = "2026-11" }, ""},
		{"existing tunnel", func(a *CloudflareTunnelArgs) { a.ExistingTunnel = plantest.TunnelID }, ""},
		{"existing tunnel by name", func(a *CloudflareTunnelArgs) { a.ExistingTunnel = "by-hand" }, `existingTunnel: "by-hand" is not a tunnel's ID`},
		{
			"existing tunnel and rotation", func(a *CloudflareTunnelArgs) { a.ExistingTunnel, a.Rotation = plantest.TunnelID, "2026-11" },
			"existingTunnel: can't be combined with rotation",
		},
		{"rotation with a slash", func(a *CloudflareTunnelArgs) { a.Rotation = "11/2026" }, `rotation: "11/2026"`},
		{"origin with a port", func(a *CloudflareTunnelArgs) { a.Origin = "https://traefik.kube-system.svc:8443" }, ""},
		{"origin by address", func(a *CloudflareTunnelArgs) { a.Origin = "http://[fd00::1]:80" }, ""},
		{"origin of a status", func(a *CloudflareTunnelArgs) { a.Origin = "http_status:404" }, ""},
		{"origin of the test page", func(a *CloudflareTunnelArgs) { a.Origin = "hello_world" }, ""},
		{"origin without a scheme", func(a *CloudflareTunnelArgs) { a.Origin = "web:80" }, `origin: "web:80" has no scheme, such as http://web:80`},
		{"origin without anything", func(a *CloudflareTunnelArgs) { a.Origin = "web" }, "has no scheme, such as http://web"},
		{"origin with a path", func(a *CloudflareTunnelArgs) { a.Origin = "http://web/app" }, "use http://web"},
		{"origin with a final slash", func(a *CloudflareTunnelArgs) { a.Origin = "http://web/" }, "use http://web"},
		{"origin without a host", func(a *CloudflareTunnelArgs) { a.Origin = "http://:80" }, "has no host"},
		{"origin of another scheme", func(a *CloudflareTunnelArgs) { a.Origin = "ftp://web" }, `the scheme "ftp"`},
		{"origin with credentials", func(a *CloudflareTunnelArgs) { a.Origin = "http://me:word@web" }, "origin: has an @, but must not contain credentials"},
		{"origin with a bad port", func(a *CloudflareTunnelArgs) { a.Origin = "http://web:99999" }, "port from 1 to 65535"},
		{"origin with an empty port", func(a *CloudflareTunnelArgs) { a.Origin = "http://web:" }, "port from 1 to 65535"},
		{"origin of a bad status", func(a *CloudflareTunnelArgs) { a.Origin = "http_status:ok" }, "three-digit status code"},
		{"common bastion mode", func(a *CloudflareTunnelArgs) { a.OriginRequest = &OriginRequest{BastionMode: new(true)} }, "originRequest.bastionMode: with bastion, every visitor"},
		{"common bastion mode behind Access", func(a *CloudflareTunnelArgs) {
			a.OriginRequest = &OriginRequest{BastionMode: new(true), Access: &Access{Required: new(true), TeamName: "home", AudTag: []string{"tag"}}}
		}, "originRequest.bastionMode: with bastion, clients choose the destination"},
		{"namespace", func(a *CloudflareTunnelArgs) { a.Namespace = "web" }, ""},
		{"namespace in upper case", func(a *CloudflareTunnelArgs) { a.Namespace = "Web" }, `namespace: "Web"`},
		{"image by digest", func(a *CloudflareTunnelArgs) { a.Image = "cloudflare/cloudflared" + digest }, ""},
		{"image by tag and digest", func(a *CloudflareTunnelArgs) { a.Image = "registry.lan:5000/cloudflared:2026.3.0" + digest }, ""},
		{"image in upper case", func(a *CloudflareTunnelArgs) { a.Image = "cloudflare/Cloudflared:1" }, "image: "},
		{"image without a tag", func(a *CloudflareTunnelArgs) { a.Image = "cloudflare/cloudflared" }, "image: "},
		{"image of a registry's port without a tag", func(a *CloudflareTunnelArgs) { a.Image = "registry.lan:5000/cloudflared" }, "image: "},
		{"most replicas", func(a *CloudflareTunnelArgs) { a.Replicas = 24 }, ""},
		{"too many replicas", func(a *CloudflareTunnelArgs) { a.Replicas = 25 }, "replicas: 25 is too many"},
		{"negative replicas", func(a *CloudflareTunnelArgs) { a.Replicas = -1 }, "replicas: -1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := requireVerdict(t, test.change, test.wantErr)
			if err != nil {
				require.NotContains(t, err.Error(), "word", "a password may not be repeated")
			}
		})
	}
}

// requireVerdict changes valid arguments and demands that they are still valid, or,
// unless wantErr is empty, invalid with this message. It returns the error.
func requireVerdict(t *testing.T, change func(*CloudflareTunnelArgs), wantErr string) error {
	t.Helper()
	args := validArgs()
	change(args)
	err := args.Validate()
	if wantErr == "" {
		require.NoError(t, err)
	} else {
		require.ErrorContains(t, err, wantErr)
	}
	return err
}

// Whatever may be an address may be given with a password, which no message repeats.
func TestCloudflareTunnelArgs_ValidateRepeatsNoPassword(t *testing.T) {
	t.Parallel()
	access := func(text string) *OriginRequest {
		return &OriginRequest{Access: &Access{Required: new(true), TeamName: text, AudTag: []string{"tag"}}}
	}
	rule := func(service string, request *OriginRequest) []IngressRule {
		return []IngressRule{{Hostname: "a.example.com", Service: service, OriginRequest: request}}
	}
	for argument, set := range map[string]func(a *CloudflareTunnelArgs, text string){
		"domain":                         func(a *CloudflareTunnelArgs, text string) { a.Domain = text },
		"hostnames[0]":                   func(a *CloudflareTunnelArgs, text string) { a.Hostnames = []string{text} },
		"image":                          func(a *CloudflareTunnelArgs, text string) { a.Image = text },
		"origin":                         func(a *CloudflareTunnelArgs, text string) { a.Origin = text },
		"originRequest.access.teamName":  func(a *CloudflareTunnelArgs, text string) { a.OriginRequest = access(text) },
		"originRequest.httpHostHeader":   func(a *CloudflareTunnelArgs, text string) { a.OriginRequest = &OriginRequest{HTTPHostHeader: &text} },
		"originRequest.originServerName": func(a *CloudflareTunnelArgs, text string) { a.OriginRequest = &OriginRequest{OriginServerName: &text} },
		"originRequest.proxyAddress":     func(a *CloudflareTunnelArgs, text string) { a.OriginRequest = &OriginRequest{ProxyAddress: &text} },
		"ingress[0].service":             func(a *CloudflareTunnelArgs, text string) { a.Ingress = rule(text, nil) },
		"ingress[0].hostname": func(a *CloudflareTunnelArgs, text string) {
			a.Ingress = []IngressRule{{Hostname: text, Service: "http://192.0.2.1"}}
		},
		"ingress[0].originRequest.access": func(a *CloudflareTunnelArgs, text string) { a.Ingress = rule("hello_world", access(text)) },
		"networkPolicy.origins[0].host": func(a *CloudflareTunnelArgs, text string) {
			a.NetworkPolicy = &NetworkPolicyArgs{Origins: []PolicyOriginArgs{{Host: text, To: []PeerArgs{{CIDR: "192.0.2.1/32"}}}}}
		},
	} {
		for _, text := range []string{"https://me:word@home.example.com/", "me:word@home", "http://me:80/word@home", "https://me:word@home.example.com\n", "https://me:word@home.cloudflareaccess.com"} {
			args := validArgs()
			set(args, text)
			err := args.Validate()
			require.ErrorContains(t, err, argument)
			require.NotContains(t, err.Error(), "word", "%s: %q", argument, text)
			require.Len(t, strings.Split(err.Error(), "\n"), 1, "%s: %q", argument, text)
		}
	}
}

// A component whose name can't be a tunnel's needs another name for the tunnel.
func TestCloudflareTunnel_NameOfTheTunnel(t *testing.T) {
	t.Parallel()
	create := func(args *CloudflareTunnelArgs) error {
		return new(plantest.Engine).Run(func(ctx *pulumi.Context) error {
			_, err := NewCloudflareTunnel(ctx, "MyEdge", args)
			return err
		})
	}
	args := validArgs()
	args.Replicas = -1
	err := create(args)
	require.ErrorContains(t, err, `tunnelName: "MyEdge" is not made of`)
	require.ErrorContains(t, err, "it is not set, and defaults to the component's name")
	require.ErrorContains(t, err, "replicas: -1 is negative")

	args.TunnelName = "My Edge"
	require.NotContains(t, create(args).Error(), "component's name")
	args = validArgs()
	args.TunnelName = "my-edge"
	require.NoError(t, create(args))
}

// Only releases of cloudflared itself tell their age.
func TestImageWarnings(t *testing.T) {
	t.Parallel()
	digest := "@sha256:" + strings.Repeat("0123456789abcdef", 4)
	for image, old := range map[string]bool{
		DefaultImage:                                                  false,
		"cloudflare/cloudflared:2024.10.1":                            false,
		"cloudflare/cloudflared:2024.10.1-amd64":                      false,
		"cloudflare/cloudflared:2024.11.0":                            false,
		"cloudflare/cloudflared:2024.10.0":                            true,
		"cloudflare/cloudflared:2024.9.1":                             true,
		"docker.io/cloudflare/cloudflared:2023.12.2":                  true,
		"registry.lan:5000/hub/cloudflare/cloudflared:2024.9.1-amd64": true,
		"cloudflare/cloudflared:2024.9.1" + digest:                    true,
		"cloudflare/cloudflared" + digest:                             false,
		"cloudflare/cloudflared:latest":                               false,
		"registry.lan/me/cloudflared:2023.1.0":                        false,
		"registry.lan/notcloudflare/cloudflared:2023.1.0":             false,
	} {
		args := validArgs()
		args.Image = image
		if warnings := args.withDefaults("edge").imageWarnings(); old {
			require.Len(t, warnings, 1, image)
			require.Contains(t, warnings[0], "drops requests when a pod stops, or breaks POST requests without a body; use 2024.10.1 or later, such as "+DefaultImage)
		} else {
			require.Empty(t, warnings, image)
		}
	}
	args := validArgs()
	args.Image = "cloudflare/cloudflared:2024.9.1"
	require.Equal(t, args.withDefaults("edge").imageWarnings(), declare(t, args).Warnings())
}

// A setting that the release doesn't know has no effect.
func TestImageWarnings_OfSettings(t *testing.T) {
	t.Parallel()
	access := func(environment string) *OriginRequest {
		return &OriginRequest{Access: &Access{Required: new(true), TeamName: "gov", AudTag: []string{"tag"}, Environment: environment}}
	}
	const json = "connector.logFormat: json needs cloudflared 2025.6.1 or later; image is "
	const fed = "originRequest.access.environment: fed needs cloudflared 2025.9.0 or later; image is "
	for tag, want := range map[string][]string{
		"2025.6.0":  {json + "2025.6.0, which logs text", "ingress[0]." + fed + "2025.6.0, which ignores it and refuses everybody", fed + "2025.6.0, which ignores it and refuses everybody"},
		"2025.6.1":  {"ingress[0]." + fed + "2025.6.1, which ignores it and refuses everybody", fed + "2025.6.1, which ignores it and refuses everybody"},
		"2025.9.0":  nil,
		"2025.10.0": nil,
		"latest":    nil,
	} {
		args := validArgs()
		args.Image, args.Connector, args.OriginRequest = "cloudflare/cloudflared:"+tag, &ConnectorArgs{LogFormat: "json"}, access("fed")
		args.Ingress = []IngressRule{
			{Hostname: "a.example.com", Service: "http://192.0.2.1", OriginRequest: access("fed")},
			{Hostname: "b.example.com", Service: "http://192.0.2.1", OriginRequest: access("")},
		}
		require.Equal(t, want, args.withDefaults("edge").imageWarnings(), tag)
		args.Connector, args.OriginRequest, args.Ingress = nil, nil, nil
		require.Empty(t, args.withDefaults("edge").imageWarnings(), tag)
	}
}

// Where the release isn't known, neither is whether it starts.
func TestImageWarnings_OfAnUnknownRelease(t *testing.T) {
	t.Parallel()
	for image, warns := range map[string]bool{
		"cloudflare/cloudflared:latest":                                          true,
		"cloudflare/cloudflared@sha256:" + strings.Repeat("0123456789abcdef", 4): true,
		"cloudflare/cloudflared:2026.5.0":                                        false,
	} {
		args := validArgs()
		args.Image, args.Connector = image, &ConnectorArgs{Protocol: "http2", PostQuantum: true}
		warnings := declare(t, args).Warnings()
		if !warns {
			require.Empty(t, warnings, image)
			continue
		}
		require.Len(t, warnings, 1, image)
		require.Contains(t, warnings[0], "connector.postQuantum: over http2 it needs cloudflared 2026.5.0 or later")
		args.Connector.Protocol = ""
		require.Empty(t, declare(t, args).Warnings(), image)
	}
}
