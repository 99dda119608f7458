package components

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/cloudflared"
	"k8s-tunnel/components/internal/plantest"
	"k8s-tunnel/components/settings"
)

// rulesOf lists what a policy lets the connectors reach beyond DNS and the edge,
// each as peer:port.
func rulesOf(rules []networkingv1.NetworkPolicyEgressRule) []string {
	out := []string{}
	for _, rule := range rules[2:] {
		for _, peer := range rule.To {
			where := ""
			if peer.IpBlock != nil {
				where = peer.IpBlock.Cidr
			} else {
				where = peer.NamespaceSelector.MatchLabels[labelNamespace]
				if peer.PodSelector != nil {
					where += strings.TrimPrefix(fmt.Sprint(peer.PodSelector.MatchLabels), "map")
				}
			}
			for _, port := range rule.Ports {
				out = append(out, fmt.Sprintf("%s:%v", where, port.Port))
			}
		}
	}
	return out
}

func TestNetworkPolicy_Origins(t *testing.T) {
	t.Parallel()
	const pods = "ingress-nginx[app.kubernetes.io/name:ingress]"
	services := map[string]map[string]any{
		"web/headless": {"clusterIP": "None", "selector": map[string]any{"app": "db"}, "ports": []any{map[string]any{"port": 80, "targetPort": 8080}}},
		"web/same":     {"selector": map[string]any{"app": "same"}, "ports": []any{map[string]any{"port": 8080, "targetPort": 8080}}},
		"web/outside":  {"type": "ExternalName", "externalName": "nas.lan", "ports": []any{map[string]any{"port": 80}}},
		"web/alias":    {"type": "ExternalName", "externalName": "web.other.svc.cluster.local."},
		"web/manual":   {"ports": []any{map[string]any{"port": 80}}},
		"edge/metrics": {
			"selector": map[string]any{"app.kubernetes.io/name": "cloudflared"},
			"ports":    []any{map[string]any{"port": 80, "targetPort": "metrics"}, map[string]any{"port": 81, "targetPort": 2000}, map[string]any{"port": 82, "targetPort": 8080}},
		},
		"edge/headless": {"clusterIP": "None", "selector": map[string]any{"app.kubernetes.io/name": "cloudflared"}},
		"edge/tunnel":   {"clusterIP": "None", "selector": map[string]any{"app.kubernetes.io/instance": "edge"}},
		"edge/debug":    {"selector": map[string]any{"team": "web"}, "ports": []any{map[string]any{"port": 80, "targetPort": 2000}}},
		"edge/other":    {"clusterIP": "None", "selector": map[string]any{"app.kubernetes.io/name": "cloudflared", "app.kubernetes.io/instance": "other"}},
		"web/metrics":   {"selector": map[string]any{"app": "web"}, "ports": []any{map[string]any{"port": 80, "targetPort": "metrics"}}},
	}
	named := func(host string, to ...PeerArgs) *NetworkPolicyArgs {
		return &NetworkPolicyArgs{Origins: []PolicyOriginArgs{{Host: host, To: to}}}
	}
	for _, test := range []struct {
		name      string
		origins   string // services, separated by spaces
		namespace string
		policy    *NetworkPolicyArgs
		want      []string
		wantErr   string
	}{
		{"a service's named port", "http://x.ingress-nginx", "", nil, []string{pods + ":http"}, ""},
		{"a service's number", "https://x.ingress-nginx.svc", "", nil, []string{pods + ":8443"}, ""},
		{"a service's port, full name", "http://x.ingress-nginx.svc.cluster.local:8000", "", nil, []string{pods + ":80"}, ""},
		{"two rules to the same pods", "http://x.ingress-nginx http://x.ingress-nginx.svc", "", nil, []string{pods + ":http"}, ""},
		{"a service that translates nothing", "http://headless.web:5432", "", nil, []string{"web[app:db]:5432"}, ""},
		{"one pod of it", "http://db-0.headless.web.svc:5432", "", nil, []string{"web[app:db]:5432"}, ""},
		{"a service that keeps the port", "http://same.web:8080", "", nil, []string{"web[app:same]:8080"}, ""},
		{"a service of the own namespace", "http://same:8080", "web", nil, []string{"web[app:same]:8080"}, ""},
		{"an address", "http://192.0.2.7:8080", "", nil, []string{"192.0.2.7/32:8080"}, ""},
		{"an address of IPv6", "https://[fd00::7]", "", nil, []string{"fd00::7/128:443"}, ""},
		{"the pod itself", "http://localhost:8080 http://127.0.0.1 hello_world http_status:404", "", nil, []string{}, ""},
		{"a host that is named", "http://nas.home.lan:5000", "", named("nas.home.lan", PeerArgs{CIDR: "192.0.2.9/32"}), []string{"192.0.2.9/32:5000"}, ""},
		{"a host of two labels that is named, ended by a dot", "http://nas.lan.:5000", "", named("nas.lan.", PeerArgs{CIDR: "192.0.2.9/32"}), []string{"192.0.2.9/32:5000"}, ""},
		{"pods that are named", "http://x.ingress-nginx", "", named("x.ingress-nginx", PeerArgs{Namespace: "web", Ports: []int{80, 81}}), []string{"web:80", "web:81"}, ""},
		{"the API server that is named", "https://kubernetes.default.svc", "", named("kubernetes.default.svc", PeerArgs{CIDR: "192.0.2.1/32", Ports: []int{6443}}), []string{"192.0.2.1/32:6443"}, ""},
		{"the API server", "https://kubernetes.default.svc", "", nil, nil, "{host: kubernetes.default.svc, to: [{cidr: 192.0.2.10/32, ports: [6443]}]}"},
		{"a host outside", "http://nas.home.lan", "", nil, nil, `"nas.home.lan" is outside of the cluster`},
		{"a service of several clusters", "http://x.ingress-nginx.svc.clusterset.local", "", nil, nil, `"x.ingress-nginx.svc.clusterset.local" is a Service of several clusters, whose pods aren't looked up`},
		{"a service of several clusters that is named", "http://x.ingress-nginx.svc.clusterset.local", "", named("x.ingress-nginx.svc.clusterset.local", PeerArgs{CIDR: "192.0.2.9/32"}), []string{"192.0.2.9/32:80"}, ""},
		{"a service's name, ended by a dot", "http://x.ingress-nginx.", "", nil, nil, `"x.ingress-nginx." is outside of the cluster`},
		{"a service's full name, ended by a dot", "http://x.ingress-nginx.svc.cluster.local.:8000", "", nil, []string{pods + ":80"}, ""},
		{"a service of a new namespace", "http://web", "", nil, nil, "use web.<namespace>"},
		{"a service that is another name", "http://outside.web", "", nil, nil, "an ExternalName for nas.lan"},
		{"a service that is another one's name", "http://alias.web:8000", "", nil, nil, "service alias in namespace web is an ExternalName for another Service; use web.other.svc.cluster.local:8000 in place of alias.web, or list its pods in networkPolicy.origins: {host: alias.web, to: [{namespace: other, pods: {app: web}, ports: [8080]}]}"},
		{"a service without a selector", "http://manual.web", "", nil, nil, "has no selector"},
		{"a service without a selector, on Cilium", "http://manual.web", "", nil, nil, "if the cluster's network is Cilium"},
		{"the connector's named port", "http://metrics.edge", "", nil, nil, "service metrics in namespace edge is the connector itself"},
		{"the connector's port", "http://metrics.edge:81", "", nil, nil, "service metrics in namespace edge is the connector itself"},
		{"the connector's port, without translation", "http://headless.edge:2000", "", nil, nil, "service headless in namespace edge is the connector itself"},
		{"the connector's port, by the tunnel's name", "http://tunnel.edge:2000", "", nil, nil, "service tunnel in namespace edge is the connector itself"},
		{"the connector's port, by labels of one's own", "http://debug.edge", "", nil, nil, "service debug in namespace edge is the connector itself"},
		{"a connector in another namespace", "http://headless.edge:2000", "web", nil, []string{"edge[app.kubernetes.io/name:cloudflared]:2000"}, ""},
		{"another tunnel's connector", "http://other.edge:2000", "", nil, []string{"edge[app.kubernetes.io/instance:other app.kubernetes.io/name:cloudflared]:2000"}, ""},
		{"a container beside the connector", "http://metrics.edge:82", "", nil, []string{"edge[app.kubernetes.io/name:cloudflared]:8080"}, ""},
		{"another app's metrics", "http://metrics.web", "", nil, []string{"web[app:web]:metrics"}, ""},
		{"a port that isn't there", "http://x.ingress-nginx:81", "", nil, nil, "has no port 81; it has 80, 443, 8000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			args := validArgs()
			args.Namespace, args.NetworkPolicy = test.namespace, test.policy
			args.Pod = &PodArgs{Labels: map[string]string{"team": "web"}}
			for i, service := range strings.Fields(test.origins) {
				args.Ingress = append(args.Ingress, IngressRule{Hostname: fmt.Sprintf("h%d.example.com", i), Service: service})
			}
			args.Origin = "http_status:404"
			r := &plantest.Engine{Services: services}
			err := r.Run(program(args))
			if test.wantErr != "" {
				require.ErrorContains(t, err, test.wantErr)
				require.ErrorContains(t, err, "ingress[0].service: ")
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, rulesOf(egressOf(t, r)))
		})
	}
}

