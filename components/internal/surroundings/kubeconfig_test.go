package surroundings_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/internal/surroundings"
)

// kubeconfig has two clusters.
func kubeconfig(home, lab string) string {
	return "apiVersion: v1\nkind: Config\ncurrent-context: home\n" +
		"contexts:\n- {name: home, context: {cluster: one, user: me}}\n- {name: lab, context: {cluster: two, user: me}}\n- {name: lost, context: {cluster: three}}\n" +
		"clusters:\n- {name: one, cluster: {" + home + "}}\n- {name: two, cluster: {" + lab + "}}\n"
}

func ca(text string) string {
	return "certificate-authority-data: " + base64.StdEncoding.EncodeToString([]byte(text))
}

func TestClusterIdentity(t *testing.T) {
	t.Parallel()
	identity := surroundings.ClusterIdentity
	home := identity(kubeconfig("server: https://192.0.2.1:6443, "+ca("A"), "server: https://192.0.2.2:6443, "+ca("B")), "")
	require.Len(t, home, 16)
	for name, c := range map[string]struct {
		kubeconfig, context string
		same                bool
	}{
		"another address":                 {kubeconfig("server: https://home.example.com:6443/, "+ca("A"), ""), "", true},
		"the same context by name":        {kubeconfig("server: https://192.0.2.1:6443, "+ca("A"), ""), "home", true},
		"another context":                 {kubeconfig("server: https://192.0.2.1:6443, "+ca("A"), "server: https://192.0.2.2:6443, "+ca("B")), "lab", false},
		"another authority":               {kubeconfig("server: https://192.0.2.1:6443, "+ca("B"), ""), "", false},
		"another cluster behind the same": {kubeconfig("server: https://192.0.2.1:6443/k8s/clusters/c-2, "+ca("A"), ""), "", false},
		"a certificate nobody checks":     {kubeconfig("server: https://192.0.2.1:6443, insecure-skip-tls-verify: true", ""), "", false},
		"a public certificate":            {kubeconfig("server: https://192.0.2.1:6443", ""), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := identity(c.kubeconfig, c.context)
			require.Len(t, got, 16)
			require.Equal(t, c.same, got == home)
		})
	}
}

func TestClusterIdentity_Unknown(t *testing.T) {
	t.Parallel()
	whole := kubeconfig("server: https://192.0.2.1:6443, "+ca("A"), "")
	path := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(path, []byte(whole), 0o600))
	for name, c := range map[string]struct{ kubeconfig, context string }{
		"none":                              {"", ""},
		"a path":                            {path, ""},
		"no YAML":                           {"{", ""},
		"a context that isn't there":        {whole, "other"},
		"a cluster that isn't there":        {whole, "lost"},
		"no address":                        {whole, "lab"},
		"an authority that is no base64":    {kubeconfig("server: https://192.0.2.1:6443, certificate-authority-data: '*'", ""), ""},
		"an authority in a file":            {kubeconfig("server: https://192.0.2.1:6443, certificate-authority: /etc/ca.crt", ""), ""},
		"an address that can't be parsed":   {kubeconfig(`server: "https://[::1", `+ca("A"), ""), ""},
		"nothing but the name of a context": {"home", "home"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, surroundings.ClusterIdentity(c.kubeconfig, c.context))
		})
	}
}

