package image

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/toolchain"
)

// TestAll_HasTheProductsDefaultImage keeps three places in step that no import can tie together, as
// the product is another module: the image that the product deploys by default, the version of the
// cloudflared that is built for the local world, and the tag that this build gets. Where they differ,
// a node would only say that an image can't be pulled.
func TestAll_HasTheProductsDefaultImage(t *testing.T) {
	t.Parallel()
	// A link into the product: of files outside of the module, Go's cache of results sees no change.
	const source = "testdata/defaults.go"
	text, err := os.ReadFile(source)
	require.NoError(t, err)
	found := regexp.MustCompile(`\bDefaultImage\s*=\s*"([^"]+)"`).FindSubmatch(text)
	require.NotNil(t, found, "%s says no DefaultImage", source)
	product := string(found[1])
	require.Equal(t, "cloudflare/cloudflared:"+toolchain.CloudflaredVersion, product,
		"the product's DefaultImage against CloudflaredVersion in sandbox/toolchain")

	var names []string
	for _, path := range all(t, Options{BinDir: binaries(t), CA: []byte("the CA"), Dir: t.TempDir()}) {
		for name := range open(t, path) {
			names = append(names, name)
		}
	}
	require.Contains(t, names, "docker.io/"+product)
}
