package reference_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/internal/golden"
	"k8s-tunnel/components/internal/reference"
	"k8s-tunnel/components/internal/reference/testdata/sample"
)

func TestReference(t *testing.T) {
	t.Parallel()
	r, err := reference.New(reflect.TypeFor[sample.Args](), "testdata/sample")
	require.NoError(t, err)
	golden.Compare(t, "testdata/reference.md", r.Markdown(4))
	golden.Compare(t, "testdata/project.yaml", r.ProjectConfig())
}

func TestReference_Refuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		root reflect.Type
		want string
	}{
		"a field without a comment": {reflect.TypeFor[sample.Undocumented](), "Undocumented.Field has no comment"},
		"a link that leads nowhere": {reflect.TypeFor[sample.Dangling](), "the comment of Dangling.Field links to [Args.Gone], which is neither a constant nor a setting"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := reference.New(test.root, "testdata/sample")
			require.EqualError(t, err, test.want)
		})
	}
}

// Errors of the source would leave constants without values.
func TestReference_BrokenSource(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ source, want string }{
		"no source":              {"", "no buildable Go source files"},
		"not Go":                 {"package broken\n\nconst A =\n", "expected operand"},
		"a constant of nothing":  {"package broken\n\nconst A = b\n", "undefined: b"},
		"an import that is fine": {"package broken\n\nimport \"example.org/other\"\n\nvar A = other.B\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if test.source != "" {
				require.NoError(t, os.WriteFile(filepath.Join(dir, "broken.go"), []byte(test.source), 0o600))
			}
			_, err := reference.New(reflect.TypeFor[sample.Args](), "testdata/sample", dir)
			if test.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.want)
			}
		})
	}
}
