package cloudflared

import (
	"cmp"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"k8s-tunnel/components/internal/golden"
)

// fullRequest has every field set.
func fullRequest() *OriginRequest {
	return &OriginRequest{
		ConnectTimeout: new("10s"), TLSTimeout: new("5s"), TCPKeepAlive: new("1m30s"), NoHappyEyeballs: new(true),
		KeepAliveConnections: new(0), KeepAliveTimeout: new("0s"), HTTPHostHeader: new("web.lan"), OriginServerName: new("web.lan"),
		MatchSNIToHost: new(false), CAPool: new("/etc/ca.pem"), NoTLSVerify: new(true), DisableChunkedEncoding: new(true),
		BastionMode: new(false), ProxyAddress: new("127.0.0.1"), ProxyPort: new(1080), ProxyType: new("socks"),
		IPRules:     []IPRule{{Prefix: "10.0.0.0/8", Ports: []int{80, 443}, Allow: true}, {Prefix: "fd00::/8"}},
		HTTP2Origin: new(true), Access: &Access{Required: new(true), TeamName: "home", AudTag: []string{"tag"}, Environment: "fed"},
	}
}

const (
	testTunnelID = "11111111-2222-3333-4444-555555555555"
	testOrigin   = "http://ingress.web"
)

func testRouting() Routing {
	return Routing{Origin: testOrigin, OriginRequest: &OriginRequest{ConnectTimeout: new("20s"), KeepAliveTimeout: new(DefaultKeepAliveTimeout)}, Ingress: []IngressRule{
		{Hostname: "api.example.com", Path: `^/v\d+/`, Service: "https://api.default.svc:6443", OriginRequest: fullRequest()},
		{Hostname: "*.example.com", Service: "http://traefik.kube-system"},
		{Path: `\.jpg$`, Service: "unix:/run/photos.sock"},
	}}
}

func testConfig(routing Routing) Config {
	return Config{TunnelID: testTunnelID, EdgeIPVersion: "auto", GracePeriod: "30s", OriginRequest: routing.OriginRequest, Ingress: routing.Rules()}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	request := reflect.ValueOf(fullRequest()).Elem()
	for i := range request.NumField() {
		require.False(t, request.Field(i).IsZero(), "%s isn't part of the test", request.Type().Field(i).Name)
	}
	got, err := testConfig(testRouting()).YAML()
	require.NoError(t, err)
	golden.Compare(t, filepath.Join("testdata", "config-ingress.yaml"), got)
}

// cloudflared knows every field of the rendered file and chooses the rules as intended.
func TestConfig_StockCloudflaredUnderstands(t *testing.T) {
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
		"https://example.com/":             testOrigin,
		"https://api.example.net/v1/x.png": testOrigin,
	} {
		require.Equal(t, service, stockService(t, cloudflared, string(config), url), url)
	}
}

func TestRouting_Rules(t *testing.T) {
	t.Parallel()
	web, all := IngressRule{Hostname: "example.com", Service: "http://web"}, IngressRule{Hostname: "*", Service: "http_status:404"}
	path, origin := IngressRule{Path: "/", Service: "http://web"}, IngressRule{Service: testOrigin}
	for _, test := range []struct {
		name    string
		ingress []IngressRule
		want    []IngressRule
	}{
		{"origin", nil, []IngressRule{origin}},
		{"rules and origin", []IngressRule{web}, []IngressRule{web, origin}},
		{"rules that match everything", []IngressRule{web, all}, []IngressRule{web, all}},
		{"capitals", []IngressRule{{Hostname: "Example.com", Service: "http://web"}}, []IngressRule{web, origin}},
		{
			"a wildcard in Unicode",
			[]IngressRule{{Hostname: "*.bücher.example", Service: "http://web"}},
			[]IngressRule{{Hostname: "*.xn--bcher-kva.example", Service: "http://web"}, origin},
		},
		{"a path doesn't match everything", []IngressRule{path}, []IngressRule{path, origin}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, Routing{Origin: testOrigin, Ingress: test.ingress}.Rules())
		})
	}
}

// A common access protects every rule, though cloudflared itself doesn't apply it
// to them.
func TestRouting_RulesInherit(t *testing.T) {
	t.Parallel()
	own, common := &Access{Required: new(true), TeamName: "own"}, &Access{Required: new(true), TeamName: "common"}
	ranges := []IPRule{{Prefix: "10.0.0.0/8", Ports: []int{22}, Allow: true}}
	routing := Routing{
		Origin:        testOrigin,
		OriginRequest: &OriginRequest{Access: common, IPRules: ranges, NoTLSVerify: new(true)},
		Ingress: []IngressRule{
			{Hostname: "a", Service: "http://a", OriginRequest: &OriginRequest{Access: own, HTTP2Origin: new(true)}},
			{Hostname: "b", Service: "socks-proxy"},
		},
	}
	rules := routing.Rules()
	require.Equal(t, &OriginRequest{Access: own, IPRules: ranges, HTTP2Origin: new(true)}, rules[0].OriginRequest)
	require.Equal(t, &OriginRequest{Access: common, IPRules: ranges}, rules[1].OriginRequest)
	require.Equal(t, &OriginRequest{Access: common, IPRules: ranges}, rules[2].OriginRequest, "the origin")
	require.Nil(t, routing.Ingress[1].OriginRequest, "the arguments are the caller's")
}

