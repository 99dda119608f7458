package cloudflared

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/settings"
)

// stricter lists the problems that Routing.Validate reports though cloudflared
// accepts them. Its comment says why.
var stricter = regexp.MustCompile(`(?s)` + strings.Join([]string{
	`\.hostname: .* (is a URL or has a path|has a wildcard|is not a host name)`,
	`\.service: .* (has the scheme|has a path or a query|has no port from|is the connector itself|has no path, such as)`,
	`: has an @, but must not contain credentials`,
	`\.(proxyType|proxyPort): `,
	`\.ipRules\[\d+\]\.(prefix|ports\[\d+\]): `,
	`\.matchSNItoHost: cloudflared drops`,
	`\.(connect|tls)Timeout: .* is negative`,
	`\.access\.(required|audTag): not set`,
	`\.access\.(teamName|environment): `,
	`: with bastion, every visitor may choose the connector itself`,
	`has a line break or another control character$`,
	// YAML turns numbers into texts, and a bare number into nanoseconds.
	` is not (true or false|a whole number|a string(; put it in quotes, or add --type string to pulumi config set)?|a list|an object)$`,
}, "|"))

// stockCloudflared is the path of the cloudflared to compare with.
func stockCloudflared(t testing.TB) string {
	path := os.Getenv("SANDBOX_CLOUDFLARED")
	if path == "" {
		t.Skip("SANDBOX_CLOUDFLARED doesn't name a cloudflared binary to compare with; `make test` sets it")
	}
	return path
}

// stockRefusal returns what cloudflared says against a configuration file, and
// nothing when it says OK.
func stockRefusal(t testing.TB, cloudflared string, config []byte) string {
	t.Helper()
	out, err := runStock(t, cloudflared, config, "validate")
	// A mere warning about unknown keys leaves the exit code at 0.
	if err == nil && strings.HasSuffix(strings.TrimSpace(out), "\nOK") {
		return ""
	}
	require.NotEmpty(t, out, "cloudflared didn't run: %v", err)
	return out
}

