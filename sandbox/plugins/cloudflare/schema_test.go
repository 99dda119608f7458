package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"testing"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfgen"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/plugins/cloudflare/bridge"
)

var update = flag.Bool("update", false, "write schema.json anew")

// TestSchema holds the embedded schema against what Pulumi's own generator makes of the provider.
func TestSchema(t *testing.T) {
	t.Parallel()
	quiet := diag.FormatOptions{Color: colors.Never}
	result, err := tfgen.GenerateSchemaWithOptions(tfgen.GenerateSchemaOptions{
		ProviderInfo:    bridge.Provider(),
		DiagnosticsSink: diag.DefaultSink(io.Discard, io.Discard, quiet),
		XInMemoryDocs:   true,
	})
	require.NoError(t, err)
	result.PackageSpec.Version = bridge.Version

	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(result.PackageSpec))
	if *update {
		require.NoError(t, os.WriteFile("schema.json", text.Bytes(), 0o644))
		return
	}
	require.Equal(t, text.String(), string(schema), "run: go test -run TestSchema -update")
}
