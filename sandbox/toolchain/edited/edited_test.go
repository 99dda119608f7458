package edited

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
)

// kinds is a file like upstream's, with two of its kinds.
const kinds = `// Comment.

package v2

import (
	"fmt"

	corev1 "example.com/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func IsListKind(apiVersion, kind string) bool {
	return fmt.Sprintf("%s/%s", apiVersion, kind) == "v1/List"
}

func RegisterResource(ctx *pulumi.Context, apiVersion, kind, name string, props pulumi.Input,
	opts ...pulumi.ResourceOption) (pulumi.CustomResource, error) {
	fullKind := fmt.Sprintf("%s/%s", apiVersion, kind)
	switch fullKind {
	case "v1/ConfigMap":
		var res corev1.ConfigMap
		err := ctx.RegisterResource("kubernetes:core/v1:ConfigMap", name, props, &res, opts...)
		if err != nil {
			return nil, err
		}
		return &res, nil
	case "policy/v1/Eviction":
		var res corev1.Eviction
		err := ctx.RegisterResource("kubernetes:policy/v1:Eviction", name, props, &res, opts...)
		if err != nil {
			return nil, err
		}
		return &res, nil
	default:
		var res corev1.CustomResource
		err := ctx.RegisterResource(fmt.Sprintf("kubernetes:%s:%s", apiVersion, kind), name, props, &res, opts...)
		if err != nil {
			return nil, err
		}
		return &res, nil
	}
}
`

func TestWithoutTypes(t *testing.T) {
	t.Parallel()
	got, err := withoutTypes([]byte(kinds))
	require.NoError(t, err)
	text := string(got)
	assert.Contains(t, text, `func IsListKind(apiVersion, kind string) bool {`)
	assert.Regexp(t, `"v1/ConfigMap": +"kubernetes:core/v1:ConfigMap",`, text)
	assert.Regexp(t, `"policy/v1/Eviction": +"kubernetes:policy/v1:Eviction",`, text)
	assert.NotContains(t, text, "example.com")
	assert.NotContains(t, text, "switch")
}

func TestWithoutTypes_RefusesAnotherFile(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ before, after, want string }{
		"another signature":       {"name string, props", "name, id string, props", "signature"},
		"another name":            {"func RegisterResource(", "func Register(", "no RegisterResource"},
		"another statement":       {"\t\tvar res corev1.ConfigMap\n", "\t\tvar res corev1.ConfigMap\n\t\tlog()\n", "in 5 statements"},
		"a token put together":    {`"kubernetes:core/v1:ConfigMap"`, `"kubernetes:" + kind`, "registers 0 types"},
		"a case put together":     {`case "v1/ConfigMap":`, `case configMap:`, "isn't written out"},
		"no switch":               {"fullKind := fmt", "log()\n\tfullKind := fmt", "3 statements"},
		"another declaration":     {"func IsListKind", "var x = 1\n\nfunc IsListKind", "another sort"},
		"something that's not Go": {"package v2", "pack v2", "expected 'package'"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := strings.Replace(kinds, test.before, test.after, 1)
			require.NotEqual(t, kinds, source)
			_, err := withoutTypes([]byte(source))
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	edit := replace("old", "new")
	got, err := edit([]byte("an old file"))
	require.NoError(t, err)
	assert.Equal(t, "an new file", string(got))
	_, err = edit([]byte("a file"))
	assert.ErrorContains(t, err, `"old" 0 times`)
	_, err = edit([]byte("old and old"))
	assert.ErrorContains(t, err, `"old" 2 times`)
}

func TestCut(t *testing.T) {
	t.Parallel()
	edit := cut("b", "d")
	got, err := edit([]byte("abcde"))
	require.NoError(t, err)
	assert.Equal(t, "ade", string(got))
	for source, want := range map[string]string{"acde": `"b" 0 times`, "abcbde": `"b" 2 times`, "abc": `"d" 0 times`, "adcb": `"b" after "d"`} {
		_, err := edit([]byte(source))
		assert.ErrorContains(t, err, want)
	}
}

func TestZeroes(t *testing.T) {
	t.Parallel()
	edit := all(zeroes(`x\.\w+`, 2), replace("f", "g"))
	got, err := edit([]byte("f(x.A, x.B)"))
	require.NoError(t, err)
	assert.Equal(t, "g(0, 0)", string(got))
	_, err = edit([]byte("f(x.A)"))
	assert.ErrorContains(t, err, "1 times rather than 2")
	_, err = edit([]byte("h(x.A, x.B)"))
	assert.ErrorContains(t, err, `"f" 0 times`)
}

// A copy that another version of this package made is none.
func TestModule_Made(t *testing.T) {
	t.Parallel()
	source, dir := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(source, "a.go"), []byte("package old"), 0o444))
	m := Module{Folder: "a", edits: map[string]edit{"a.go": replace("old", "new")}}
	require.False(t, m.made(dir))
	require.NoError(t, m.copy(source, dir))
	require.True(t, m.made(dir))
	edited, err := os.ReadFile(filepath.Join(dir, "a", "a.go"))
	require.NoError(t, err)
	require.Equal(t, "package new", string(edited))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a", stampName), []byte("of another one\n"), 0o644))
	require.False(t, m.made(dir))
	require.NoError(t, m.copy(source, dir))
	require.True(t, m.made(dir))
	require.NoError(t, os.Remove(filepath.Join(dir, "a", stampName)))
	require.False(t, m.made(dir), "as before there was such a file")
}

// The copies stand for the very versions that are required.
func TestModules_AreThoseThatAreRequired(t *testing.T) {
	t.Parallel()
	for _, module := range Modules() {
		path := filepath.Join("..", "..", "..", filepath.FromSlash(module.For), "go.mod")
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		file, err := modfile.Parse(path, content, nil)
		require.NoError(t, err)
		required, replaced := map[string]string{}, map[string]string{}
		for _, line := range file.Require {
			required[line.Mod.Path] = line.Mod.Version
		}
		for _, line := range file.Replace {
			replaced[line.Old.Path] = line.New.Path
		}
		assert.Equal(t, module.Version, required[module.Path], "the version of %s in %s", module.Path, path)
		up := strings.Repeat("../", len(strings.Split(module.For, "/")))
		assert.Equal(t, up+".sandbox/edited/"+module.Folder, replaced[module.Path])
	}
}