// The client chooses the destination of a rule in bastion mode, as cloudflared
// decides on it: the rule itself wins over the common settings, and services that
// cloudflared answers itself stay what they are.
func TestRouting_DestinationsInBastionMode(t *testing.T) {
	t.Parallel()
	access := &Access{Required: new(true), TeamName: "home", AudTag: []string{"tag"}}
	on, off := &OriginRequest{BastionMode: new(true), Access: access}, &OriginRequest{BastionMode: new(false), Access: access}
	for _, test := range []struct {
		name          string
		service       string
		rule, common  *OriginRequest
		want, wantErr string
		path          string // that of the service if empty
	}{
		{"rule", "http://web.default", on, nil, "bastion", "", "ingress[0].originRequest.bastionMode"},
		{"common", "http://web.default", nil, on, "bastion", "", "originRequest.bastionMode"},
		{"rule off, common on", "http://web.default", off, on, "web.default", "", ""},
		{"rule on, common off", "http://web.default", on, off, "bastion", "", "ingress[0].originRequest.bastionMode"},
		{"no service", "", on, nil, "bastion", "", "ingress[0].originRequest.bastionMode"},
		{"no service, off", "", off, on, "", "ingress[0].service: not set", ""},
		{"malformed service", "web:80", nil, on, "bastion", "", "originRequest.bastionMode"},
		{"the service bastion, off", "bastion", off, nil, "bastion", "", ""},
		{"a status", "http_status:404", nil, on, "", "", ""},
		{"an impossible status", "http_status:1000", nil, on, "", "status code", ""},
		{"the test page", "hello_world", on, nil, "", "", ""},
		{"a socket", "unix:/run/web.sock", on, nil, "", "", ""},
		{"a SOCKS proxy", "socks-proxy", on, nil, "socks-proxy", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			routing := Routing{Origin: testOrigin, OriginRequest: test.common, Ingress: []IngressRule{
				{Hostname: "example.com", Service: test.service, OriginRequest: test.rule}, {Service: "http_status:404"},
			}}
			err := routing.Validate()
			if test.wantErr != "" {
				require.ErrorContains(t, err, test.wantErr)
			} else {
				require.NoError(t, err)
			}
			var hosts []string
			for _, d := range routing.Destinations() {
				if strings.HasSuffix(d.Path, ".access") {
					continue
				}
				hosts = append(hosts, d.Host)
				require.Equal(t, cmp.Or(test.path, "ingress[0].service"), d.Path)
			}
			require.Equal(t, strings.Fields(test.want), append([]string{}, hosts...))
		})
	}
}

// No client that chooses the destination gets to the connector itself unless Access
// knows the client. One cause is one problem.
func TestRouting_ValidateBastion(t *testing.T) {
	t.Parallel()
	const itself = ": with bastion, every visitor may choose the connector itself"
	mode := func(on bool, access *Access) *OriginRequest { return &OriginRequest{BastionMode: &on, Access: access} }
	required, optional := &Access{Required: new(true), TeamName: "home", AudTag: []string{"tag"}}, &Access{Required: new(false), TeamName: "home"}
	for _, test := range []struct {
		name    string
		common  *OriginRequest
		ingress []IngressRule
		want    []string // where problems are
	}{
		{"service", nil, []IngressRule{{Path: "a", Service: "bastion"}}, []string{"ingress[0].service"}},
		{"mode", nil, []IngressRule{{Path: "a", Service: "http://web", OriginRequest: mode(true, nil)}}, []string{"ingress[0].originRequest.bastionMode"}},
		{"common mode", mode(true, nil), []IngressRule{{Path: "a", Service: "http://a"}, {Path: "b", Service: "http://b"}}, []string{"originRequest.bastionMode"}},
		{"common mode that no rule has", mode(true, nil), []IngressRule{{Service: "http_status:404"}}, nil},
		{"common mode, off everywhere", mode(true, nil), []IngressRule{{Service: "http://a", OriginRequest: mode(false, nil)}}, nil},
		{"access", nil, []IngressRule{{Path: "a", Service: "bastion", OriginRequest: &OriginRequest{Access: required}}}, nil},
		{"common access", &OriginRequest{Access: required}, []IngressRule{{Path: "a", Service: "bastion"}}, nil},
		{"access that isn't required", nil, []IngressRule{{Path: "a", Service: "bastion", OriginRequest: &OriginRequest{Access: optional}}}, []string{"ingress[0].service"}},
		{"access that the rule lifts", mode(true, required), []IngressRule{{Path: "a", Service: "ssh://a", OriginRequest: &OriginRequest{Access: optional}}}, []string{"originRequest.bastionMode"}},
		{"each cause", nil, []IngressRule{{Path: "a", Service: "bastion"}, {Path: "b", Service: "bastion"}}, []string{"ingress[0].service", "ingress[1].service"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := Routing{Origin: testOrigin, OriginRequest: test.common, Ingress: test.ingress}.Validate()
			var got []string
			for _, problem := range flatten(err) {
				if problem != nil {
					where, _, found := strings.Cut(problem.Error(), itself)
					require.True(t, found, problem)
					got = append(got, where)
				}
			}
			require.Equal(t, test.want, got)
		})
	}
}