func TestKubeconfig(t *testing.T) {
	t.Parallel()
	directory, elsewhere := t.TempDir(), t.TempDir()
	write := func(directory, name, contents string) string {
		path := filepath.Join(directory, name)
		require.NoError(t, os.WriteFile(path, []byte(contents), 0o600))
		return path
	}
	const relative = "current-context: home\ncontexts: [{name: home, context: {cluster: one, user: me}}, {name: work, context: {cluster: two, user: you}}]\n" +
		"clusters: [{name: one, cluster: {certificate-authority: ca.crt}}]\n" +
		"users: [{name: me, user: {client-certificate: pki/me.crt, client-key: ../me.key, tokenFile: token}}, {name: you, user: {client-key: /etc/you.key}}]"
	whole := kubeconfig("server: https://192.0.2.1:6443, "+ca("A"), "")
	write(directory, "here", relative)
	write(directory, "a:b", whole)
	for name, c := range map[string]struct {
		value string
		want  []string // none: fine
	}{
		"none":                              {"", nil},
		"contents":                          {whole, nil},
		"contents as JSON":                  {`{"clusters": []}`, nil},
		"a path":                            {write(elsewhere, "whole", whole), nil},
		"a relative path":                   {"here", nil},
		"a path with a colon":               {"a:b", nil},
		"no file":                           {"/home/me/.kube/hoem", []string{"kubernetes:kubeconfig: there is no file /home/me/.kube/hoem; give the path"}},
		"no file beside":                    {"hoem", []string{"there is no file " + filepath.Join(directory, "hoem")}},
		"no file at home":                   {"~/.kube/there/is/none", []string{"/.kube/there/is/none; give the path"}},
		"the home":                          {"~", []string{"reading the file: "}},
		"a variable":                        {"$HOME/.kube/config", []string{"$HOME/.kube/config; give the path of a kubeconfig (~ is your home, variables aren't replaced)"}},
		"a list":                            {"/etc/a:/etc/b", []string{`"/etc/a:/etc/b" is a list, of which the provider reads none; make one file: kubectl config view --flatten`}},
		"a directory":                       {elsewhere, []string{"reading the file: "}},
		"another file":                      {write(elsewhere, "other", "hello"), []string{"other is no kubeconfig"}},
		"an empty file":                     {write(elsewhere, "empty", ""), []string{"empty is no kubeconfig"}},
		"contents that are broken":          {"users: [\ntoken: hush", []string{"kubernetes:kubeconfig: is neither the path of a kubeconfig nor one's contents"}},
		"contents in Base64":                {strings.Repeat("hush", 100), []string{"is neither the path of a kubeconfig nor one's contents, which would be YAML or JSON; Base64 isn't decoded"}},
		"relative paths of another context": {write(elsewhere, "unused", strings.Replace(relative, "home", "work", 1)), nil},
		"relative paths in it": {write(elsewhere, "relative", relative), []string{
			`certificate-authority of cluster one is the relative path "ca.crt"`, `client-certificate of user me is the relative path "pki/me.crt"`,
			`client-key of user me is the relative path "../me.key"`, `tokenFile of user me is the relative path "token"`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := shell(nil).Kubeconfig(c.value, "", directory)
			if c.want == nil {
				require.NoError(t, err)
				return
			}
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			require.NotContains(t, err.Error(), "hush")
			require.NotContains(t, err.Error(), "you.key")
			require.NotContains(t, err.Error(), `"~`)
		})
	}

	require.NoError(t, shell(nil).Kubeconfig("hoem", "", ""), "the directory isn't known")
	require.NoError(t, shell(nil).Kubeconfig(filepath.Join(elsewhere, "relative"), "", ""), "nor whether it is this one")
	require.NoError(t, shell(nil).Kubeconfig(filepath.Join(elsewhere, "relative"), "work", directory), "of another context")
	require.Error(t, shell(nil).Kubeconfig(filepath.Join(elsewhere, "unused"), "home", directory))
}

func TestPlainKubeconfig(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		"": false, "/home/me/.kube/config": false, "~/.kube/config": false,
		"users: [{name: me, user: {token: hush}}]": true, `{"users": [{"user": {"password": "hush"}}]}`: true,
	} {
		warning := surroundings.PlainKubeconfig(value)
		require.Equal(t, want, warning != "", value)
		require.NotContains(t, warning, "hush")
	}
}

