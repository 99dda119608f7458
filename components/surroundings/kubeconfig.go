package surroundings

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
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

// ClusterIdentity tells the cluster that a kubeconfig, given as a path or as its
// contents, leads to from others. It stays the same when the cluster is reached by
// another address, or with other credentials. It is empty if it can't be told.
//
// Clusters have no identity of their own. What comes close is their certificate
// authority, together with the path of the address, by which clusters behind one
// gateway differ.
func ClusterIdentity(pathOrContents, context string) string {
	raw, directory := readKubeconfig(pathOrContents)
	var config kubeconfig
	if yaml.Unmarshal(raw, &config) != nil {
		return ""
	}
	found, ok := config.cluster(cmp.Or(context, config.CurrentContext))
	if !ok {
		return ""
	}
	return found.identity(directory)
}

// readKubeconfig returns the contents of a kubeconfig, and the directory that paths in
// it are relative to. It finds the file as the Kubernetes provider does.
func readKubeconfig(pathOrContents string) (raw []byte, directory string) {
	path := pathOrContents
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		home, _ := os.UserHomeDir() // else the file isn't found
		path = filepath.Join(home, rest)
	}
	if raw, err := os.ReadFile(path); err == nil {
		return raw, filepath.Dir(path)
	}
	return []byte(pathOrContents), "."
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

func (c cluster) identity(directory string) string {
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
		path := c.CAFile
		if !filepath.IsAbs(path) {
			path = filepath.Join(directory, path)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return ""
		}
		authority = string(data)
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(authority) + "\n" + strings.Trim(server.Path, "/")))
	return hex.EncodeToString(sum[:8])
}
