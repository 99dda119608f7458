package components

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// fullRequest has every field set.
func fullRequest() *OriginRequest {
	return &OriginRequest{
		ConnectTimeout: ptr("10s"), TLSTimeout: ptr("5s"), TCPKeepAlive: ptr("1m30s"), NoHappyEyeballs: ptr(true),
		KeepAliveConnections: ptr(0), KeepAliveTimeout: ptr("0s"), HTTPHostHeader: ptr("web.lan"), OriginServerName: ptr("web.lan"),
		MatchSNIToHost: ptr(false), CAPool: ptr("/etc/ca.pem"), NoTLSVerify: ptr(true), DisableChunkedEncoding: ptr(true),
		BastionMode: ptr(false), ProxyAddress: ptr("127.0.0.1"), ProxyPort: ptr(1080), ProxyType: ptr("socks"),
		IPRules:     []IPRule{{Prefix: "10.0.0.0/8", Ports: []int{80, 443}, Allow: true}, {Prefix: "fd00::/8"}},
		HTTP2Origin: ptr(true), Access: &Access{Required: true, TeamName: "home", AudTag: []string{"tag"}, Environment: "fed"},
	}
}

func ingressArgs() *CloudflareTunnelArgs {
	args := validArgs()
	args.OriginRequest = &OriginRequest{ConnectTimeout: ptr("20s")}
	args.Ingress = []IngressRule{
		{Hostname: "api.example.com", Path: `^/v\d+/`, Service: "https://api.default.svc:6443", OriginRequest: fullRequest()},
		{Hostname: "*.example.com", Service: "http://traefik.kube-system"},
		{Path: `\.jpg$`, Service: "unix:/run/photos.sock"},
	}
	return args
}

func TestRenderConfig_Ingress(t *testing.T) {
	t.Parallel()
	request := reflect.ValueOf(fullRequest()).Elem()
	for i := range request.NumField() {
		require.False(t, request.Field(i).IsZero(), "%s isn't part of the test", request.Type().Field(i).Name)
	}
	got, err := renderConfig(testTunnelID, ingressArgs())
	require.NoError(t, err)
	golden(t, "config-ingress.yaml", got)
}

// What is rendered is what cloudflared understands: it knows every field's
// name, and chooses the rule that is meant.
func TestRenderConfig_CloudflaredUnderstands(t *testing.T) {
	t.Parallel()
	cloudflared := stockCloudflared(t)
	config, err := os.ReadFile(filepath.Join("testdata", "config-ingress.yaml"))
	require.NoError(t, err)
	require.Empty(t, stockRefusal(t, cloudflared, config))
	for url, service := range map[string]string{
		"https://api.example.com/v1/pods":  "https://api.default.svc:6443",
		"https://api.example.com/v/":       "http://traefik.kube-system",
		"https://a.b.example.com/":         "http://traefik.kube-system",
		"https://example.com/cat.jpg":      "unix:/run/photos.sock",
		"https://example.com/":             DefaultOrigin,
		"https://api.example.net/v1/x.png": DefaultOrigin,
	} {
		out, err := exec.Command(cloudflared, "tunnel", "--config", "testdata/config-ingress.yaml", "ingress", "rule", url).CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "service: "+service+"\n", url)
	}
}

func TestEffectiveIngress(t *testing.T) {
	t.Parallel()
	web, all := IngressRule{Hostname: "example.com", Service: "http://web"}, IngressRule{Hostname: "*", Service: "http_status:404"}
	for _, test := range []struct {
		name string
		args CloudflareTunnelArgs
		want []IngressRule
	}{
		{"nothing", CloudflareTunnelArgs{}, []IngressRule{{Service: DefaultOrigin}}},
		{"origin", CloudflareTunnelArgs{Origin: "http://web"}, []IngressRule{{Service: "http://web"}}},
		{"rules and origin", CloudflareTunnelArgs{Origin: "http://web", Ingress: []IngressRule{web}}, []IngressRule{web, {Service: "http://web"}}},
		{"rules that match all", CloudflareTunnelArgs{Origin: "http://web", Ingress: []IngressRule{web, all}}, []IngressRule{web, all}},
		{"a last path isn't all", CloudflareTunnelArgs{Ingress: []IngressRule{{Path: "/", Service: "http://web"}}}, []IngressRule{{Path: "/", Service: "http://web"}, {Service: DefaultOrigin}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, effectiveIngress(&test.args))
		})
	}
}

