package settings_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/settings"
)

// stack is a stack's configuration.
type stack map[string]string

func (s stack) GetConfig(key string) (string, bool) {
	value, ok := s[key]
	return value, ok
}

func (s stack) IsConfigSecret(key string) bool { return s[key] == "secret" }

// inner stands for the arguments of a component.
type inner struct {
	Name    string            `pulumi:"name"`
	Handed  any               `pulumi:"handed"` // an input
	Inputs  map[string]any    `pulumi:"inputs"`
	Labels  map[string]string `pulumi:"labels"`
	Private string
	Block   *block `pulumi:"block"`
}

type block struct {
	On bool `pulumi:"on"`
}

// outer stands for the settings of a program.
type outer struct {
	inner

	Handed string   `pulumi:"handed"`
	Count  int      `pulumi:"count"`
	List   []string `pulumi:"list"`
	Flag   bool     `pulumi:"flag"`
	Extra  *string  `pulumi:"extra"`
	Other  string
}

func TestFields(t *testing.T) {
	t.Parallel()
	var names []string
	for _, field := range settings.Fields(reflect.TypeFor[outer]()) {
		names = append(names, field.Name)
	}
	require.Equal(t, []string{"name", "handed", "labels", "block", "count", "list", "flag", "extra"}, names, "the outer field takes the place of the inner one")
}

func TestReader(t *testing.T) {
	t.Parallel()
	var got outer
	reader := settings.NewProjectReader(stack{
		"k8s:name": "a", "k8s:handed": "b", "k8s:block": `{"on": true}`, "k8s:count": "3", "k8s:labels": `{"a": "b"}`, "k8s:list": `["x"]`, "k8s:flag": "true", "k8s:extra": "y",
	}, "k8s")
	require.NoError(t, reader.Read(&got))
	require.Equal(t, outer{inner: inner{Name: "a", Labels: map[string]string{"a": "b"}, Block: &block{On: true}}, Handed: "b", Count: 3, List: []string{"x"}, Flag: true, Extra: new("y")}, got)
}

// The defaults of optional settings in Pulumi.yaml count as unset, and so does null.
func TestReader_Empty(t *testing.T) {
	t.Parallel()
	var got outer
	reader := settings.NewProjectReader(stack{"k8s:name": "", "k8s:block": "{}", "k8s:count": "", "k8s:list": "[]", "k8s:flag": "false"}, "k8s")
	require.NoError(t, reader.Read(&got))
	require.Equal(t, outer{}, got)
	null := stack{}
	for _, name := range []string{"name", "labels", "block", "count", "list", "flag", "extra"} {
		null["k8s:"+name] = "null"
	}
	reader = settings.NewProjectReader(null, "k8s")
	require.NoError(t, reader.Read(&got))
	require.Equal(t, outer{}, got)
	require.False(t, settings.NewProjectReader(stack{"k8s:zones": "null"}, "k8s").Ignored("zones"))
}

func TestReader_Problems(t *testing.T) {
	t.Parallel()
	source := stack{"k8s:count": "two", "k8s:flag": "perhaps", "k8s:list": "x", "k8s:block": `{"of": true}`}
	var got outer
	err := settings.NewProjectReader(source, "k8s").Read(&got)
	require.EqualError(t, err, strings.Join([]string{
		"block.of: no such field; did you mean on?",
		`count: "two" is not a whole number above 0`,
		`list: "x" is not a list`,
		`flag: "perhaps" is neither true nor false`,
	}, "\n"))
	require.Equal(t, outer{inner: inner{Block: &block{}}}, got)
	for _, count := range []string{"0", "-1", "1.5"} {
		require.ErrorContains(t, settings.NewReader(stack{"k8s:count": count}, "k8s").Read(&got), `k8s:count: "`+count+`"`)
	}
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	own, other := settings.NewProjectReader(stack{}, "k8s-tunnel"), settings.NewReader(stack{}, "cloudflare")
	require.NoError(t, own.Read(&struct {
		Domain    string   `pulumi:"domain"`
		Hostnames []string `pulumi:"hostnames"`
		Ingress   []string `pulumi:"ingress"`
		Connector *struct {
			LogLevel string `pulumi:"logLevel"`
		} `pulumi:"connector"`
	}{}))
	require.NoError(t, other.Read(&struct {
		APIToken string `pulumi:"apiToken"`
	}{}))
	require.NoError(t, settings.Unknown(`{"k8s-tunnel:domain": "example.com", "cloudflare:apiToken": "t", "kubernetes:context": "home"}`, own, other))
	require.NoError(t, settings.Unknown(`{"aws:region": "eu", "gcp:project": "p", "pulumi:tags": "{}", "pulumi:domain": "x"}`, own, other))
	require.NoError(t, settings.Unknown("", own, other))
	former := settings.NewProjectReader(stack{"k8s-tunnel:zones": `["example.net"]`, "k8s-tunnel:empty": "[]"}, "k8s-tunnel")
	require.True(t, former.Ignored("zones"))
	require.False(t, former.Ignored("empty"))
	require.NoError(t, settings.Unknown(`{"k8s-tunnel:zones": "x"}`, former))
	require.EqualError(t, settings.Unknown(`{"cloudflare:email": "me"}`, own, other), "cloudflare:email: has no effect in this program; remove it; there is only apiToken")
	err := settings.Unknown(`{"k8s-tunnel:hostname": "a", "k8s-tunnel:apiToken": "secret", "k8s-tunnel:domains": "a", "k8s-tunnel:port": "80", "k8s-tunnel:log-level": "debug"}`, own, other)
	require.EqualError(t, err, strings.Join([]string{
		"apiToken: no such setting; did you mean cloudflare:apiToken?",
		"domains: no such setting; did you mean domain?",
		"hostname: no such setting; did you mean hostnames?",
		"log-level: no such setting; did you mean connector.logLevel?",
		"port: no such setting; there are connector, domain, hostnames, ingress",
	}, "\n"))
}

