package main

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// TestSchema_DescribesWhatIsMapped holds the hand-written schema against the map and upstream: the
// same tokens, and exactly upstream's attributes with upstream's marks.
func TestSchema_DescribesWhatIsMapped(t *testing.T) {
	var written struct {
		Version   string
		Resources map[string]struct {
			Properties map[string]struct {
				Secret bool
			}
			RequiredInputs []string
		}
	}
	if err := json.Unmarshal(schema, &written); err != nil {
		t.Fatal(err)
	}
	if written.Version != version {
		t.Errorf("the schema is of version %s, the plugin of %s", written.Version, version)
	}
	info := provider(context.Background())
	if got := slices.Sorted(maps.Keys(info.Resources)); !slices.Equal(got, []string{"random_bytes", "random_id", "random_password"}) {
		t.Fatalf("mapped are %v", got)
	}
	for name, mapped := range info.Resources {
		described, ok := written.Resources[string(mapped.Tok)]
		if !ok {
			t.Errorf("%s is mapped to %s, which isn't in the schema", name, mapped.Tok)
			continue
		}
		secrets := 0
		for property := range described.Properties {
			if described.Properties[property].Secret {
				secrets++
			}
		}
		upstreamSecrets, attributes := 0, 0
		info.P.ResourcesMap().Get(name).Schema().Range(func(attribute string, value shim.Schema) bool {
			if attribute == "id" {
				return true // every resource of Pulumi's has one
			}
			attributes++
			if value.Sensitive() {
				upstreamSecrets++
			}
			return true
		})
		if attributes != len(described.Properties) || secrets != upstreamSecrets {
			t.Errorf("%s: upstream has %d attributes, %d of them secret, the schema %d and %d",
				name, attributes, upstreamSecrets, len(described.Properties), secrets)
		}
	}
}

func TestBytesID(t *testing.T) {
	t.Parallel()
	secret := resource.MakeSecret(resource.NewStringProperty("AQID"))
	tests := map[string]struct {
		state resource.PropertyMap
		want  resource.ID
		fails bool
	}{
		"a secret value": {resource.PropertyMap{"base64": secret}, "AQID", false},
		"a plain value":  {resource.PropertyMap{"base64": resource.NewStringProperty("AQID")}, "AQID", false},
		"no value":       {resource.PropertyMap{}, "", true},
		"a number":       {resource.PropertyMap{"base64": resource.NewNumberProperty(1)}, "", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := bytesID(context.Background(), test.state)
			if got != test.want || (err != nil) != test.fails {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}