// An access for all protects every rule, though cloudflared itself doesn't hand
// it down.
func TestEffectiveIngress_Inherits(t *testing.T) {
	t.Parallel()
	own, common := &Access{Required: true, TeamName: "own"}, &Access{Required: true, TeamName: "common"}
	ranges := []IPRule{{Prefix: "10.0.0.0/8", Allow: true}}
	args := &CloudflareTunnelArgs{
		OriginRequest: &OriginRequest{Access: common, IPRules: ranges, NoTLSVerify: ptr(true)},
		Ingress: []IngressRule{
			{Hostname: "a", Service: "http://a", OriginRequest: &OriginRequest{Access: own, HTTP2Origin: ptr(true)}},
			{Hostname: "b", Service: "socks-proxy"},
		},
	}
	rules := effectiveIngress(args)
	require.Equal(t, &OriginRequest{Access: own, IPRules: ranges, HTTP2Origin: ptr(true)}, rules[0].OriginRequest)
	require.Equal(t, &OriginRequest{Access: common, IPRules: ranges}, rules[1].OriginRequest)
	require.Equal(t, &OriginRequest{Access: common, IPRules: ranges}, rules[2].OriginRequest, "the origin")
	require.Nil(t, args.Ingress[1].OriginRequest, "the arguments are the caller's")
}

func TestCloudflareTunnelArgs_ValidateIngress(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		rule    string // YAML
		wantErr string // empty: valid
	}{
		{"every path of a host", `{hostname: example.com, service: http://web}`, ""},
		{"bastion of no service", `{hostname: example.com, originRequest: {bastionMode: true}}`, ""},
		{"no service", `{hostname: example.com}`, "ingress[0].service: not set"},
		{"no scheme", `{hostname: example.com, service: "web:80"}`, `ingress[0].service: "web:80" has no scheme, such as http://web:80`},
		{"path in the service", `{hostname: example.com, service: http://web/app}`, "write http://web"},
		{"another scheme", `{hostname: example.com, service: "vnc://web:5900"}`, `has the scheme "vnc"; use one of http, https, ws, wss, tcp, ssh, rdp, smb`},
		{"password", `{hostname: example.com, service: "http://me:word@web"}`, "xxxxx"},
		{"password in a faulty URL", `{hostname: example.com, service: "http://me:word@we b"}`, "not a URL"},
		{"socket without a path", `{hostname: example.com, service: "unix:"}`, "unix:/run/web.sock"},
		{"faulty status", `{hostname: example.com, service: "http_status:1000"}`, "status code"},
		{"faulty status with bastion mode", `{hostname: example.com, service: "http_status:1000", originRequest: {bastionMode: true}}`, "status code"},
		{"catch-all too early", `{service: http://web}`, "ingress[0]: matches every request"},
		{"catch-all with a star too early", `{hostname: "*", service: http://web}`, "ingress[0]: matches every request"},
		{"port", `{hostname: "example.com:80", service: http://web}`, `ingress[0].hostname: "example.com:80" has a port; a rule matches the host name alone, so write "example.com"`},
		{"inner wildcard", `{hostname: a.*.com, service: http://web}`, "wildcard that isn't the whole first label"},
		{"URL", `{hostname: "https://example.com", service: http://web}`, "is a URL"},
		{"expression", `{path: "(", service: http://web}`, `ingress[0].path: "(" is not a regular expression`},
		{"expression with YAML's line break", "path: |\n  ^/api\nservice: http://web", `ingress[0].path: "^/api\n" has a line break`},
		{"duration without a unit", `{path: /, service: http://web, originRequest: {connectTimeout: "30"}}`, `ingress[0].originRequest.connectTimeout: "30" is not a duration, such as 30s`},
		{"proxy type", `{path: /, service: http://web, originRequest: {proxyType: http}}`, "proxyType"},
		{"proxy port", `{path: /, service: http://web, originRequest: {proxyPort: -1}}`, "proxyPort: -1"},
		{"access without a team", `{path: /, service: http://web, originRequest: {access: {required: true, audTag: [x]}}}`, "ingress[0].originRequest.access.teamName: not set"},
		{"range of addresses", `{path: /, service: socks-proxy, originRequest: {ipRules: [{prefix: 10.0.0.0}]}}`, `ingress[0].originRequest.ipRules[0].prefix: "10.0.0.0" is not a range`},
		{"port of a range", `{path: /, service: socks-proxy, originRequest: {ipRules: [{prefix: 10.0.0.0/8, ports: [80, 0]}]}}`, "ipRules[0].ports[1]: 0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			args := validArgs()
			args.Ingress = make([]IngressRule, 2)
			require.NoError(t, yaml.Unmarshal([]byte(test.rule), &args.Ingress[0]))
			args.Ingress[1].Service = "http_status:404"
			err := validateIngress(args)
			if test.wantErr == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.wantErr)
			require.Len(t, strings.Split(err.Error(), "\n"), 1)
			require.NotContains(t, err.Error(), "word", "a password may not be repeated")
		})
	}
}