// What is wrong with a Service or a host is said once, of the first rule that has it.
func TestNetworkPolicy_RulesThatShareAProblem(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Origin = "http_status:404"
	rules := func(services ...string) {
		args.Ingress = nil
		for i, service := range services {
			args.Ingress = append(args.Ingress, IngressRule{Hostname: fmt.Sprintf("h%d.example.com", i), Service: service})
		}
	}
	services := map[string]map[string]any{
		"web/manual": {"ports": []any{map[string]any{"port": 80}}}, "web/other": {"ports": []any{map[string]any{"port": 80}}},
	}
	rules("http://manual.web", "ws://manual.web", "tcp://manual.web:80", "http://other.web")
	err := (&plantest.Engine{Services: services}).Run(program(args))
	require.ErrorContains(t, err, "ingress[0].service: service manual in namespace web has no selector")
	require.ErrorContains(t, err, "ingress[3].service: service other in namespace web has no selector")
	require.NotContains(t, err.Error(), "ingress[1]")
	require.NotContains(t, err.Error(), "ingress[2]")

	args.NetworkPolicy = &NetworkPolicyArgs{Origins: []PolicyOriginArgs{{Host: "nas.home.lan", To: []PeerArgs{{CIDR: "192.0.2.9/32", Ports: []int{5000}}}}}}
	rules("http://nas.home.lan", "http://localhost:8080", "ws://nas.home.lan", "http://localhost:8080", "http://localhost:8081")
	warnings := declare(t, args).Warnings()
	require.Len(t, warnings, 3)
	require.Contains(t, warnings[0], "ingress[0].service: uses port 80 of nas.home.lan")
	require.Contains(t, warnings[1], "ingress[1].service: http://localhost:8080 is in the connectors' own pods")
	require.Contains(t, warnings[2], "ingress[4].service: http://localhost:8081 is in the connectors' own pods")
}

