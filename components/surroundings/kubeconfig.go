package surroundings

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"

	"go.yaml.in/yaml/v3"
)

// kubeconfig are the parts of a kubeconfig that say which cluster it leads to.
type kubeconfig struct {
	CurrentContext string `yaml:"current-context"`
	Contexts       []struct {
		Name    string
		Context struct{ Cluster string }
	}
	Clusters []struct {
		Name    string
		Cluster cluster
	}
}

type cluster struct {
	Server   string
	CAData   string `yaml:"certificate-authority-data"`
	CAFile   string `yaml:"certificate-authority"`
	Insecure bool   `yaml:"insecure-skip-tls-verify"`
}

// ClusterIdentity tells the cluster that the contents of a kubeconfig lead to from
// others. It stays the same when the cluster is reached by another address, or with
// other credentials. It is empty if it can't be told, and for the path of a file, whose
// contents aren't recorded: an old provider reads what is in the file today, so that
// there is nothing to compare with.
//
// Clusters have no identity of their own. What comes close is their certificate
// authority, together with the path of the address, by which clusters behind one
// gateway differ.
func ClusterIdentity(contents, context string) string {
	var config kubeconfig
	if yaml.Unmarshal([]byte(contents), &config) != nil {
		return ""
	}
	found, ok := config.cluster(cmp.Or(context, config.CurrentContext))
	if !ok {
		return ""
	}
	return found.identity()
}

func (k *kubeconfig) cluster(context string) (cluster, bool) {
	for _, c := range k.Contexts {
		if c.Name != context {
			continue
		}
		for _, candidate := range k.Clusters {
			if candidate.Name == c.Context.Cluster {
				return candidate.Cluster, true
			}
		}
	}
	return cluster{}, false
}

func (c cluster) identity() string {
	server, err := url.Parse(c.Server)
	if err != nil || c.Server == "" {
		return ""
	}
	authority := server.Host // if it has a certificate that everybody trusts, or none
	switch {
	case c.Insecure:
	case c.CAData != "":
		data, err := base64.StdEncoding.DecodeString(c.CAData)
		if err != nil {
			return ""
		}
		authority = string(data)
	case c.CAFile != "":
		return "" // as for the kubeconfig's own path
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(authority) + "\n" + strings.Trim(server.Path, "/")))
	return hex.EncodeToString(sum[:8])
}