// matchSNItoHost takes the place of other settings wherever they meet on a rule, whether
// they are its own or common ones. One cause is one problem.
func TestRouting_ValidateSNI(t *testing.T) {
	t.Parallel()
	match, http2, name := &OriginRequest{MatchSNIToHost: new(true)}, &OriginRequest{HTTP2Origin: new(true)}, &OriginRequest{OriginServerName: new("web.lan")}
	both := &OriginRequest{MatchSNIToHost: new(true), HTTP2Origin: new(true)}
	for _, test := range []struct {
		name         string
		service      string
		common, rule *OriginRequest
		want         []string
	}{
		{"either", "https://web", match, nil, nil},
		{"HTTP/2 in the rule", "https://web", match, http2, []string{"ingress[0].originRequest.matchSNItoHost: cloudflared drops http2Origin with it; remove one of the two"}},
		{"a name in the rule", "wss://web", match, name, []string{"ingress[0].originRequest.matchSNItoHost: cloudflared drops originServerName with it; remove one of the two"}},
		{"the match in the rule", "https://web", name, match, nil},
		{"both common", "https://web", both, nil, []string{"originRequest.matchSNItoHost: cloudflared drops http2Origin"}},
		{"both in the rule", "https://web", nil, both, []string{"ingress[0].originRequest.matchSNItoHost: cloudflared drops http2Origin"}},
		{"all", "https://web", both, name, []string{"originRequest.matchSNItoHost: cloudflared drops http2Origin", "ingress[0].originRequest.matchSNItoHost: cloudflared drops originServerName"}},
		{"off in the rule", "https://web", both, &OriginRequest{MatchSNIToHost: new(false)}, nil},
		{"HTTP/2 off in the rule", "https://web", both, &OriginRequest{HTTP2Origin: new(false)}, nil},
		{"an empty name", "https://web", &OriginRequest{MatchSNIToHost: new(true), OriginServerName: new("web.lan")}, &OriginRequest{OriginServerName: new("")}, nil},
		{"a service without TLS", "http://web", both, name, nil},
		{"a status", "http_status:404", both, name, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := Routing{Origin: "https://web", OriginRequest: test.common, Ingress: []IngressRule{
				{Hostname: "example.com", Service: test.service, OriginRequest: test.rule}, {Service: "http_status:404"},
			}}.Validate()
			if test.want == nil {
				require.NoError(t, err)
				return
			}
			problems := strings.Split(err.Error(), "\n")
			require.Len(t, problems, len(test.want))
			for i, want := range test.want {
				require.True(t, strings.HasPrefix(problems[i], want), problems[i])
			}
		})
	}
	err := Routing{Origin: "https://web", OriginRequest: both, Ingress: []IngressRule{{Hostname: "example.com", Service: "https://a"}}}.Validate()
	require.EqualError(t, err, "originRequest.matchSNItoHost: cloudflared drops http2Origin with it; remove one of the two")
}

