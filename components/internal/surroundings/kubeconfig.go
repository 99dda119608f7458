package surroundings

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// kubeconfig are the parts of a kubeconfig that say which cluster it leads to, and which
// files it names.
type kubeconfig struct {
	CurrentContext string `yaml:"current-context"`
	Contexts       []struct {
		Name    string
		Context context
	}
	Clusters []struct {
		Name    string
		Cluster cluster
	}
	Users []struct {
		Name string
		User credentials
	}
}

type context struct{ Cluster, User string }

type credentials struct {
	CertificateFile string `yaml:"client-certificate"`
	KeyFile         string `yaml:"client-key"`
	TokenFile       string `yaml:"tokenFile"`
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
	return parse([]byte(contents)).cluster(context).identity()
}

// cluster returns the cluster of that context, or of the current one if it is empty.
func (k *kubeconfig) cluster(context string) cluster {
	used := k.use(context)
	for _, c := range k.Clusters {
		if c.Name == used.Cluster {
			return c.Cluster
		}
	}
	return cluster{}
}

// use returns the context of that name, or the current one if it is empty.
func (k *kubeconfig) use(name string) context {
	for _, c := range k.Contexts {
		if c.Name == cmp.Or(name, k.CurrentContext) {
			return c.Context
		}
	}
	return context{}
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

// kubeconfigKey is the Kubernetes provider's setting.
const kubeconfigKey = "kubernetes:kubeconfig"

// longestPath is the longest text that messages take for a path.
const longestPath = 255

// Kubeconfig checks the Kubernetes provider's setting, which is the path of a kubeconfig
// or its contents, and of which it uses a context, or else the current one. Relative paths
// begin at the directory, in which the provider runs; they aren't checked if that is unknown.
// The provider takes the path of a file that isn't there for contents, and looks up
// files that a kubeconfig names in that directory, too.
func (e Environment) Kubeconfig(value, context, directory string) error {
	if value == "" {
		usual := e.usualKubeconfig()
		if context == "" || len(usual.Contexts) == 0 {
			return nil
		}
		return usual.missing("your kubeconfig", context)
	}
	config, path, err := load(value, directory)
	if err != nil {
		return err
	}
	return errors.Join(config.missing(cmp.Or(path, kubeconfigKey), context), config.relativePaths(path, context, directory))
}

// load reads what the setting is or leads to, and returns its path if it is a file. It is
// empty if it can't be known.
func load(value, directory string) (config *kubeconfig, path string, err error) {
	if isMapping(value) {
		return parse([]byte(value)), "", nil
	}
	if path, err = expand(value); err != nil {
		return nil, "", fmt.Errorf("%s: %w", kubeconfigKey, err)
	}
	broken := strings.ContainsAny(value, "\n{")
	if !filepath.IsAbs(path) {
		if directory == "" && !broken {
			return &kubeconfig{}, "", nil
		}
		path = filepath.Join(directory, path)
	}
	contents, err := os.ReadFile(path)
	switch {
	case err != nil && (broken || len(value) > longestPath):
		// What was meant to be contents may be a secret.
		err = fmt.Errorf("%s: is neither the path of a kubeconfig nor one's contents, which would be YAML or JSON; Base64 isn't decoded", kubeconfigKey)
	case err != nil && len(filepath.SplitList(value)) > 1:
		err = fmt.Errorf("%s: %q is a list, of which the provider reads none; make one file: kubectl config view --flatten", kubeconfigKey, value)
	case errors.Is(err, os.ErrNotExist):
		err = fmt.Errorf("%s: there is no file %s; give the path of a kubeconfig (~ is your home, variables aren't replaced) or its contents, "+
			"or remove the setting to use your usual kubeconfig", kubeconfigKey, path)
	case err != nil:
		err = fmt.Errorf("%s: reading the file: %w", kubeconfigKey, err)
	case !isMapping(string(contents)):
		err = fmt.Errorf("%s: file %s is no kubeconfig", kubeconfigKey, path)
	}
	return parse(contents), path, err
}

// parse reads a kubeconfig. If it is broken, the provider says why.
func parse(contents []byte) *kubeconfig {
	config := &kubeconfig{}
	if yaml.Unmarshal(contents, config) != nil {
		return &kubeconfig{}
	}
	return config
}

// monitorVariable is set where Pulumi's CLI runs a program in a process of its own.
const monitorVariable = "PULUMI_MONITOR"

// usualKubeconfig has the contexts, clusters and users of the usual kubeconfig, which may be
// several files. What is in one of the first ones counts. An inline program of the
// Automation API doesn't know the providers' shell, and so has none.
func (e Environment) usualKubeconfig() *kubeconfig {
	if e.get(monitorVariable) == "" {
		return &kubeconfig{}
	}
	files := filepath.SplitList(e.get("KUBECONFIG"))
	if len(files) == 0 {
		files = e.homeKubeconfig(runtime.GOOS)
	}
	all := &kubeconfig{}
	for _, file := range files {
		contents, err := os.ReadFile(file)
		if err != nil {
			continue // the provider says why
		}
		one := parse(contents)
		all.CurrentContext = cmp.Or(all.CurrentContext, one.CurrentContext)
		all.Contexts, all.Clusters, all.Users = append(all.Contexts, one.Contexts...), append(all.Clusters, one.Clusters...), append(all.Users, one.Users...)
	}
	return all
}

// homeKubeconfig returns the path of the kubeconfig in the home directory, or nothing if there is
// none. On Windows, several variables may name a home, and the first one with a kubeconfig counts,
// as it does for the provider and kubectl.
func (e Environment) homeKubeconfig(system string) []string {
	homes := []string{e.get("HOME")}
	if system == "windows" {
		if drive, path := e.get("HOMEDRIVE"), e.get("HOMEPATH"); drive != "" && path != "" {
			homes = append(homes, drive+path)
		}
		homes = append(homes, e.get("USERPROFILE"))
	}
	for _, home := range homes {
		path := filepath.Join(home, ".kube", "config")
		if _, err := os.Stat(path); home != "" && err == nil {
			return []string{path}
		}
	}
	return nil
}

// Cluster tells the cluster that the Kubernetes provider's setting, given as to
// [Environment.Kubeconfig], leads to from others, by its certificate authority alone:
// however it is reached. It is empty if that isn't known.
func (e Environment) Cluster(value, context, directory string) string {
	config := e.usualKubeconfig()
	if value != "" {
		var err error
		if config, _, err = load(value, directory); err != nil {
			return ""
		}
	}
	used := config.cluster(context)
	if used.CAData == "" || used.Insecure {
		return ""
	}
	return used.identity()
}

// OpenContext returns a warning if the Kubernetes provider's setting, given as to
// [Environment.Kubeconfig], leads to a file with contexts of several clusters, and nothing
// says which context to use, or else nothing. A command that doesn't run the program doesn't
// notice that another one has become the current one.
func (e Environment) OpenContext(value, context, directory string) string {
	if context != "" {
		return ""
	}
	config, name := e.usualKubeconfig(), "your usual kubeconfig"
	if value != "" {
		var err error
		if config, name, err = load(value, directory); err != nil || name == "" {
			return "" // the stack's own contents change with its settings only
		}
	}
	used := config.use("").Cluster
	for _, c := range config.Contexts {
		if used != "" && config.use(c.Name).Cluster != used {
			return fmt.Sprintf("kubernetes:context: isn't set, and %s has contexts of other clusters; pulumi refresh and pulumi destroy don't check which context is current, "+
				"and forget what the stack has in this cluster if it leads to another; run: pulumi config set kubernetes:context %s, and pulumi up", name, config.CurrentContext)
		}
	}
	return ""
}

// missing reports that a kubeconfig, of that name in messages, lacks the context that is to
// be used.
func (k *kubeconfig) missing(what, context string) error {
	var all []string
	for _, c := range k.Contexts {
		all = append(all, c.Name)
	}
	switch used := cmp.Or(context, k.CurrentContext); {
	case slices.Contains(all, used), len(all) == 0:
		return nil
	case context != "":
		return fmt.Errorf("kubernetes:context: %s has no context %q; it has %s", what, context, strings.Join(all, ", "))
	case used != "":
		return fmt.Errorf("%s: its current context, %q, isn't among its contexts; set kubernetes:context to one of %s", kubeconfigKey, used, strings.Join(all, ", "))
	}
	return fmt.Errorf("%s: has no current context; set kubernetes:context to one of %s", kubeconfigKey, strings.Join(all, ", "))
}

// relativePaths reports what a kubeconfig names by paths that kubectl begins at its
// directory, but the provider at another one. path is empty for one that is in no file.
func (k *kubeconfig) relativePaths(path, context, directory string) error {
	if directory == "" || path != "" && filepath.Dir(path) == filepath.Clean(directory) {
		return nil
	}
	used := k.use(context)
	var problems []error
	check := func(field, value string) {
		if value == "" || filepath.IsAbs(value) {
			return
		}
		const remedy = "make it absolute, or include what it leads to: kubectl config view --flatten"
		if path != "" {
			problems = append(problems, fmt.Errorf("%s: in %s, %s is the relative path %q, which the provider doesn't look up beside the file; %s", kubeconfigKey, path, field, value, remedy))
		} else if _, err := os.Stat(filepath.Join(directory, value)); err != nil {
			problems = append(problems, fmt.Errorf("%s: %s is the relative path %q, which doesn't exist in %s; %s", kubeconfigKey, field, value, directory, remedy))
		}
	}
	check("certificate-authority of cluster "+used.Cluster, k.cluster(context).CAFile)
	for _, u := range k.Users {
		if u.Name != used.User {
			continue
		}
		check("client-certificate of user "+u.Name, u.User.CertificateFile)
		check("client-key of user "+u.Name, u.User.KeyFile)
		check("tokenFile of user "+u.Name, u.User.TokenFile)
	}
	return errors.Join(problems...)
}

// PlainKubeconfig returns a warning if the Kubernetes provider's setting, which isn't
// stored as a secret, has a kubeconfig's contents, or else nothing.
func PlainKubeconfig(value string) string {
	if !isMapping(value) {
		return "" // a path
	}
	return kubeconfigKey + ": its contents are stored in plain text, credentials included; run: pulumi config set --secret " + kubeconfigKey +
		" < <file>, and replace the credentials if the stack's settings or state were ever shared"
}

// isMapping reports whether text is a YAML mapping, as a kubeconfig is.
func isMapping(text string) bool {
	var mapping map[string]any
	return yaml.Unmarshal([]byte(text), &mapping) == nil && mapping != nil
}

// expand replaces ~ as the provider does.
func expand(path string) (string, error) {
	rest, home := strings.CutPrefix(path, "~")
	if !home || rest != "" && rest[0] != '/' {
		return path, nil
	}
	me, err := user.Current()
	if err != nil {
		return "", fmt.Errorf("looking up your home directory: %w", err)
	}
	return me.HomeDir + rest, nil
}
