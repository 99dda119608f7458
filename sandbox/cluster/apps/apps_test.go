package apps

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"k8s-tunnel/sandbox/cluster/image"
)

// object is what the tests read of a manifest.
type object struct {
	Kind     string
	Metadata struct{ Name, Namespace string }
	Spec     struct {
		Replicas int
		Selector map[string]any
		Rules    []struct{ Host string }
		Ports    []struct {
			Port       int
			TargetPort string `yaml:"targetPort"`
		}
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct {
				TerminationGracePeriodSeconds int            `yaml:"terminationGracePeriodSeconds"`
				SecurityContext               map[string]any `yaml:"securityContext"`
				Containers                    []struct {
					Image           string
					Args            []string
					Ports           []struct{ Name string }
					ReadinessProbe  map[string]any `yaml:"readinessProbe"`
					SecurityContext map[string]any `yaml:"securityContext"`
				}
			}
		}
	}
}

func objects(t *testing.T, domain string) map[string]object {
	t.Helper()
	controller, err := IngressController()
	require.NoError(t, err)
	sites, err := Sites(domain)
	require.NoError(t, err)
	data := slices.Concat(controller, []byte("\n---\n"), sites)
	out := map[string]object{}
	for decoder := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var o object
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		key := strings.Trim(o.Kind+" "+o.Metadata.Namespace+"/"+o.Metadata.Name, " ")
		require.NotContains(t, out, key)
		out[key] = o
	}
}

func TestManifests_Inventory(t *testing.T) {
	t.Parallel()
	var got []string
	for key := range objects(t, "home.localhost") {
		got = append(got, key)
	}
	slices.Sort(got)
	require.Equal(t, []string{
		"ClusterRole /skipper", "ClusterRoleBinding /skipper",
		"Deployment apps/hello", "Deployment apps/photos", "Deployment ingress-nginx/ingress-nginx-controller",
		"Ingress apps/hello", "Ingress apps/photos", "IngressClass /skipper",
		"Namespace /apps", "Namespace /ingress-nginx",
		"Service apps/hello", "Service apps/photos", "Service ingress-nginx/ingress-nginx-controller",
		"ServiceAccount ingress-nginx/skipper",
	}, got)
}

func TestManifests_HostsFollowTheDomain(t *testing.T) {
	t.Parallel()
	for _, domain := range []string{"home.localhost", "lab.example.com"} {
		all := objects(t, domain)
		require.Equal(t, domain, all["Ingress apps/hello"].Spec.Rules[0].Host)
		require.Equal(t, "photos."+domain, all["Ingress apps/photos"].Spec.Rules[0].Host)
		require.Equal(t, []string{domain, "photos." + domain}, Hosts(domain))
	}
}

func TestManifests_PartsFitTogether(t *testing.T) {
	t.Parallel()
	all := objects(t, "home.localhost")
	images := map[string]string{"hello": image.Webapp, "photos": image.Webapp, "ingress-nginx-controller": image.Skipper}
	for key, o := range all {
		if o.Kind != "Deployment" {
			continue
		}
		t.Run(o.Metadata.Name, func(t *testing.T) {
			t.Parallel()
			pod := o.Spec.Template.Spec
			container := pod.Containers[0]
			require.Equal(t, images[o.Metadata.Name], container.Image)
			require.NotEmpty(t, container.ReadinessProbe)
			require.Equal(t, true, pod.SecurityContext["runAsNonRoot"])
			require.Equal(t, false, container.SecurityContext["allowPrivilegeEscalation"])
			require.Equal(t, true, container.SecurityContext["readOnlyRootFilesystem"])
			require.Greater(t, pod.TerminationGracePeriodSeconds, 60)

			service, ok := all["Service "+strings.TrimPrefix(key, "Deployment ")]
			require.True(t, ok)
			require.NotEmpty(t, service.Spec.Selector)
			for label, value := range service.Spec.Selector {
				require.Equal(t, value, o.Spec.Template.Metadata.Labels[label])
			}
			var ports []string
			for _, p := range container.Ports {
				ports = append(ports, p.Name)
			}
			require.Equal(t, 80, service.Spec.Ports[0].Port)
			for _, p := range service.Spec.Ports {
				require.Contains(t, ports, p.TargetPort)
			}
		})
	}
}
