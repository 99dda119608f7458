package settings_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/cloudflared"
	"k8s-tunnel/components/settings"
)

// Only what has no value counts as unread, not what is unknown.
func TestUnread(t *testing.T) {
	t.Parallel()
	var got outer
	err := settings.NewProjectReader(stack{"k8s:count": "two", "k8s:flag": "perhaps", "k8s:name": "2026-12-01 00:00:00 +0000 UTC", "k8s:block": `{"of": true}`}, "k8s").Read(&got)
	require.ElementsMatch(t, []string{"count", "flag", "name"}, settings.Unread(err))
	var rules []cloudflared.IngressRule
	err = settings.Decode("ingress", `[{"hostname": 5, "origin": {}}, {"originRequest": {"access": {"audTag": "tag"}}}]`, &rules)
	require.ElementsMatch(t, []string{"ingress[0].hostname", "ingress[1].originRequest.access.audTag"}, settings.Unread(errors.Join(nil, err)))
	require.Empty(t, settings.Unread(nil))
	require.Empty(t, settings.Unread(settings.Decode("ingress", "[]", &rules)))
}

func TestWithout(t *testing.T) {
	t.Parallel()
	secret := errors.New("origin: one of several")
	problems := errors.Join(
		errors.New("hostnames[1]: not a name"), errors.New("hostnames: not set"), errors.New("hostnames[10]: not a name"), nil,
		errors.Join(errors.New("ingress[0]: matches every request"), errors.New("ingress[0].hostname.x: below"), errors.New("ingress: too short"), errors.New("ingress[0].service: not set")),
		errors.Join(secret, errors.New("ingress[0].hostnames: beside")),
	)
	err := settings.Without([]string{"hostnames[1]", "ingress[0].hostname"}, problems)
	require.EqualError(t, err, "hostnames: not set\nhostnames[10]: not a name\ningress: too short\ningress[0].service: not set\norigin: one of several\ningress[0].hostnames: beside")
	require.ErrorIs(t, err, secret)
	require.EqualError(t, settings.Without(nil, problems), problems.Error())
	require.NoError(t, settings.Without([]string{"domain"}, errors.New("domain: not set")))
	for _, text := range []string{"monitor: no access; add it to policy.from", "ingress[0].service: outside; add it to policy.from: {host: nas}", "caPool: not there; list it in policy.from, or not"} {
		require.NoError(t, settings.Without([]string{"policy.from"}, errors.New(text)))
		require.NoError(t, settings.Without([]string{"policy.from[0].host"}, errors.New(text)))
		require.Error(t, settings.Without([]string{"policy.fro", "from"}, errors.New(text)))
	}
	require.NoError(t, settings.Without(nil, nil))
}