// A setting in a namespace that nobody reads would have no effect, so that a stack would
// be exposed without its protection, or deployed elsewhere.
func TestUnknown_Namespaces(t *testing.T) {
	t.Parallel()
	own, cf, k8s := settings.NewProjectReader(stack{}, "home"), settings.NewReader(stack{}, "cloudflare"), settings.NewReader(stack{}, "kubernetes")
	require.NoError(t, own.Read(&struct {
		Domain string `pulumi:"domain"`
	}{}))
	require.NoError(t, k8s.Read(&struct {
		Context string `pulumi:"context"`
	}{}))
	for key, want := range map[string]string{
		"k8s-tunnel:domain":  "has no effect, because this project is home; use home:domain",
		"k8s:context":        "has no effect in this program; remove it; did you mean kubernetes:context?",
		"kubernets:context":  "has no effect in this program; remove it; did you mean kubernetes:context?",
		"kubernets:token":    "has no effect in this program; remove it; did you mean kubernetes:token?",
		"Cloudflare:rps":     "has no effect in this program; remove it; did you mean cloudflare:rps?",
		"pulmi:autonaming":   "has no effect in this program; remove it; did you mean pulumi:autonaming?",
		"homes:domain":       "has no effect in this program; remove it; did you mean home:domain?",
		"cf:apiToken":        "has no effect in this program; remove it; did you mean cloudflare:apiToken?",
		"homes:replicas":     "", // which isn't a setting here
		"k8s-tunnel:other":   "",
		"web:domain":         "",
		"docker:context":     "",
		"aws:region":         "",
		"hcp:some":           "",
		"pulumi:domain":      "",
		"pulumiservice:some": "",
	} {
		err := settings.Unknown(`{"`+key+`": "x"}`, own, cf, k8s)
		if want == "" {
			require.NoError(t, err, key)
			continue
		}
		require.EqualError(t, err, key+": "+want)
	}

	// A project may have the name of a provider, whose settings it then shares a namespace with.
	named := settings.NewProjectReader(stack{}, "kubernetes")
	require.NoError(t, named.Read(&struct {
		Domain string `pulumi:"domain"`
	}{}))
	require.NoError(t, settings.Unknown(`{"kubernetes:domain": "example.com", "kubernetes:context": "home"}`, named, k8s))
	require.EqualError(t, settings.Unknown(`{"kubernetes:domains": "x"}`, named, k8s), "domains: no such setting; did you mean domain?")
}

// A secret that the program would show is refused, and one that it keeps isn't.
func TestReader_Secrets(t *testing.T) {
	t.Parallel()
	var got struct {
		Name  string `pulumi:"name"`
		Token string `pulumi:"token" secret:"true"`
	}
	source := stack{"k8s:name": "secret", "k8s:token": "secret"}
	require.EqualError(t, settings.NewProjectReader(source, "k8s").Read(&got),
		"name: is stored as a secret, but would be shown in plain text; store it with: pulumi config set --plaintext k8s:name")
	require.Equal(t, "secret", got.Token)
}

// partly is a configuration whose settings have secrets among their values.
type partly struct{ stack }

func (partly) IsConfigSecret(string) bool { return true }

// The remedy for a secret within a list or an object doesn't overwrite the whole.
func TestReader_NestedSecrets(t *testing.T) {
	t.Parallel()
	var got struct {
		List  []string `pulumi:"list"`
		Block *block   `pulumi:"block"`
		Count int      `pulumi:"count"`
	}
	const remedy = ": contains a value that is stored as a secret, but would be shown in plain text; find it by the word secure in the stack's file, " +
		"and store that value alone, with its path: pulumi config set --plaintext --path 'k8s:"
	require.EqualError(t, settings.NewProjectReader(partly{stack{"k8s:list": `["a"]`, "k8s:block": `{"on": true}`, "k8s:count": "1"}}, "k8s").Read(&got), strings.Join([]string{
		"list" + remedy + "list…'",
		"block" + remedy + "block…'",
		"count: is stored as a secret, but would be shown in plain text; store it with: pulumi config set --plaintext k8s:count",
	}, "\n"))
}

// A date without quotes is a timestamp to YAML, and arrives in another form.
func TestReader_Timestamps(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"2026-12-01 00:00:00 +0000 UTC", "2026-12-01 10:00:00.5 +0000 UTC", "2026-12-01 10:00:00 +0200 +0200"} {
		var got struct {
			Name   string            `pulumi:"name"`
			Extra  *string           `pulumi:"extra"`
			List   []string          `pulumi:"list"`
			Labels map[string]string `pulumi:"labels"`
		}
		want := `: "` + text + `" is what YAML makes of a date or a time; write what was meant in quotes`
		err := settings.NewProjectReader(stack{"k8s:name": text, "k8s:extra": text, "k8s:list": `["` + text + `"]`, "k8s:labels": `{"a": "` + text + `"}`}, "k8s").Read(&got)
		require.EqualError(t, err, "name"+want+"\nextra"+want+"\nlist[0]"+want+"\nlabels.a"+want)
		require.Empty(t, got.Name)
	}
	for _, text := range []string{"2026-12-01", "2026-12", "01.12.2026"} {
		var got outer
		require.NoError(t, settings.NewProjectReader(stack{"k8s:name": text}, "k8s").Read(&got))
		require.Equal(t, text, got.Name)
	}
}
