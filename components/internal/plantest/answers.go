package plantest

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// What the stand-in answers for the tunnel, whether created or read.
const (
	TunnelID     = "11111111-2222-3333-4444-555555555555"
	Password     = "secret-secret-secret-secret-secr"
	TunnelSecret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I=" // the password in base64
	// NameSuffix ends the tunnel's name.
	NameSuffix = "a1b2c3"
	// Identity is the component's.
	Identity = "0a1b2c3d"
)

// answer is what a provider would answer: the identifier, and the inputs with what
// it adds to them.
func (e *Engine) answer(kind, name, readID string, inputs resource.PropertyMap, custom bool) (string, resource.PropertyMap) {
	outputs := inputs.Copy()
	if strings.HasPrefix(kind, "pulumi:providers:") {
		return name + "-id", outputs // known even in a preview
	}
	if !custom || e.Preview && readID == "" {
		return "", outputs
	}
	id := name + "-id"
	switch kind {
	case "random:index/randomPassword:RandomPassword":
		id = "none"
		outputs["result"] = resource.MakeSecret(resource.NewProperty(Password))
	case "random:index/randomId:RandomId":
		outputs["hex"] = resource.NewProperty(NameSuffix)
		if strings.HasSuffix(name, "-identity") {
			outputs["hex"] = resource.NewProperty(Identity)
		}
	case "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared":
		id = TunnelID
		token := `{"a":"account","t":"` + TunnelID + `","s":"` + TunnelSecret + `"}`
		outputs["tunnelToken"] = resource.MakeSecret(resource.NewProperty(base64.StdEncoding.EncodeToString([]byte(token))))
	case "kubernetes:core/v1:ConfigMap":
		if readID != "" {
			outputs["data"] = resource.NewProperty(resource.NewPropertyMapFromMap(e.ConfigMaps[readID]))
		}
	case "kubernetes:core/v1:Service":
		outputs["spec"] = resource.NewProperty(e.service(readID))
	}
	return id, outputs
}

// service is the Service with this ID.
func (e *Engine) service(id string) resource.PropertyMap {
	if spec, ok := e.Services[id]; ok {
		return resource.NewPropertyMapFromMap(spec)
	}
	return resource.NewPropertyMapFromMap(map[string]any{
		"type":      "ClusterIP",
		"clusterIP": "10.0.0.80",
		"selector":  map[string]any{"app.kubernetes.io/name": "ingress"},
		"ports": []any{
			map[string]any{"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http"},
			map[string]any{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 8443},
			map[string]any{"name": "web", "port": 8000, "protocol": "TCP", "targetPort": 80},
		},
	})
}

// JSON returns the inputs of a registration as indented JSON. Secrets are shown as
// such, so that golden files tell them from plain text.
func (r Registration) JSON(t testing.TB) string {
	t.Helper()
	pretty, err := json.MarshalIndent(r.plain(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(pretty) + "\n"
}

// Decode decodes the inputs into a struct with json tags. Secrets are seen through.
func (r Registration) Decode(t testing.TB, into any) {
	t.Helper()
	raw, err := json.Marshal(resource.NewProperty(r.Inputs).Mappable())
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (r Registration) plain() any {
	return r.Inputs.MapRepl(nil, func(v resource.PropertyValue) (any, bool) {
		switch {
		case v.IsSecret():
			return map[string]any{"secret": v.SecretValue().Element.Mappable()}, true
		case v.IsComputed():
			return "unknown", true
		}
		return nil, false
	})
}