func TestServiceWarning(t *testing.T) {
	t.Parallel()
	// target is a float64 or a string, as the SDK reads it.
	port := func(port int, target any, protocol string) corev1.ServicePort {
		return corev1.ServicePort{Port: port, TargetPort: target, Protocol: &protocol}
	}
	headless := func(ports ...corev1.ServicePort) corev1.ServiceSpec {
		return corev1.ServiceSpec{ClusterIP: new("None"), InternalTrafficPolicy: new("Local"), Ports: ports}
	}
	const untranslated = "service web in namespace default is headless, so that port 80 isn't translated, and its pods listen on 8080; use web.default:8080"
	const local = "service web in namespace default has internalTrafficPolicy: Local, so that connectors reach only pods on their own node"
	for _, test := range []struct {
		name string
		spec corev1.ServiceSpec
		want string // its beginning
	}{
		{"an address", corev1.ServiceSpec{ClusterIP: new("10.0.0.1"), InternalTrafficPolicy: new("Cluster"), Ports: []corev1.ServicePort{port(80, 8080.0, "TCP")}}, ""},
		{"pods of the own node", corev1.ServiceSpec{ClusterIP: new("10.0.0.1"), InternalTrafficPolicy: new("Local")}, local},
		{"another port", headless(port(443, 8443.0, "TCP"), port(80, 8080.0, "TCP")), untranslated},
		{"the same port", headless(port(80, 80.0, "TCP"), port(443, 8443.0, "TCP")), ""},
		{"a named target, which may be the same", headless(port(80, "http", "TCP")), ""},
		{"UDP", headless(port(80, 8080.0, "UDP")), ""},
		{"none of its ports", headless(port(8000, 8080.0, "TCP")), ""},
	} {
		d := cloudflared.Destination{Host: "web.default", Port: 80}
		got := serviceWarning(d, cloudflared.ServiceName{Namespace: "default", Name: "web"}, test.spec)
		require.Equal(t, test.want == "", got == "", test.name)
		require.True(t, strings.HasPrefix(got, test.want), "%s: %s", test.name, got)
	}
}