// A context that isn't there is named together with those that are.
func TestKubeconfig_MissingContext(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	write := func(name, contents string) string {
		path := filepath.Join(directory, name)
		require.NoError(t, os.WriteFile(path, []byte(contents), 0o600))
		return path
	}
	whole := kubeconfig("server: https://192.0.2.1:6443, "+ca("A"), "")
	path, more := write("config", whole), write("more", "contexts: [{name: work, context: {cluster: one}}]")
	usual := shell(map[string]string{"PULUMI_MONITOR": "127.0.0.1:1", "KUBECONFIG": path + string(os.PathListSeparator) + "/there/is/none" + string(os.PathListSeparator) + more})
	for name, c := range map[string]struct {
		env            surroundings.Environment
		value, context string
		want           string // empty: fine
	}{
		"of contents":                   {usual, whole, "lab", ""},
		"missing in contents":           {usual, whole, "tpyo", `kubernetes:context: kubernetes:kubeconfig has no context "tpyo"; it has home, lab, lost`},
		"missing in a file":             {usual, path, "work", `kubernetes:context: ` + path + ` has no context "work"; it has home, lab, lost`},
		"of the usual files":            {usual, "", "work", ""},
		"missing in the usual files":    {usual, "", "tpyo", `kubernetes:context: your kubeconfig has no context "tpyo"; it has home, lab, lost, work`},
		"of the home's":                 {shell(map[string]string{"PULUMI_MONITOR": "127.0.0.1:1", "HOME": "/there/is/none"}), "", "work", ""},
		"no current one":                {usual, strings.Replace(whole, "current-context: home", "", 1), "", "kubernetes:kubeconfig: has no current context; set kubernetes:context to one of home, lab, lost"},
		"no current one, but another":   {usual, strings.Replace(whole, "current-context: home", "", 1), "lab", ""},
		"a current one that is missing": {usual, strings.Replace(whole, "current-context: home", "current-context: hoem", 1), "", `kubernetes:kubeconfig: its current context, "hoem", isn't among its contexts`},
		"no contexts":                   {usual, "{clusters: []}", "home", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.env.Kubeconfig(c.value, c.context, directory)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}

// Contents are in no directory; what they name relatively is looked up in the project's.
func TestKubeconfig_RelativePathsInContents(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	contents := "current-context: home\ncontexts: [{name: home, context: {cluster: one}}]\nclusters: [{name: one, cluster: {certificate-authority: ca.crt}}]"
	require.ErrorContains(t, shell(nil).Kubeconfig(contents, "", directory), `certificate-authority of cluster one is the relative path "ca.crt", which doesn't exist in `+directory)
	require.NoError(t, os.WriteFile(filepath.Join(directory, "ca.crt"), nil, 0o600))
	require.NoError(t, shell(nil).Kubeconfig(contents, "", directory))
}

// A cluster is known by its certificate authority, wherever its kubeconfig is.
func TestEnvironment_Cluster(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	usual := kubeconfig("server: https://192.0.2.1:6443, "+ca("A"), "server: https://192.0.2.2:6443, "+ca("B"))
	require.NoError(t, os.WriteFile(filepath.Join(directory, "usual"), []byte(usual), 0o600))
	env := shell(map[string]string{"PULUMI_MONITOR": "127.0.0.1:1", "KUBECONFIG": filepath.Join(directory, "usual")})
	home := env.Cluster("", "", directory)
	require.Len(t, home, 16)
	for name, c := range map[string]struct {
		value, context string
		want           bool
	}{
		"the current context":         {"", "home", true},
		"another context":             {"", "lab", false},
		"the same file":               {"usual", "", true},
		"the same file by its path":   {filepath.Join(directory, "usual"), "home", true},
		"another context of the file": {"usual", "lab", false},
		"contents":                    {kubeconfig("server: https://home.example.com, "+ca("A"), ""), "", true},
		"contents of another one":     {kubeconfig("server: https://192.0.2.1:6443, "+ca("C"), ""), "", false},
	} {
		got := env.Cluster(c.value, c.context, directory)
		require.Len(t, got, 16, name)
		require.Equal(t, c.want, got == home, name)
	}
	for _, unknown := range []string{
		"none", "{clusters: []}", kubeconfig("server: https://192.0.2.1:6443", ""),
		kubeconfig("server: https://192.0.2.1:6443, insecure-skip-tls-verify: true, "+ca("A"), ""),
	} {
		require.Empty(t, env.Cluster(unknown, "", directory), unknown)
	}
	require.Empty(t, env.Cluster("", "lost", directory))
	atHome := filepath.Join(t.TempDir(), ".kube", "config")
	require.NoError(t, os.MkdirAll(filepath.Dir(atHome), 0o755))
	require.NoError(t, os.WriteFile(atHome, []byte(usual), 0o600))
	env = shell(map[string]string{"PULUMI_MONITOR": "127.0.0.1:1", "HOME": filepath.Dir(filepath.Dir(atHome))})
	require.Equal(t, home, env.Cluster("", "", directory), "of the home's kubeconfig")
	inline := shell(map[string]string{"KUBECONFIG": filepath.Join(directory, "usual")})
	require.Empty(t, inline.Cluster("", "", directory), "the providers may have another shell")
	require.NoError(t, inline.Kubeconfig("", "tpyo", directory))
}

// Which context is current matters where others lead to other clusters, and can change only in
// a file.
func TestEnvironment_OpenContext(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	write := func(name, contents string) string {
		path := filepath.Join(directory, name)
		require.NoError(t, os.WriteFile(path, []byte(contents), 0o600))
		return path
	}
	const context = "{name: home, context: {cluster: one}}"
	several := kubeconfig("server: https://192.0.2.1:6443", "server: https://192.0.2.2:6443")
	one := write("one", "current-context: home\ncontexts: ["+context+"]")
	usual := func(files ...string) surroundings.Environment {
		return shell(map[string]string{"PULUMI_MONITOR": "127.0.0.1:1", "KUBECONFIG": strings.Join(files, string(os.PathListSeparator))})
	}
	const remedy = "run: pulumi config set kubernetes:context home, and pulumi up"
	for name, c := range map[string]struct {
		env            surroundings.Environment
		value, context string
		want           string // empty: fine
	}{
		"several in the usual one":  {env: usual(write("several", several)), want: "your usual kubeconfig has contexts of other clusters"},
		"several in all files":      {env: usual(one, write("more", "contexts: [{name: work, context: {cluster: two}}]")), want: "your usual kubeconfig has"},
		"several in a file":         {env: usual(one), value: "several", want: filepath.Join(directory, "several") + " has contexts of other clusters"},
		"one that is set":           {env: usual(write("several", several)), context: "lab"},
		"one that is set in a file": {env: usual(one), value: "several", context: "home"},
		"several in contents":       {env: usual(one), value: several},
		"a single one":              {env: usual(one)},
		"a single one in a file":    {env: usual(write("several", several)), value: "one"},
		"one cluster":               {env: usual(write("namespaces", "current-context: home\ncontexts: ["+context+", {name: work, context: {cluster: one, namespace: work}}]"))},
		"one that is hidden":        {env: usual(one, write("hidden", "contexts: [{name: home, context: {cluster: two}}]"))},
		"no current one":            {env: usual(write("undecided", strings.Replace(several, "current-context: home", "", 1)))},
		"no file":                   {env: usual(filepath.Join(directory, "none"))},
		"a file that isn't there":   {env: usual(one), value: "none"},
		"an unknown shell":          {env: shell(map[string]string{"KUBECONFIG": write("several", several)})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			warning := c.env.OpenContext(c.value, c.context, directory)
			if c.want == "" {
				require.Empty(t, warning)
				return
			}
			require.Contains(t, warning, c.want)
			require.True(t, strings.HasSuffix(warning, remedy), warning)
		})
	}
	require.Empty(t, usual(one).OpenContext("several", "", ""), "the directory isn't known")
}

// A relative path leads nowhere as long as the provider's directory isn't known, such as to
// an inline program, even if there is such a file in the program's own.
func TestEnvironment_ClusterOfUnknownDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("config", []byte(kubeconfig("server: https://192.0.2.1:6443, "+ca("A"), "")), 0o600))
	require.Empty(t, shell(nil).Cluster("config", "", ""))
	path, err := filepath.Abs("config")
	require.NoError(t, err)
	require.NotEmpty(t, shell(nil).Cluster(path, "", ""))
}