// runStock runs one of cloudflared's commands about ingress rules.
func runStock(t testing.TB, cloudflared string, config []byte, args ...string) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), ConfigFile)
	require.NoError(t, os.WriteFile(file, config, 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, cloudflared, append([]string{"tunnel", "--config", file, "ingress"}, args...)...)
	cmd.Env = []string{"HOME=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// requireAgreement passes two settings, in JSON, to this package and, as they
// are, to cloudflared, and compares the verdicts. What is rendered from valid
// settings has to be valid for cloudflared as well, and to lead where this
// package says.
func requireAgreement(t testing.TB, cloudflared string, ingress []any, originRequest any) {
	t.Helper()
	rules, common := marshal(t, ingress), marshal(t, originRequest)
	routing := Routing{Origin: testOrigin}
	ours := errors.Join(settings.Decode("ingress", string(rules), &routing.Ingress), settings.Decode("originRequest", string(common), &routing.OriginRequest))
	if ours == nil {
		ours = routing.Validate()
	}

	raw := map[string]any{"tunnel": testTunnelID, "originRequest": originRequest, "ingress": ingress}
	if originRequest == nil {
		delete(raw, "originRequest")
	}
	if n := len(ingress); n == 0 || !matchesAll(ingress[n-1]) {
		raw["ingress"] = append(ingress[:n:n], map[string]any{"service": testOrigin})
	}
	theirs := stockRefusal(t, cloudflared, marshal(t, raw))

	if ours == nil {
		require.Empty(t, theirs, "cloudflared refuses what we accept: %s", rules)
		config, err := testConfig(routing).YAML()
		require.NoError(t, err)
		require.Empty(t, stockRefusal(t, cloudflared, []byte(config)), "cloudflared refuses what we render of %s:\n%s", rules, config)
		requireDestinations(t, cloudflared, routing)
		return
	}
	if theirs == "" {
		for _, problem := range flatten(ours) {
			require.Regexp(t, stricter, problem.Error(), "we refuse what cloudflared accepts: %s %s", rules, common)
		}
	}
}

// requireDestinations compares where each rule leads with what cloudflared says:
// it prints a rule's service as it understands it, with the port for TCP.
func requireDestinations(t testing.TB, cloudflared string, routing Routing) {
	t.Helper()
	for _, rule := range routing.Rules() {
		// Alone and without conditions, the rule is the one that matches.
		rule.Hostname, rule.Path = "", ""
		alone := Routing{OriginRequest: routing.OriginRequest, Ingress: []IngressRule{rule}}
		config, err := testConfig(alone).YAML()
		require.NoError(t, err)
		service := stockService(t, cloudflared, config, "https://example.com/")
		want := []string{}
		switch u, err := url.Parse(service); {
		case service == bastion || service == socksProxy:
			want = append(want, service+" 0")
		case err != nil || !slices.Contains(allSchemes, u.Scheme) || Service{Host: u.Hostname()}.isLoopback():
		case u.Port() == "":
			port := map[string]int{"http": 80, "ws": 80, "https": 443, "wss": 443}[u.Scheme]
			want = append(want, fmt.Sprintf("%s %d", u.Hostname(), port))
		default:
			want = append(want, u.Hostname()+" "+u.Port())
		}
		got := []string{}
		for _, d := range alone.Destinations() {
			if d.Path == "ingress[0].service" {
				got = append(got, fmt.Sprintf("%s %d", d.Host, d.Port))
			}
		}
		require.Equal(t, want, got, "%+v: cloudflared says %s", rule, service)
	}
}

// stockService returns the service of the rule that cloudflared chooses for a request.
func stockService(t testing.TB, cloudflared, config, request string) string {
	t.Helper()
	out, err := runStock(t, cloudflared, []byte(config), "rule", request)
	require.NoError(t, err, "%s", out)
	_, service, found := strings.Cut(out, "service: ")
	require.True(t, found, "%s", out)
	service, _, _ = strings.Cut(service, "\n")
	return service
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return raw
}

// matchesAll is IngressRule.matchesAll for a rule as it was written.
func matchesAll(rule any) bool {
	fields, ok := rule.(map[string]any)
	empty := func(v any) bool { return v == nil || v == "" }
	return ok && (empty(fields["hostname"]) || fields["hostname"] == "*") && empty(fields["path"])
}

// flatten lists joined errors one by one.
func flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}

// FuzzIngress_Cloudflared compares the verdicts on a rule, given as its three
// texts and its originRequest in JSON, first or last in the list. The seeds run
// with every test; go test -fuzz looks further.
func FuzzIngress_Cloudflared(f *testing.F) {
	cloudflared := stockCloudflared(f)
	for _, host := range ruleHosts {
		f.Add(host, "", "http://web", "null", false)
	}
	for _, path := range rulePaths {
		f.Add("example.com", path, "http://web", "null", false)
	}
	for _, service := range ruleServices {
		f.Add("", "", service, "null", true)
	}
	for _, field := range slices.Sorted(maps.Keys(requestFields)) {
		for _, value := range requestFields[field] {
			f.Add("example.com", "", "socks-proxy", string(marshal(f, map[string]any{field: value})), false)
		}
	}
	f.Fuzz(func(t *testing.T, host, path, service, request string, last bool) {
		t.Parallel()
		var originRequest any
		if json.Unmarshal([]byte(request), &originRequest) != nil {
			t.Skip("not JSON")
		}
		rules := []any{map[string]any{"hostname": host, "path": path, "service": service, "originRequest": originRequest}}
		if !last {
			rules = append(rules, map[string]any{"service": "http_status:404"})
		}
		requireAgreement(t, cloudflared, rules, nil)
	})
}

// TestIngress_CloudflaredAgrees compares the verdicts on whole lists of rules
// with defaults, put together at random.
func TestIngress_CloudflaredAgrees(t *testing.T) {
	t.Parallel()
	cloudflared := stockCloudflared(t)
	seed := uint64(time.Now().UnixNano())
	for i := range uint64(200) {
		t.Run(fmt.Sprintf("seed %d %d", seed, i), func(t *testing.T) {
			t.Parallel()
			g := generator{rand.New(rand.NewPCG(seed, i))}
			var rules []any
			for range g.IntN(4) {
				rules = append(rules, g.rule())
			}
			requireAgreement(t, cloudflared, rules, g.originRequest())
		})
	}
}

// generator makes settings, mostly of values that people might write.
type generator struct{ *rand.Rand }

func (g generator) rule() any {
	rule := map[string]any{"service": g.text(ruleServices)}
	if g.IntN(8) > 0 {
		rule["hostname"] = g.text(ruleHosts)
	}
	if g.IntN(3) == 0 {
		rule["path"] = g.text(rulePaths)
	}
	if request := g.originRequest(); request != nil {
		rule["originRequest"] = request
	}
	if g.IntN(50) == 0 {
		rule["hostName"] = "example.com"
	}
	return rule
}

func (g generator) originRequest() any {
	if g.IntN(2) == 0 {
		return nil
	}
	request := map[string]any{}
	for _, field := range slices.Sorted(maps.Keys(requestFields)) {
		values := requestFields[field]
		if g.IntN(len(requestFields)) < 2 {
			request[field] = values[g.IntN(len(values))]
		}
	}
	return request
}

// text picks one of the texts, the first five as often as all others, and
// changes a character now and then.
func (g generator) text(texts []string) string {
	text := texts[g.IntN(len(texts))]
	if g.IntN(2) == 0 {
		text = texts[g.IntN(5)]
	}
	if g.IntN(10) == 0 {
		const odd = ":/@?#%[]*. \"'\n\t{}-_0aZé\x00\u200d"
		at, with := g.IntN(len(text)+1), []rune(odd)[g.IntN(len([]rune(odd)))]
		text = text[:at] + string(with) + text[at:]
	}
	return text
}

var (
	ruleHosts = []string{
		"example.com", "photos.example.com", "*.example.com", "a.b.example.com", "xn--bcher-kva.example",
		"", "*", "Example.COM", "bücher.example", "*.bücher.example", "under_score.example", "localhost", "192.0.2.1",
		"example.com:80", "*.example.com:80", ":80", "example.com:", "[::1]", "[::1]:80", "::1", "*:80",
		"*.", "*example.com", "a.*.com", "*.*.com", "**", "example.*", "http://example.com", "example.com/app",
		"exa mple.com", "a..b", ".example.com", "example.com.", strings.Repeat("a", 64) + ".com", strings.Repeat("a.", 130) + "com",
	}
	rulePaths = []string{
		"", "/", "^/api/", `\.(jpg|png)$`, "(?i)photos",
		"(", "[a-z", "*", "(?!x)", `\`, "a{1001}", `\pX`, `\pL+`, "a**", "(?P<n>x)", "x{2,1}", "/bücher", "\n",
	}
	ruleServices = []string{
		"http://web", "https://web.default.svc:8443", "ws://web:80", "http_status:404", "tcp://db:5432",
		"", "wss://web", "ssh://host:22", "rdp://host", "smb://host", "tcp://db", "http://[fd00::1]:80", "http://10.0.0.1", "HTTP://web", "http://localhost:8080", "http://localhost:2000", "tcp://[::1]:2000", "http://127.1.2.3:2000",
		"http://0.0.0.0:2000", "tcp://[::]:2000", "http://LocalHost.:2000", "http://0.0.0.0",
		"hello_world", "hello-world", "bastion", "socks-proxy", "unix:/run/web.sock", "unix+tls:/run/web.sock", "unix:", "unix+tls:",
		"http_status:", "http_status:99", "http_status:1000", "http_status:ok", "http_status:+404", "http_status:0404", "http_status",
		"web:80", "web", "//web", "http:web", "http:/web", "http://", "http://:80", "http://web/", "http://web/app", "http://web?a=b",
		"http://web#a", "http://me@web", "http://me:word@web", "http://web:", "http://web:0", "http://web:65535", "http://web:65536",
		"http://web:http", "ftp://web", "vnc://web:5900", "http://we b", "http://[::1", "http://w%65b", "http://web%", " http://web", "http://web?",
		"hello_world ", "Bastion", "socks-proxy:1", "warp-routing",
	}
	// requestFields has valid and invalid values of each field.
	requestFields = map[string][]any{
		"connectTimeout":         {"30s", "1m30s", "0", "-5s", "30", 30, "1d", "", "1.5h"},
		"tlsTimeout":             {"10s", "10", true, "+5s", "-1ms"},
		"tcpKeepAlive":           {"30s", "-1s", "s", "1e3s"},
		"keepAliveTimeout":       {"90s", "90 s", nil, "-1s"},
		"noHappyEyeballs":        {true, false, "true", "yes", 1},
		"keepAliveConnections":   {100, 0, -1, 1.5, "100"},
		"httpHostHeader":         {"web.lan", "", "a: b", 5},
		"originServerName":       {"web.lan", "", false},
		"matchSNItoHost":         {true, "on"},
		"matchSNIToHost":         {true},
		"caPool":                 {"/etc/ca.pem", ""},
		"noTLSVerify":            {true, false, "no"},
		"noTlsVerify":            {true},
		"disableChunkedEncoding": {true, false},
		"bastionMode":            {true, false, true, "true"},
		"proxyAddress":           {"127.0.0.1", "", "nowhere"},
		"proxyPort":              {0, 1080, -1, 65536},
		"proxyType":              {"", "socks", "http"},
		"http2Origin":            {true, false},
		"ipRules": {
			[]any{map[string]any{"prefix": "10.0.0.0/8", "ports": []int{80, 443}, "allow": true}},
			[]any{map[string]any{"prefix": "fd00::/8"}, map[string]any{"prefix": "0.0.0.0/0", "allow": false}},
			[]any{map[string]any{"prefix": "10.0.0.1/08"}},
			[]any{map[string]any{"prefix": "10.0.0.0"}},
			[]any{map[string]any{"ports": []int{1}}},
			[]any{map[string]any{"prefix": "10.0.0.0/33"}},
			[]any{map[string]any{"prefix": "10.0.0.0/8", "ports": []int{0}}},
			[]any{map[string]any{"prefix": "::ffff:10.0.0.0/104", "ports": []int{65536}}},
			[]any{},
			map[string]any{},
		},
		"access": {
			map[string]any{"required": true, "teamName": "home", "audTag": []string{"tag"}},
			map[string]any{"required": true},
			map[string]any{"required": true, "audTag": []string{"tag"}},
			map[string]any{"required": false, "audTag": []string{"tag"}},
			map[string]any{"teamName": "home", "audTag": []string{"tag"}},
			map[string]any{"required": true, "teamName": "home.cloudflareaccess.com", "audTag": []string{"tag"}},
			map[string]any{"required": true, "teamName": "home", "audTag": []string{"tag"}, "environment": "fed"},
			map[string]any{"Required": true},
		},
	}
)
