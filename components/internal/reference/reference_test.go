package reference_test

import (
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

func TestReference_FieldWithoutComment(t *testing.T) {
	t.Parallel()
	_, err := reference.New(reflect.TypeFor[sample.Undocumented](), "testdata/sample")
	require.EqualError(t, err, "Undocumented.Field has no comment")
}