// Nor does a client of the SOCKS proxy, whatever addresses it may use.
func TestRouting_RulesOfSOCKSProxy(t *testing.T) {
	t.Parallel()
	anywhere := []IPRule{{Prefix: "0.0.0.0/0", Ports: []int{2000}}, {Prefix: "::/0", Ports: []int{2000}}}
	for _, test := range []struct {
		name         string
		service      string
		rules        []IPRule
		wantGuarding bool
	}{
		{"all ports", "socks-proxy", []IPRule{{Prefix: "10.0.0.0/8", Allow: true}}, true},
		{"its port", "socks-proxy", []IPRule{{Prefix: "::/0", Ports: []int{22, 2000}, Allow: true}}, true},
		{"other ports", "socks-proxy", []IPRule{{Prefix: "10.0.0.0/8", Ports: []int{22}, Allow: true}}, false},
		{"nothing", "socks-proxy", []IPRule{{Prefix: "10.0.0.0/8"}}, false},
		{"no rules", "socks-proxy", nil, false},
		{"another service", "http://web", []IPRule{{Prefix: "10.0.0.0/8", Allow: true}}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			given := &OriginRequest{IPRules: test.rules}
			want := test.rules
			if test.wantGuarding {
				want = slices.Concat(anywhere, test.rules)
			}
			own := Routing{Ingress: []IngressRule{{Service: test.service, OriginRequest: given}}}.Rules()
			require.Equal(t, want, own[0].OriginRequest.IPRules)
			require.Equal(t, test.rules, given.IPRules, "the arguments are the caller's")
			common := Routing{OriginRequest: given, Ingress: []IngressRule{{Service: test.service}}}.Rules()
			if test.rules != nil {
				require.Equal(t, want, common[0].OriginRequest.IPRules)
			}
		})
	}
}

// What cloudflared opens, by the argument that names it.
func TestRouting_Files(t *testing.T) {
	t.Parallel()
	routing := Routing{Origin: testOrigin, OriginRequest: &OriginRequest{CAPool: new("/etc/a.pem")}, Ingress: []IngressRule{
		{Service: "unix:/run/web.sock", OriginRequest: &OriginRequest{CAPool: new("/etc/b.pem")}},
		{Service: "unix+tls:/run/tls.sock", OriginRequest: &OriginRequest{CAPool: new("")}},
		{Service: "unix:"},
	}}
	require.Equal(t, []File{
		{Argument: "originRequest.caPool", Path: "/etc/a.pem"},
		{Argument: "ingress[0].service", Path: "/run/web.sock", Socket: true},
		{Argument: "ingress[0].originRequest.caPool", Path: "/etc/b.pem"},
		{Argument: "ingress[1].service", Path: "/run/tls.sock", Socket: true},
	}, routing.Files())
}

// What a rule may have, and the origin may not, is one problem. Its destination isn't
// asked for.
func TestRouting_ValidateOrigin(t *testing.T) {
	t.Parallel()
	const inRule = " can't be the origin; use it in a rule without hostname and path, as the last one of ingress"
	for origin, want := range map[string]string{
		"http://web":         "",
		"http_status:404":    "",
		"hello_world":        "",
		"hello-world":        "",
		"unix:/run/web.sock": `origin: "unix:/run/web.sock"` + inRule,
		"unix+tls:/run/web":  `origin: "unix+tls:/run/web"` + inRule,
		"bastion":            `origin: "bastion"` + inRule,
		"socks-proxy":        `origin: "socks-proxy"` + inRule,
		"tcp://web":          `origin: "tcp://web" has the scheme "tcp"; use one of http, https, ws, wss`,
		"http-status:404":    `origin: "http-status:404" is not a service; use http_status:404`,
		"http:/web":          `origin: "http:/web" has no // after http:; use http://web`,
	} {
		routing := Routing{Origin: origin}
		err := routing.Validate()
		if want == "" {
			require.NoError(t, err, origin)
			continue
		}
		require.EqualError(t, err, want)
		require.Empty(t, routing.Destinations(), origin)
	}
}

// With a common bastion mode, the client chooses the origin as well.
func TestRouting_DestinationsOfOriginInBastionMode(t *testing.T) {
	t.Parallel()
	routing := Routing{Origin: testOrigin, OriginRequest: &OriginRequest{BastionMode: new(true)}}
	require.Equal(t, []Destination{{Path: "originRequest.bastionMode", Host: "bastion"}}, routing.Destinations())
}

// A common access is one destination, named by the argument that asks for it.
func TestRouting_DestinationsOfAccess(t *testing.T) {
	t.Parallel()
	access := func(team string) *OriginRequest {
		return &OriginRequest{Access: &Access{Required: new(true), TeamName: team, AudTag: []string{"tag"}}}
	}
	routing := Routing{Origin: "http_status:404", OriginRequest: access("home"), Ingress: []IngressRule{
		{Hostname: "a", Service: "hello_world"},
		{Hostname: "b", Service: "hello_world", OriginRequest: access("lab")},
		{Hostname: "c", Service: "hello_world", OriginRequest: &OriginRequest{Access: &Access{Required: new(false), TeamName: "off"}}},
		{Hostname: "d", Service: "hello_world", OriginRequest: &OriginRequest{Access: &Access{Required: new(true), TeamName: "gov", Environment: "fed"}}},
		{Hostname: "e", Service: "hello_world", OriginRequest: access("home.cloudflareaccess.com")},
		{Hostname: "f", Service: "hello_world", OriginRequest: &OriginRequest{Access: &Access{Required: new(true), TeamName: "gov", Environment: "Fed"}}},
	}}
	require.Equal(t, []Destination{
		{Path: "originRequest.access", Host: "home.cloudflareaccess.com", Port: 443},
		{Path: "ingress[1].originRequest.access", Host: "lab.cloudflareaccess.com", Port: 443},
		{Path: "ingress[3].originRequest.access", Host: "gov.fed.cloudflareaccess.com", Port: 443},
	}, routing.Destinations())
}

