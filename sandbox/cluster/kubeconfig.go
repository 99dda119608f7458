package cluster

import (
	"fmt"
	"os"
	"path/filepath"
)

// The part of Kubernetes' client configuration (k8s.io/client-go/tools/clientcmd/api/v1) that is
// used here.
type (
	kubeconfig struct {
		APIVersion     string         `json:"apiVersion"`
		Kind           string         `json:"kind"`
		Clusters       []namedCluster `json:"clusters"`
		Users          []namedUser    `json:"users"`
		Contexts       []namedContext `json:"contexts"`
		CurrentContext string         `json:"current-context"`
	}
	namedCluster struct {
		Name    string         `json:"name"`
		Cluster clusterAddress `json:"cluster"`
	}
	clusterAddress struct {
		Server string `json:"server"`
		CA     []byte `json:"certificate-authority-data"` // JSON writes bytes as base64, as the format wants them
	}
	namedUser struct {
		Name string      `json:"name"`
		User credentials `json:"user"`
	}
	credentials struct {
		Certificate []byte `json:"client-certificate-data"`
		Key         []byte `json:"client-key-data"`
	}
	namedContext struct {
		Name    string      `json:"name"`
		Context userContext `json:"context"`
	}
	userContext struct {
		Cluster string `json:"cluster"`
		User    string `json:"user"`
	}
)

// newKubeconfig embeds the credentials, so that the file works from anywhere.
func newKubeconfig(c Config, user string) (kubeconfig, error) {
	var data [3][]byte
	for i, file := range []string{"ca.crt", user + ".crt", user + ".key"} {
		raw, err := os.ReadFile(c.path(pkiDir, file))
		if err != nil {
			return kubeconfig{}, fmt.Errorf("kubeconfig of %s: %w", user, err)
		}
		data[i] = raw
	}
	name := c.Name()
	return kubeconfig{
		APIVersion:     "v1",
		Kind:           "Config",
		Clusters:       []namedCluster{{name, clusterAddress{Server: c.APIServerURL(), CA: data[0]}}},
		Users:          []namedUser{{name + "-" + user, credentials{Certificate: data[1], Key: data[2]}}},
		Contexts:       []namedContext{{name, userContext{Cluster: name, User: name + "-" + user}}},
		CurrentContext: name,
	}, nil
}

// kubeconfigPath is where the kubeconfig of one of the node's programs lies.
func (c Config) kubeconfigPath(user string) string {
	if user == "admin" {
		return c.Kubeconfig()
	}
	return filepath.Join(c.path(configDir), user+".kubeconfig")
}

func writeKubeconfigs(c Config) error {
	for _, user := range kubeUsers(c) {
		k, err := newKubeconfig(c, user.name)
		if err != nil {
			return err
		}
		if err := writeJSON(c.kubeconfigPath(user.name), k, 0o600); err != nil {
			return err
		}
	}
	return nil
}