// What is said of a Service names the first rule that has it, in a preview as well.
func TestNetworkPolicy_ServiceWarnings(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Ingress = []IngressRule{
		{Hostname: "a.example.com", Service: "http://db.web"},
		{Hostname: "b.example.com", Service: "http://local.web"},
		{Hostname: "c.example.com", Service: "http://local.web:81"},
		{Hostname: "d.example.com", Service: "http://db.web:8080"},
	}
	selector := map[string]any{"app": "web"}
	r := &plantest.Engine{Preview: true, Services: map[string]map[string]any{
		"web/db":    {"clusterIP": "None", "selector": selector, "ports": []any{map[string]any{"port": 80, "targetPort": 8080}}},
		"web/local": {"clusterIP": "10.0.0.1", "internalTrafficPolicy": "Local", "selector": selector, "ports": []any{map[string]any{"port": 80, "targetPort": 80}, map[string]any{"port": 81, "targetPort": 81}}},
	}}
	require.NoError(t, r.Run(program(args)))
	require.Equal(t, []string{
		"ingress[0].service: service db in namespace web is headless, so that port 80 isn't translated, and its pods listen on 8080; use db.web:8080",
		"ingress[1].service: service local in namespace web has internalTrafficPolicy: Local, so that connectors reach only pods on their own node; remove it, or run the connectors where those pods are, with pod.affinity",
	}, r.Warnings())
}

// A Service over TLS has no certificate that cloudflared trusts by default.
func TestNetworkPolicy_CertificateWarnings(t *testing.T) {
	t.Parallel()
	const warning = "cloudflared expects a certificate for web.web, which no public authority issues; set originRequest.originServerName to a name that the Service has one for, or matchSNItoHost to true if that is the name that visitors use, "
	for _, test := range []struct {
		name        string
		service     string
		own, common OriginRequest
		warns       bool
	}{
		{"https", "https://web.web", OriginRequest{}, OriginRequest{}, true},
		{"wss", "wss://web.web", OriginRequest{HTTPHostHeader: new("a.example.com")}, OriginRequest{}, true},
		{"turned off again", "https://web.web", OriginRequest{NoTLSVerify: new(false), CAPool: new("")}, OriginRequest{NoTLSVerify: new(true), CAPool: new("/ca.crt")}, true},
		{"http", "http://web.web", OriginRequest{}, OriginRequest{}, false},
		{"tcp", "tcp://web.web:443", OriginRequest{}, OriginRequest{}, false},
		{"an authority", "https://web.web", OriginRequest{CAPool: new("/ca.crt")}, OriginRequest{}, false},
		{"a name", "https://web.web", OriginRequest{OriginServerName: new("web.example.com")}, OriginRequest{}, false},
		{"the visitors' name", "https://web.web", OriginRequest{}, OriginRequest{MatchSNIToHost: new(true)}, false},
		{"any certificate", "https://web.web", OriginRequest{}, OriginRequest{NoTLSVerify: new(true)}, false},
		{"a host outside of the cluster", "https://nas.home.lan", OriginRequest{}, OriginRequest{}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			args := validArgs()
			args.OriginRequest, args.ExistingPaths = &test.common, []string{"/ca.crt"}
			args.Ingress = []IngressRule{
				{Hostname: "a.example.com", Service: test.service, OriginRequest: &test.own},
				{Hostname: "b.example.com", Service: test.service, OriginRequest: &test.own},
			}
			if strings.Contains(test.service, "nas") {
				args.NetworkPolicy = &NetworkPolicyArgs{Origins: []PolicyOriginArgs{{Host: "nas.home.lan", To: []PeerArgs{{CIDR: "192.0.2.9/32"}}}}}
			}
			r := &plantest.Engine{Services: map[string]map[string]any{"web/web": {
				"selector": map[string]any{"app": "web"}, "ports": []any{map[string]any{"port": 443}, map[string]any{"port": 80}},
			}}}
			require.NoError(t, r.Run(program(args)))
			if !test.warns {
				require.Empty(t, r.Warnings())
				return
			}
			require.Len(t, r.Warnings(), 1)
			require.True(t, strings.HasPrefix(r.Warnings()[0], "ingress[0].service: "+warning), r.Warnings()[0])
		})
	}
}