// What a cloudflared outside of a cluster finds beside itself isn't in its pod.
func TestRouting_Warnings(t *testing.T) {
	t.Parallel()
	const warning = " is in the connectors' own pods, where nothing listens unless your program adds a container"
	routing := Routing{Origin: "http://127.0.0.1", Ingress: []IngressRule{
		{Hostname: "a", Service: "http://localhost:8080"},
		{Hostname: "b", Service: "http://web.default"},
		{Hostname: "c", Service: "ssh://[::1]"},
		{Hostname: "d", Service: "hello_world"},
	}}
	warnings := routing.Warnings()
	require.Len(t, warnings, 3)
	require.Contains(t, warnings[0], "ingress[0].service: http://localhost:8080"+warning)
	require.Contains(t, warnings[1], "ingress[2].service: ssh://[::1]:22"+warning)
	require.Contains(t, warnings[2], "origin: http://127.0.0.1:80"+warning)
	routing.Ingress = []IngressRule{{Service: "http://web.default"}}
	require.Empty(t, routing.Warnings(), "the origin isn't used")
}

// A path can be walked around where the rule that it leads past guards the same service.
func TestRouting_WarningsOfPaths(t *testing.T) {
	t.Parallel()
	const staff = `originRequest: {access: {required: true, teamName: home, audTag: [staff]}}`
	const all = `originRequest: {access: {required: true, teamName: home, audTag: [all]}}`
	const off = `originRequest: {access: {required: false}}`
	for _, test := range []struct {
		name  string
		rules string // YAML; the origin is http://web
		want  string // the beginning of the warning; empty: none
	}{
		{"an open path", `[{hostname: a.com, path: ^/public, service: http://app}, {hostname: a.com, service: http://app, ` + staff + `}]`, "ingress[0].path: decides between this rule and ingress[1]"},
		{"a guarded path", `[{hostname: a.com, path: ^/admin, service: http://web, ` + staff + `}]`, "ingress[0].path: decides between this rule and origin"},
		{"a closed path", `[{path: ^/metrics, service: "http_status:404"}]`, "ingress[0].path: decides between this rule and origin"},
		{"all but a path is closed", `[{hostname: a.com, path: ^/public, service: http://app}, {service: "http_status:404"}]`, "ingress[0].path: decides between this rule and ingress[1]"},
		{"paths of both", `[{hostname: a.com, path: ^/x, service: http://app}, {hostname: a.com, path: ^/y, service: "http_status:503"}, {hostname: a.com, service: http://b}]`, "ingress[0].path: decides between this rule and ingress[1]"},
		{"a host below a wildcard", `[{hostname: A.b.com, path: ^/public, service: http://app}, {hostname: "*.b.com", service: http://app, ` + staff + `}]`, "ingress[0].path: decides between this rule and ingress[1]"},
		{"a wildcard above a host", `[{hostname: "*.b.com", path: ^/public, service: http://app}, {hostname: a.b.com, service: http://app, ` + staff + `}, {hostname: "*", service: http://b}]`, "ingress[0].path: decides between this rule and ingress[1]"},
		{"other visitors", `[{hostname: a.com, path: ^/admin, service: http://app, ` + staff + `}, {hostname: a.com, service: http://app, ` + all + `}]`, "ingress[0].path: decides between this rule and ingress[1]"},
		{"a later path", `[{hostname: b.com, service: http://b}, {hostname: a.com, path: ^/x, service: http://x}, {hostname: a.com, path: ^/y, service: http://x, ` + staff + `}]`, "ingress[1].path: decides between this rule and ingress[2]"},
		{"open rules", `[{hostname: a.com, path: ^/x, service: http://app}, {hostname: a.com, service: http://web}]`, ""},
		{"the same visitors", `[{hostname: a.com, path: ^/x, service: http://app, ` + staff + `}, {hostname: a.com, service: http://app, ` + staff + `}]`, ""},
		{"another service", `[{hostname: a.com, path: ^/admin, service: http://app, ` + staff + `}, {hostname: a.com, service: http://b}]`, ""},
		{"another host", `[{hostname: a.com, path: ^/x, service: http://app}, {hostname: b.com, service: http://app, ` + staff + `}, {hostname: "*.a.com", service: "http_status:404"}]`, ""},
		{"no path", `[{hostname: a.com, service: http://app}, {hostname: "*.com", service: http://app, ` + staff + `}, {service: "http_status:404"}]`, ""},
		{"a whole host before", `[{hostname: a.com, path: ^/x, service: http://app}, {hostname: a.com, service: http://b}, {service: "http_status:404"}]`, ""},
		{"a host that is open as a whole", `[{hostname: a.com, service: http://app}, {hostname: a.com, path: ^/admin, service: http://app, ` + staff + `}, {hostname: b.com, service: "http_status:403"}]`, ""},
		{"a closed path of a guarded host", `[{hostname: a.com, path: ^/admin, service: "http_status:403"}, {hostname: a.com, service: http://app, ` + staff + `}]`, ""},
		{"paths that match all", `[{hostname: a.com, path: /*, service: http://app}, {hostname: b.com, path: ^/, service: http://app}, {service: "http_status:404"}]`, ""},
		{"answers", `[{path: ^/healthz, service: "http_status:200"}, {path: ^/hello, service: hello_world}, {path: ^/old, service: "http_status:410", ` + off + `}, {service: "http_status:404"}]`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			routing := Routing{Origin: "http://web"}
			require.NoError(t, yaml.Unmarshal([]byte(test.rules), &routing.Ingress))
			require.NoError(t, routing.Validate())
			warnings := routing.Warnings()
			if test.want == "" {
				require.Empty(t, warnings)
				return
			}
			require.Len(t, warnings, 1)
			require.True(t, strings.HasPrefix(warnings[0], test.want+" who gets in"), warnings[0])
		})
	}
	// What rules inherit counts.
	inherited := Routing{Origin: "http://web", OriginRequest: &OriginRequest{Access: &Access{Required: new(true), TeamName: "home", AudTag: []string{"b", "a"}}}}
	inherited.Ingress = []IngressRule{{Path: "^/x", Service: "http://web", OriginRequest: &OriginRequest{Access: &Access{Required: new(true), TeamName: "home", AudTag: []string{"a", "b"}}}}}
	require.Empty(t, inherited.Warnings())
	inherited.Ingress[0].OriginRequest.Access.Required = new(false)
	require.Len(t, inherited.Warnings(), 1)
}

