package toolchain

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestChoosePlugin(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		facts pluginFacts
		want  pluginChoice
	}{
		{"nothing is there", pluginFacts{}, pluginChoice{origin: OriginBuilt, try: true}},
		{"everything is there", pluginFacts{placed: true, users: true, downloaded: true, built: true}, pluginChoice{origin: OriginPlaced}},
		{"the user's and a download", pluginFacts{users: true, downloaded: true, built: true}, pluginChoice{origin: OriginYours}},
		{"a download and a build", pluginFacts{downloaded: true, built: true}, pluginChoice{origin: OriginDownloaded}},
		{"a download while offline", pluginFacts{downloaded: true, offline: true}, pluginChoice{origin: OriginDownloaded}},
		{"a build", pluginFacts{built: true}, pluginChoice{origin: OriginBuilt}},
		{"offline", pluginFacts{offline: true}, pluginChoice{origin: OriginBuilt, why: "nothing is downloaded while SANDBOX_OFFLINE is set"}},
		{"a recent failure, without a build", pluginFacts{failure: "no route"}, pluginChoice{origin: OriginBuilt, try: true}},
		{"a recent failure, built since", pluginFacts{failure: "no route", built: true}, pluginChoice{origin: OriginBuilt, why: cannotDownload}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, choosePlugin(test.facts))
		})
	}
}

func TestRecentFailure_IsForgottenAfterADay(t *testing.T) {
	t.Parallel()
	root, then := t.TempDir(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	require.Empty(t, recentFailure(root, "random", "4.18.0", then))
	require.NoError(t, rememberFailure(root, "random", "4.18.0", then, errors.New("no route to host")))
	require.Equal(t, "no route to host", recentFailure(root, "random", "4.18.0", then.Add(23*time.Hour)))
	require.Empty(t, recentFailure(root, "random", "4.18.0", then.Add(25*time.Hour)))
	require.Empty(t, recentFailure(root, "random", "4.18.0", then.Add(-time.Hour)), "the clock was set back")
	require.Empty(t, recentFailure(root, "random", "4.19.0", then), "another version may be there")
}

func TestUserHome(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		env  map[string]string
		want string
	}{
		{"the usual one", map[string]string{"HOME": "/home/ann"}, "/home/ann/.pulumi"},
		{"another one", map[string]string{"HOME": "/home/ann", "PULUMI_HOME": "/data/pulumi"}, "/data/pulumi"},
		{"that of a world", map[string]string{"HOME": "/home/ann", "PULUMI_HOME": "/src/k/.sandbox/worlds/dev/pulumi"}, "/home/ann/.pulumi"},
		{"none", nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, userHome(func(name string) string { return test.env[name] }))
		})
	}
}

func TestPluginIn_WantsAnExecutable(t *testing.T) {
	t.Parallel()
	home, made := t.TempDir(), target{plugin: "random", version: "4.18.0", as: "pulumi-resource-random"}
	_, found := pluginIn(home, made)
	require.False(t, found)
	put(t, home, "plugins/resource-random-v4.18.0/pulumi-resource-random", "plugin")
	dir, found := pluginIn(home, made)
	require.True(t, found)
	require.Equal(t, home+"/plugins/resource-random-v4.18.0", dir)
	put(t, home, "plugins/resource-random-v4.18.0.partial", "")
	_, found = pluginIn(home, made)
	require.False(t, found, "the download broke off")
	_, found = pluginIn("", made)
	require.False(t, found)
}