// A logical name has namespace and name of a Service, which may be confused.
func TestNetworkPolicy_ServicesAreToldApart(t *testing.T) {
	t.Parallel()
	ports := []any{map[string]any{"port": 80, "targetPort": 80}}
	args := validArgs()
	args.Ingress = []IngressRule{{Hostname: "a.example.com", Service: "http://web.team-prod"}, {Hostname: "b.example.com", Service: "http://prod-web.team"}}
	r := &plantest.Engine{Services: map[string]map[string]any{
		"team-prod/web": {"selector": map[string]any{"app": "a"}, "ports": ports}, "team/prod-web": {"selector": map[string]any{"app": "b"}, "ports": ports},
	}}
	require.NoError(t, r.Run(program(args)))
	require.Contains(t, r.Inventory(), "kubernetes:core/v1:Service::edge-origin-team-prod-web")
	require.Contains(t, r.Inventory(), "kubernetes:core/v1:Service::edge-origin-team.prod-web")
}

// What clients may choose, and what Access needs, has to be listed.
func TestNetworkPolicy_ChosenDestinations(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Ingress = []IngressRule{{Hostname: "ssh.example.com", Service: "bastion", OriginRequest: &OriginRequest{Access: &Access{Required: new(true), TeamName: "home", AudTag: []string{"tag"}}}}}
	require.ErrorContains(t, args.Validate(), "ingress[0].service: with bastion, clients choose")
	bastion := PolicyOriginArgs{Host: "bastion", To: []PeerArgs{{CIDR: "192.0.2.0/24", Ports: []int{22}}}}
	keys := PolicyOriginArgs{Host: "home.cloudflareaccess.com", To: []PeerArgs{{CIDR: "104.16.0.0/13", Ports: []int{443}}}}
	args.NetworkPolicy = &NetworkPolicyArgs{Origins: []PolicyOriginArgs{bastion, keys}}
	require.NoError(t, args.Validate())

	args.Ingress[0] = IngressRule{Hostname: "in.example.com", Service: "http://192.0.2.1", OriginRequest: &OriginRequest{
		Access: &Access{Required: new(true), TeamName: "home", AudTag: []string{"a"}},
	}}
	args.NetworkPolicy = nil
	require.ErrorContains(t, args.Validate(), "ingress[0].originRequest.access: the network policy needs the addresses of home.cloudflareaccess.com")
	require.ErrorContains(t, args.Validate(), "add the ranges of https://www.cloudflare.com/ips to networkPolicy.origins: {host: home.cloudflareaccess.com, ")
}