// ipRules are for the clients of SOCKS proxies, and nobody else.
func TestRouting_WarningsOfIPRules(t *testing.T) {
	t.Parallel()
	const unused = "originRequest.ipRules: has no effect, as it says what clients of a socks-proxy rule may reach"
	const refuses = ".service: socks-proxy allows nothing, so every client is refused; add a rule with allow: true"
	const allow, deny = `originRequest: {ipRules: [{prefix: 192.0.2.0/24, allow: true}]}`, `originRequest: {ipRules: [{prefix: 192.0.2.0/24}]}`
	for _, test := range []struct {
		name, routing string // YAML; the origin is http://web
		want          []string
	}{
		{"of a site", `{ingress: [{hostname: a.com, service: http://app, ` + allow + `}]}`, []string{"ingress[0]." + unused}},
		{"of all sites", `{` + allow + `}`, []string{unused}},
		{"of a site beside a proxy", `{ingress: [{hostname: a.com, service: socks-proxy, ` + allow + `}, {hostname: b.com, service: http://app, ` + deny + `}]}`, []string{"ingress[1]." + unused}},
		{"common ones that the proxy overrides", `{` + deny + `, ingress: [{hostname: a.com, service: socks-proxy, ` + allow + `}]}`, []string{unused}},
		{"common ones that the proxy inherits", `{` + allow + `, ingress: [{hostname: a.com, service: socks-proxy}, {hostname: b.com, service: http://app}]}`, nil},
		{"a proxy that allows something", `{ingress: [{hostname: a.com, service: socks-proxy, ` + allow + `}]}`, nil},
		{"a proxy without any", `{ingress: [{hostname: a.com, service: socks-proxy}]}`, []string{"ingress[0]" + refuses}},
		{"a proxy that denies", `{ingress: [{hostname: a.com, service: socks-proxy, ` + deny + `}]}`, []string{"ingress[0]" + refuses}},
		{"a proxy that inherits what denies", `{` + deny + `, ingress: [{hostname: a.com, service: socks-proxy}]}`, []string{"ingress[0]" + refuses}},
		{"no rules at all", `{ingress: [{hostname: a.com, service: http://app, originRequest: {ipRules: []}}]}`, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var given struct {
				Ingress       []IngressRule
				OriginRequest *OriginRequest `yaml:"originRequest"`
			}
			require.NoError(t, yaml.Unmarshal([]byte(test.routing), &given))
			routing := Routing{Origin: "http://web", Ingress: given.Ingress, OriginRequest: given.OriginRequest}
			require.NoError(t, routing.Validate())
			warnings := routing.Warnings()
			require.Len(t, warnings, len(test.want))
			for i, want := range test.want {
				require.True(t, strings.HasPrefix(warnings[i], want), warnings[i])
			}
		})
	}
}

