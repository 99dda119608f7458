package toolchain

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReport_SaysWhereEachToolComesFrom(t *testing.T) {
	t.Parallel()
	result := Result{Tools: []Tool{
		{Name: "pulumi", Version: "3.999.0", Origin: OriginYours, Path: "/usr/bin/pulumi"},
		{Name: "kubernetes plugin", Version: "4.25.0", Origin: OriginDownloaded},
		{Name: "random plugin", Version: "4.18.0", Origin: OriginBuilt, Why: cannotDownload},
		{Name: "cloudflare plugin", Version: "5.49.1", Origin: OriginPlaced, Path: "/w/plugins/resource-cloudflare-v5.49.1"},
		{Name: "web apps", Origin: OriginBuilt},
	}}
	require.Equal(t, []string{
		"pulumi 3.999.0            yours: /usr/bin/pulumi",
		"kubernetes plugin 4.25.0  downloaded",
		"random plugin 4.18.0      built here: the official one can't be downloaded",
		"cloudflare plugin 5.49.1  yours, put into /w/plugins/resource-cloudflare-v5.49.1",
		"web apps                  built here",
	}, result.Report())
}