// A Service that is more likely a host outside of the cluster gets a warning, since
// the engine's error about it, if there is none, doesn't say so.
func TestNetworkPolicy_LookupWarnings(t *testing.T) {
	t.Parallel()
	for service, want := range map[string]string{
		"http://homeassistant.local:8123":     "ingress[0].service: homeassistant.local is looked up as the Service homeassistant in namespace local; if it is outside of the cluster, use its address, or add it to networkPolicy.origins: {host: homeassistant.local, to: [{cidr: 192.0.2.10/32}]}; if it is that Service, write homeassistant.local.svc",
		"http://HomeAssistant.local:8123":     "ingress[0].service: HomeAssistant.local is looked up as the Service homeassistant in namespace local; if it is outside of the cluster, use its address, or add it to networkPolicy.origins: {host: HomeAssistant.local, to: [{cidr: 192.0.2.10/32}]}; if it is that Service, write HomeAssistant.local.svc",
		"http://homeassistant.local.svc:8000": "",
		"http://web.media":                    "",
	} {
		args := validArgs()
		args.Ingress = []IngressRule{{Hostname: "home.example.com", Service: service}}
		r := &plantest.Engine{Services: map[string]map[string]any{
			"local/homeassistant": {"selector": map[string]any{"app": "ha"}, "ports": []any{map[string]any{"port": 8123, "targetPort": 8123}, map[string]any{"port": 8000, "targetPort": 8000}}},
		}}
		require.NoError(t, r.Run(program(args)))
		if want == "" {
			require.Empty(t, r.Warnings())
		} else {
			require.Equal(t, []string{want}, r.Warnings())
		}
	}
}

// What a short name is looked up as is said before that was done for the first time.
func TestNetworkPolicy_FirstLookup(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Origin, args.Namespace = "http://web.media.svc", "edge"
	args.Ingress = []IngressRule{{Hostname: "nas.example.com", Service: "http://nas.home:5000"}, {Hostname: "pi.example.com", Service: "http://pi"}}
	services := map[string]map[string]any{}
	for _, name := range []string{"media/web", "home/nas", "edge/pi"} {
		services[name] = map[string]any{"selector": map[string]any{"app": name}, "ports": []any{map[string]any{"port": 80, "targetPort": 80}, map[string]any{"port": 5000, "targetPort": 5000}}}
	}
	r := &plantest.Engine{Services: services}
	require.NoError(t, r.Run(program(args)))
	require.Empty(t, r.Warnings())
	require.Equal(t, []string{
		"ingress[0].service: nas.home is looked up as the Service nas in namespace home; if it is outside of the cluster, use its address, or add it to networkPolicy.origins: {host: nas.home, to: [{cidr: 192.0.2.10/32}]}; if the Service doesn't exist yet, list its pods there",
		"ingress[1].service: pi is looked up as the Service pi in namespace edge; if it is outside of the cluster, use its address, or add it to networkPolicy.origins: {host: pi, to: [{cidr: 192.0.2.10/32}]}; if the Service doesn't exist yet, list its pods there",
	}, r.Infos())

	r = &plantest.Engine{Services: services, State: map[string]resource.PropertyMap{
		CloudflareTunnelType + "$kubernetes:core/v1:Service::edge-origin-home-nas": {}, CloudflareTunnelType + "$kubernetes:core/v1:Service::edge-origin-edge-pi": {},
	}}
	require.NoError(t, r.Run(program(args)))
	require.Empty(t, r.Infos())
}

// Without an ingress controller, the default origin is in the way of the rules.
func TestNetworkPolicy_FirstLookupOfDefaultOrigin(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Origin = ""
	args.Ingress = []IngressRule{{Hostname: "app.example.com", Service: "http_status:404"}}
	r := &plantest.Engine{Services: map[string]map[string]any{"ingress-nginx/ingress-nginx-controller": {
		"selector": map[string]any{"app": "ingress-nginx"}, "ports": []any{map[string]any{"port": 80}},
	}}}
	require.NoError(t, r.Run(program(args)))
	require.Equal(t, []string{
		"origin: defaults to http://ingress-nginx-controller.ingress-nginx, which is looked up as the Service ingress-nginx-controller in namespace ingress-nginx; without ingress-nginx, " +
			"set origin to the Service of your ingress controller, or to http_status:404 if the rules of ingress are all there is",
	}, r.Infos())

	args.Origin = DefaultOrigin + ":8080"
	r = &plantest.Engine{Services: r.Services}
	r.Services["ingress-nginx/ingress-nginx-controller"]["ports"] = []any{map[string]any{"port": 8080}}
	require.NoError(t, r.Run(program(args)))
	require.Contains(t, r.Infos()[0], "origin: ingress-nginx-controller.ingress-nginx is looked up as")

	args.Origin = "http_status:404"
	r = &plantest.Engine{}
	require.NoError(t, r.Run(program(args)))
	require.Empty(t, r.Infos())
}