func TestRouting_Validate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		rule    string // YAML
		wantErr string // empty: valid
	}{
		{"every path of a host", `{hostname: example.com, service: http://web}`, ""},
		{"bastion of no service", `{hostname: example.com, originRequest: {bastionMode: true, access: {required: true, teamName: home, audTag: [x]}}}`, ""},
		{"no service", `{hostname: example.com}`, "ingress[0].service: not set"},
		{"no scheme", `{hostname: example.com, service: "web:80"}`, `ingress[0].service: "web:80" has no scheme, such as http://web:80`},
		{"one slash", `{hostname: example.com, service: "http:/web.default"}`, `ingress[0].service: "http:/web.default" has no // after http:; use http://web.default`},
		{"no slashes", `{hostname: example.com, service: "https:web:8443"}`, `"https:web:8443" has no // after https:; use https://web:8443`},
		{"no slashes and no host", `{hostname: example.com, service: "http:"}`, `"http:" has no scheme`},
		{"a host that is called like a scheme", `{hostname: example.com, service: "ssh:22"}`, `"ssh:22" has no scheme, such as http://ssh:22`},
		{"a status with a hyphen", `{hostname: example.com, service: "http-status:404"}`, `ingress[0].service: "http-status:404" is not a service; use http_status:404`},
		{"path in the service", `{hostname: example.com, service: http://web/app}`, "use http://web"},
		{"another scheme", `{hostname: example.com, service: "vnc://web:5900"}`, `has the scheme "vnc"; use one of http, https, ws, wss, tcp, ssh, rdp, smb`},
		{"password", `{hostname: example.com, service: "http://me:word@web"}`, "ingress[0].service: has an @, but must not contain credentials"},
		{"password in a faulty URL", `{hostname: example.com, service: "http://me:word@we b"}`, "must not contain credentials"},
		{"password with a slash", `{hostname: example.com, service: "http://me:s3c/word@web"}`, "must not contain credentials"},
		{"password that is a port", `{hostname: example.com, service: "http://me:80/word@web"}`, "must not contain credentials"},
		{"password with a hash", `{hostname: example.com, service: "http://me:80#word@web"}`, "must not contain credentials"},
		{"password without a scheme", `{hostname: example.com, service: "me:word@web:80"}`, "must not contain credentials"},
		{"password and a line break", `{hostname: example.com, service: "http://me:word@web\n"}`, "must not contain credentials"},
		{"password in bastion mode", `{hostname: example.com, service: "http://me:word@web", originRequest: {bastionMode: true, access: {required: true, teamName: home, audTag: [x]}}}`, "must not contain credentials"},
		{"password of a proxy", `{hostname: example.com, service: http://web, originRequest: {proxyAddress: "http://me:word@proxy\n"}}`, "ingress[0].originRequest.proxyAddress: has an @, but must not contain credentials"},
		{"password in a host name", `{hostname: "https://me:word@example.com/", service: http://web}`, "ingress[0].hostname: has an @, but must not contain credentials"},
		{"socket with an @", `{hostname: example.com, service: "unix:/run/@web.sock"}`, ""},
		{"the connector's metrics", `{hostname: example.com, service: "http://localhost:2000"}`, `ingress[0].service: "http://localhost:2000" is the connector itself`},
		{"the connector's metrics by address", `{hostname: example.com, service: "tcp://[::ffff:127.0.0.1]:2000"}`, "is the connector itself"},
		{"the connector's metrics by the unspecified address", `{hostname: example.com, service: "http://0.0.0.0:2000"}`, "is the connector itself"},
		{"the same of IPv6", `{hostname: example.com, service: "tcp://[::]:2000"}`, "is the connector itself"},
		{"the same with a zone", `{hostname: example.com, service: "tcp://[::%25lo]:2000"}`, "is the connector itself"},
		{"the connector's metrics by another spelling", `{hostname: example.com, service: "http://LocalHost.:2000"}`, "is the connector itself"},
		{"the connector's metrics by another name", `{hostname: example.com, service: "http://ip6-loopback:2000"}`, "is the connector itself"},
		{"another port of the pod", `{hostname: example.com, service: "http://localhost:8080"}`, ""},
		{"socket without a path", `{hostname: example.com, service: "unix:"}`, "unix:/run/web.sock"},
		{"faulty status", `{hostname: example.com, service: "http_status:1000"}`, "status code"},
		{"faulty status with bastion mode", `{hostname: example.com, service: "http_status:1000", originRequest: {bastionMode: true}}`, "status code"},
		{"catch-all too early", `{service: http://web}`, "ingress[0]: matches every request"},
		{"catch-all with a star too early", `{hostname: "*", service: http://web}`, "ingress[0]: matches every request"},
		{"port", `{hostname: "example.com:80", service: http://web}`, `ingress[0].hostname: "example.com:80" has a port, but rules match host names only; use "example.com"`},
		{"inner wildcard", `{hostname: a.*.com, service: http://web}`, "wildcard that isn't the whole first label"},
		{"URL", `{hostname: "https://example.com", service: http://web}`, "is a URL"},
		{"expression", `{path: "(", service: http://web}`, `ingress[0].path: "(" is not a regular expression`},
		{"expression with YAML's line break", "path: |\n  ^/api\nservice: http://web", `ingress[0].path: "^/api\n" has a line break`},
		{"duration without a unit", `{path: /, service: http://web, originRequest: {connectTimeout: "30"}}`, `ingress[0].originRequest.connectTimeout: "30" is not a duration, such as 30s`},
		{"connecting in no time", `{path: /, service: http://web, originRequest: {connectTimeout: -5s}}`, `ingress[0].originRequest.connectTimeout: "-5s" is negative, so that every connection would fail`},
		{"a handshake in no time", `{path: /, service: http://web, originRequest: {tlsTimeout: -5s}}`, "ingress[0].originRequest.tlsTimeout: "},
		{"neither keep-alive nor its end", `{path: /, service: http://web, originRequest: {connectTimeout: 0s, tcpKeepAlive: -1s, keepAliveTimeout: -1s}}`, ""},
		{"proxy type", `{path: /, service: http://web, originRequest: {proxyType: http}}`, "proxyType"},
		{"environment", `{path: /, service: http://web, originRequest: {access: {required: true, teamName: gov, audTag: [x], environment: fed}}}`, ""},
		{"environment that isn't one", `{path: /, service: http://web, originRequest: {access: {required: true, teamName: gov, audTag: [x], environment: Fed}}}`, `ingress[0].originRequest.access.environment: "Fed" is neither fed nor empty`},
		{"proxy port", `{path: /, service: http://web, originRequest: {proxyPort: -1}}`, "proxyPort: -1"},
		{"access without a team", `{path: /, service: http://web, originRequest: {access: {required: true, audTag: [x]}}}`, "ingress[0].originRequest.access.teamName: not set"},
		{"access without a tag", `{path: /, service: http://web, originRequest: {access: {required: true, teamName: home}}}`, "ingress[0].originRequest.access.audTag: not set, so that everybody would be refused"},
		{"access that may be required", `{path: /, service: http://web, originRequest: {access: {teamName: home, audTag: [x]}}}`, "ingress[0].originRequest.access.required: not set, and without it nothing is checked; set it to true, or to false"},
		{"access that says nothing", `{path: /, service: http://web, originRequest: {access: {}}}`, "ingress[0].originRequest.access.required: not set"},
		{"no access", `{path: /, service: http://web, originRequest: {access: {required: false}}}`, ""},
		{"a team's domain", `{path: /, service: http://web, originRequest: {access: {required: true, teamName: home.cloudflareaccess.com, audTag: [x]}}}`, `ingress[0].originRequest.access.teamName: "home.cloudflareaccess.com" is not the first part of <team>.cloudflareaccess.com; use home`},
		{"a team's URL", `{path: /, service: http://web, originRequest: {access: {required: true, teamName: "https://Home.cloudflareaccess.com/", audTag: [x]}}}`, "; use home"},
		{"a team that can't be one", `{path: /, service: http://web, originRequest: {access: {required: false, teamName: "my team"}}}`, `"my team" is not the first part of <team>.cloudflareaccess.com`},
		{"a team's URL with a password", `{path: /, service: http://web, originRequest: {access: {required: true, teamName: "https://me:word@home.cloudflareaccess.com", audTag: [x]}}}`, "ingress[0].originRequest.access.teamName: has an @, but must not contain credentials"},
		{"range of addresses", `{path: /, service: socks-proxy, originRequest: {ipRules: [{prefix: 10.0.0.0}]}}`, `ingress[0].originRequest.ipRules[0].prefix: "10.0.0.0" is not a range`},
		{"port of a range", `{path: /, service: socks-proxy, originRequest: {ipRules: [{prefix: 10.0.0.0/8, ports: [80, 0]}]}}`, "ipRules[0].ports[1]: 0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			routing := Routing{Origin: testOrigin, Ingress: make([]IngressRule, 2)}
			require.NoError(t, yaml.Unmarshal([]byte(test.rule), &routing.Ingress[0]))
			routing.Ingress[1].Service = "http_status:404"
			err := routing.Validate()
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
