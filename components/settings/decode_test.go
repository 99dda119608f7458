package settings_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/cloudflared"
	"k8s-tunnel/components/settings"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	var rules []cloudflared.IngressRule
	require.NoError(t, settings.Decode("ingress", `[{"hostname": "example.com", "service": "http://web", "originRequest":
		{"noTLSVerify": false, "keepAliveConnections": 0, "connectTimeout": "5s", "ipRules": [{"prefix": "10.0.0.0/8", "ports": [80], "allow": true}]}},
		{"service": "http_status:404", "originRequest": null}]`, &rules))
	require.Equal(t, []cloudflared.IngressRule{
		{Hostname: "example.com", Service: "http://web", OriginRequest: &cloudflared.OriginRequest{
			NoTLSVerify: new(false), KeepAliveConnections: new(0), ConnectTimeout: new("5s"),
			IPRules: []cloudflared.IPRule{{Prefix: "10.0.0.0/8", Ports: []int{80}, Allow: true}},
		}},
		{Service: "http_status:404"},
	}, rules)
}

func TestDecode_Problems(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"no JSON", `example.com`, []string{`ingress: "example.com" is not a list`}},
		{"no list", `{"hostname": "example.com"}`, []string{`ingress: {"hostname": "example.com"} is not a list`}},
		{"no object", `["example.com"]`, []string{`ingress[0]: "example.com" is not an object`}},
		{"misspelt field", `[{"service": "http://web", "originRequest": {"noTLSverify": true}}]`, []string{"ingress[0].originRequest.noTLSverify: no such field; did you mean noTLSVerify?"}},
		{"foreign field", `[{"backend": "web"}]`, []string{"ingress[0].backend: no such field; there are hostname, originRequest, path, service"}},
		{"all at once", `[{"hostname": 5.5, "originRequest": {"noTLSVerify": "yes", "connectTimeout": 3e1}}, {"originRequest": {"keepAliveConnections": 1.5, "access": {"audTag": "tag"}}}]`, []string{
			"ingress[0].hostname: 5.5 is not a string; put it in quotes, or add --type string to pulumi config set",
			`ingress[0].originRequest.noTLSVerify: "yes" is not true or false`,
			"ingress[0].originRequest.connectTimeout: 3e1 is not a string; put it in quotes",
			"ingress[1].originRequest.keepAliveConnections: 1.5 is not a whole number",
			`ingress[1].originRequest.access.audTag: "tag" is not a list`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var rules []cloudflared.IngressRule
			err := settings.Decode("ingress", test.text, &rules)
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

// A field without a tag is no setting.
func TestDecode_FieldWithoutTag(t *testing.T) {
	t.Parallel()
	var into struct {
		Name   string `pulumi:"name"`
		Hidden string
	}
	require.EqualError(t, settings.Decode("setting", `{"": "x"}`, &into), "setting.: no such field; there is only name")
	require.Empty(t, into.Hidden)
}

// A map's values are reported one by one.
func TestDecode_Map(t *testing.T) {
	t.Parallel()
	var limits map[string]string
	require.NoError(t, settings.Decode("limits", `{"cpu": "1", "memory": "64Mi"}`, &limits))
	require.Equal(t, map[string]string{"cpu": "1", "memory": "64Mi"}, limits)
	require.ErrorContains(t, settings.Decode("limits", `{"cpu": 0.5, "memory": "64Mi"}`, &limits), "limits.cpu: 0.5 is not a string; put it in quotes")
	require.EqualError(t, settings.Decode("limits", `["cpu"]`, &limits), `limits: ["cpu"] is not an object`)
}

// Some strings may be written as numbers, and all as booleans: the CLI stores what it is given so.
func TestDecode_StringWithoutQuotes(t *testing.T) {
	t.Parallel()
	var got struct {
		Version string            `numeric:"true" pulumi:"version"`
		Limits  map[string]string `numeric:"true" pulumi:"limits"`
		Labels  map[string]string `pulumi:"labels"`
	}
	require.NoError(t, settings.Decode("connector", `{"version": 6, "limits": {"cpu": 0.5, "memory": "64Mi"}, "labels": {"inject": false}}`, &got))
	require.Equal(t, "6", got.Version)
	require.Equal(t, map[string]string{"cpu": "0.5", "memory": "64Mi"}, got.Limits)
	require.Equal(t, map[string]string{"inject": "false"}, got.Labels)
	err := settings.Decode("connector", `{"version": [6], "limits": {"cpu": {}}, "labels": {"rack": 8}}`, &got)
	require.ErrorContains(t, err, "connector.version: [6] is not a string")
	require.ErrorContains(t, err, "connector.limits.cpu: {} is not a string")
	require.ErrorContains(t, err, "connector.labels.rack: 8 is not a string; put it in quotes, or add --type string to pulumi config set")
}

// What is wrong is left out, where it can be.
func TestDecode_LeavesOutWhatIsWrong(t *testing.T) {
	t.Parallel()
	var request *cloudflared.OriginRequest
	require.Error(t, settings.Decode("originRequest", `{"connectTimeout": [], "tlsTimeout": "5s"}`, &request))
	require.Equal(t, &cloudflared.OriginRequest{TLSTimeout: new("5s")}, request)
	var limits map[string]string
	require.Error(t, settings.Decode("limits", `{"cpu": {}, "memory": "64Mi"}`, &limits))
	require.Equal(t, map[string]string{"memory": "64Mi"}, limits)
}