// A host on several ports is one problem, and its remedy allows them all.
func TestNetworkPolicy_SeveralPorts(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Ingress = []IngressRule{{Hostname: "a.example.com", Service: "http://nas.home.lan:5000"}, {Hostname: "b.example.com", Service: "http://nas.home.lan:8080"}}
	require.EqualError(t, args.Validate(), `ingress[0].service: "nas.home.lan" is outside of the cluster, so the network policy needs its address; add it to networkPolicy.origins: {host: nas.home.lan, to: [{cidr: 192.0.2.10/32}]}`)
	args.NetworkPolicy = &NetworkPolicyArgs{Origins: []PolicyOriginArgs{{Host: "nas.home.lan", To: []PeerArgs{{CIDR: "192.0.2.10/32"}}}}}
	require.Empty(t, declare(t, args).Warnings())

	args.NetworkPolicy.Origins[0].To[0].Ports = []int{5000}
	require.Equal(t, []string{
		"ingress[1].service: uses port 8080 of nas.home.lan, but networkPolicy.origins[0] allows only 5000; add it there, or leave out ports to allow those that are used",
	}, declare(t, args).Warnings())
}

// cloudflared asks 1.1.1.1 over TLS for what the cluster's DNS doesn't answer.
func TestNetworkPolicy_DNSOverTLS(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.NetworkPolicy = &NetworkPolicyArgs{DNS: append(slices.Clone(defaultDNS), PeerArgs{CIDR: "1.1.1.1/32", Ports: []int{853}})}
	rules := egressOf(t, declare(t, args))
	require.Equal(t, egressOf(t, declare(t, validArgs()))[0], rules[0], "the cluster's DNS, with its own port")
	require.Equal(t, "1.1.1.1/32", rules[1].To[0].IpBlock.Cidr)
	var ports []string
	for _, port := range rules[1].Ports {
		ports = append(ports, fmt.Sprintf("%s %v", *port.Protocol, port.Port))
	}
	require.Equal(t, []string{"UDP 853", "TCP 853"}, ports)
}

