package main

import (
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"
)

func TestConfig_Check(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config properties
		want   string // why it is refused, nothing if it isn't
	}{
		"token":        {config: properties{"apiToken": apiToken}},
		"longer token": {config: properties{"apiToken": apiToken + "more"}},
		"nothing, as the environment may have it": {config: properties{}},
		"short token": {
			config: properties{"apiToken": "short"},
			want:   "API tokens must be 40 characters long",
		},
		"token with a blank": {
			config: properties{"apiToken": apiToken[:20] + " " + apiToken[20:]},
			want:   "API tokens must be 40 characters long",
		},
		"short key": {
			config: properties{"apiKey": "short", "email": "user@home.localhost"},
			want:   "API key must be 37 characters long",
		},
		"e-mail address beside a token": {
			config: properties{"apiToken": apiToken, "email": "user@home.localhost"},
			want:   "all of `api_key,email` must be specified",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, failures := newClient(t).checkConfig(test.config)
			if test.want == "" {
				require.Empty(t, failures)
				return
			}
			require.Len(t, failures, 1, "%v", failures)
			require.Contains(t, failures[0].Reason, test.want)
		})
	}
}

func TestConfig_Secrets(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	checked, failures := c.checkConfig(properties{"apiToken": apiToken, "rps": 5})
	require.Empty(t, failures)
	require.True(t, c.unmarshal(checked)["apiToken"].IsSecret())
	require.Equal(t, "5", checked.Fields["rps"].GetStringValue(), "the engine wants the configuration's values as text")
}

func TestConfig_Configure(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config properties
		want   string
	}{
		"no credentials": {
			config: properties{},
			want:   "must provide exactly one of",
		},
		"key without an e-mail address": {
			config: properties{"apiKey": "0123456789abcdef0123456789abcdef01234"},
			want:   `"email" is not set correctly`,
		},
		"too many retries": {
			config: properties{"apiToken": apiToken, "retries": 2147483647},
			want:   "retries value of 2147483647 is too large",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t)
			require.ErrorContains(t, c.configure(c.marshal(test.config)), test.want)
		})
	}
}

// refreshCall is a call that has nothing to it: the only one of refresh.
var refreshCall = exchange{call: get.call, result: get.result, always: true}

// refresh reads a record that is in the state.
func (c *client) refresh() error {
	c.t.Helper()
	_, _, err := c.read(recordToken, "r1", resource.NewPropertyMapFromMap(recordInputs()))
	return err
}

func TestConfig_Credentials(t *testing.T) {
	t.Parallel()
	const key = "0123456789abcdef0123456789abcdef01234"
	for name, test := range map[string]struct {
		config properties
		want   map[string]string
	}{
		"token": {properties{}, map[string]string{"Authorization": "Bearer " + apiToken}},
		"key": {
			properties{"apiToken": nil, "apiKey": key, "email": "user@home.localhost"},
			map[string]string{"X-Auth-Key": key, "X-Auth-Email": "user@home.localhost", "Authorization": ""},
		},
		"service key before a token": {
			properties{"apiUserServiceKey": "v1.0-service"},
			map[string]string{"X-Auth-User-Service-Key": "v1.0-service", "Authorization": ""},
		},
		"operator": {
			properties{"userAgentOperatorSuffix": "home-lab/1"},
			map[string]string{"User-Agent": "terraform-provider-cloudflare/ terraform-plugin-sdk/2.35.0 home-lab/1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, refreshCall)
			require.NoError(t, connect(t, api, test.config).refresh())
			for header, want := range test.want {
				require.Equal(t, want, api.headers[0].Get(header), header)
			}
		})
	}
}

func TestConfig_Rate(t *testing.T) {
	t.Parallel()
	c := connect(t, newAPI(t, refreshCall), properties{"rps": nil})
	began := time.Now()
	for range 4 {
		require.NoError(t, c.refresh())
	}
	require.InDelta(t, 0.75, time.Since(began).Seconds(), 0.3, "the first goes at once, three wait 250 ms each")
}

func TestConfig_Retries(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{
		"too many requests": http.StatusTooManyRequests, "server error": http.StatusInternalServerError,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fails := exchange{call: refreshCall.call, status: status}
			require.NoError(t, connect(t, newAPI(t, fails, refreshCall)).refresh())
		})
	}
	t.Run("until there are no more", func(t *testing.T) {
		t.Parallel()
		fails := exchange{call: refreshCall.call, status: http.StatusBadGateway}
		err := connect(t, newAPI(t, fails, fails)).refresh()
		require.ErrorContains(t, err, "received bad gateway response (HTTP 502), please try again later")
	})
	t.Run("three unless set", func(t *testing.T) {
		t.Parallel()
		fails := exchange{call: refreshCall.call, status: http.StatusBadGateway, always: true}
		api := newAPI(t, fails)
		require.Error(t, connect(t, api, properties{"retries": nil, "maxBackoff": 1}).refresh())
		require.Len(t, api.calls(), 1+3, "Pulumi's default, not Terraform's")
	})
	t.Run("never where the credentials are wrong", func(t *testing.T) {
		t.Parallel()
		fails := exchange{
			call: refreshCall.call, status: http.StatusForbidden, fails: `{"code":9109,"message":"Invalid access token"}`,
		}
		err := connect(t, newAPI(t, fails)).refresh()
		require.ErrorContains(t, err, "Invalid access token (9109)")
	})
}

func TestConfig_CertificateIsVerified(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	_, port, err := net.SplitHostPort(api.host())
	require.NoError(t, err)
	// The certificate is good for the address, not for this name.
	c := connect(t, api, properties{"apiHostname": "localhost:" + port})
	require.ErrorContains(t, c.refresh(), "failed to verify certificate")
}