func TestNetworkPolicy_Metrics(t *testing.T) {
	t.Parallel()
	var policy struct{ Spec struct{ Ingress []any } }
	declare(t, validArgs()).Find(t, "edge-network-policy").Decode(t, &policy)
	require.NotNil(t, policy.Spec.Ingress, "without the field, everything would be allowed")
	require.Empty(t, policy.Spec.Ingress)

	args := validArgs()
	args.NetworkPolicy = &NetworkPolicyArgs{MetricsFrom: []string{"monitoring"}}
	declare(t, args).Find(t, "edge-network-policy").Decode(t, &policy)
	require.Equal(t, []any{map[string]any{
		"from":  []any{map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": "monitoring"}}}},
		"ports": []any{map[string]any{"port": 2000.0, "protocol": "TCP"}},
	}}, policy.Spec.Ingress)
}

func egressOf(t *testing.T, r *plantest.Engine) []networkingv1.NetworkPolicyEgressRule {
	t.Helper()
	raw, err := json.Marshal(r.Find(t, "edge-network-policy").Inputs["spec"].Mappable().(map[string]any)["egress"])
	require.NoError(t, err)
	var rules []networkingv1.NetworkPolicyEgressRule
	require.NoError(t, settings.Decode("egress", string(raw), &rules))
	return rules
}

// What a connector may reach is part of its Deployment's identity, so that an old
// policy goes only after the connectors that it is for.
func TestNetworkPolicy_ChangedEgressReplacesConnectors(t *testing.T) {
	t.Parallel()
	label := func(change func(*CloudflareTunnelArgs)) string {
		t.Helper()
		args := validArgs()
		change(args)
		r := declare(t, args)
		selector := func(name, path string) string {
			spec := r.Find(t, name).Inputs["spec"].ObjectValue()
			return spec[resource.PropertyKey(path)].ObjectValue()["matchLabels"].ObjectValue()[labelNetwork].StringValue()
		}
		value := selector("edge-cloudflared", "selector")
		require.Equal(t, value, selector("edge-disruption-budget", "selector"))
		require.Equal(t, value, selector("edge-network-policy", "podSelector"))
		return value
	}
	plain := label(func(*CloudflareTunnelArgs) {})
	require.Equal(t, plain, label(func(a *CloudflareTunnelArgs) {
		a.Image, a.Replicas, a.Rotation = "cloudflare/cloudflared:2026.4.0", 12, "2026-12"
	}))
	require.Equal(t, plain, label(func(a *CloudflareTunnelArgs) {
		a.NetworkPolicy = &NetworkPolicyArgs{MetricsFrom: []string{"monitoring"}}
	}))
	require.NotEqual(t, plain, label(func(a *CloudflareTunnelArgs) { a.Origin = "http://192.0.2.7" }))
	require.Equal(t, "shared", label(func(a *CloudflareTunnelArgs) { a.Replicas = 13 }), "there is no room for a second set beside it")
	require.Equal(t, "shared", label(func(a *CloudflareTunnelArgs) { a.Autoscaling = &AutoscalingArgs{MaxReplicas: 13} }))
}

// A tunnel can't have more than so many connectors, so those of two sets have to
// fit, however many there were before. What doesn't change isn't replaced at all.
func TestNetworkPolicy_ConnectorsThatDontFitAreRolled(t *testing.T) {
	t.Parallel()
	const deployment = CloudflareTunnelType + "$" + deploymentKind + "::edge-cloudflared"
	label := func(r *plantest.Engine) string {
		return r.Find(t, "edge-cloudflared").Inputs["spec"].ObjectValue()["selector"].ObjectValue()["matchLabels"].ObjectValue()[labelNetwork].StringValue()
	}
	// update begins with what the last one has left.
	update := func(state map[string]resource.PropertyMap, origin string, replicas, most int) (string, map[string]resource.PropertyMap) {
		t.Helper()
		args := validArgs()
		args.Origin, args.Replicas = origin, replicas
		if most > 0 {
			args.Autoscaling = &AutoscalingArgs{MaxReplicas: most}
		}
		r := &plantest.Engine{State: state}
		require.NoError(t, r.Run(program(args)))
		next := map[string]resource.PropertyMap{}
		for _, registration := range r.Registrations() {
			next[CloudflareTunnelType+"$"+registration.Type+"::"+registration.Name] = registration.Inputs
		}
		require.Contains(t, next, deployment)
		return label(r), next
	}
	const first, second = "http://web.default.svc", "http://web.default.svc:8000"
	alone := func(origin string) string { value, _ := update(nil, origin, 2, 0); return value }
	for name, steps := range map[string][]struct {
		origin         string
		replicas, most int
		want           string
	}{
		"fewer":             {{first, 14, 0, "shared"}, {first, 12, 0, "shared"}, {first, 12, 0, "shared"}, {second, 12, 0, alone(second)}},
		"more":              {{first, 12, 0, alone(first)}, {first, 24, 0, alone(first)}, {second, 24, 0, alone(first)}, {second, 24, 0, alone(first)}},
		"just enough":       {{first, 12, 0, alone(first)}, {second, 13, 0, alone(second)}},
		"more, and another": {{first, 12, 0, alone(first)}, {second, 14, 0, alone(first)}, {second, 12, 0, alone(first)}, {first, 12, 0, alone(first)}},
		"autoscaled":        {{first, 2, 24, "shared"}, {first, 2, 24, "shared"}, {second, 2, 24, "shared"}, {second, 2, 0, "shared"}, {first, 2, 0, alone(first)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var state map[string]resource.PropertyMap
			for i, step := range steps {
				var got string
				got, state = update(state, step.origin, step.replicas, step.most)
				require.Equal(t, step.want, got, "step %d", i)
			}
		})
	}
}
