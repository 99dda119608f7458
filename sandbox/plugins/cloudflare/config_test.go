package main

import (
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestConfig_Check(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config properties
		want   []string // a reason for each half of the provider that objects
	}{
		"token":        {config: properties{"apiToken": apiToken}},
		"longer token": {config: properties{"apiToken": apiToken + "more"}},
		"nothing, as the environment may have it": {config: properties{}},
		"short token": {
			config: properties{"apiToken": "short"},
			want:   []string{"API tokens must be 40 characters long", "API tokens must be 40 characters long"},
		},
		"token with a blank": {
			config: properties{"apiToken": apiToken[:20] + " " + apiToken[20:]},
			want:   []string{"API tokens must be 40 characters long", "API tokens must be 40 characters long"},
		},
		"short key": {
			config: properties{"apiKey": "short", "email": "user@home.localhost"},
			want:   []string{"API key must be 37 characters long", "API key must be 37 characters long"},
		},
		"e-mail address beside a token": {
			config: properties{"apiToken": apiToken, "email": "user@home.localhost"},
			want:   []string{"all of `api_key,email` must be specified"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, failures := newClient(t).checkConfig(test.config)
			require.Len(t, failures, len(test.want), "%v", failures)
			for i, want := range test.want {
				require.Contains(t, failures[i].Reason, want)
			}
		})
	}
}

func TestConfig_Defaults(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	checked, failures := c.checkConfig(properties{"apiToken": apiToken})
	require.Empty(t, failures)
	config := c.unmarshal(checked)
	require.True(t, config["apiToken"].IsSecret())
	for key, want := range map[string]string{
		"rps": "4", "retries": "3", "minBackoff": "1", "maxBackoff": "30", "apiClientLogging": "false",
	} {
		// The engine wants the configuration's values as text.
		require.Equal(t, want, checked.Fields[key].GetStringValue(), key)
	}
}

func TestConfig_Configure(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config properties
		want   []string
	}{
		"no credentials": {
			config: properties{},
			want:   []string{"must provide exactly one of", "must provide one of"},
		},
		"key without an e-mail address": {
			config: properties{"apiKey": "0123456789abcdef0123456789abcdef01234"},
			want:   []string{`"email" is not set correctly`},
		},
		"too many retries": {
			config: properties{"apiToken": apiToken, "retries": 2147483647},
			want:   []string{"retries value of 2147483647 is too large"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t)
			err := c.configure(c.marshal(test.config))
			require.Error(t, err)
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

// zoneCall is a call that has nothing to it.
var zoneCall = exchange{call: "GET /zones/z1", result: zoneJSON, always: true}

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
			api := newAPI(t, zoneCall)
			_, err := connect(t, api, test.config).invoke("getZone", properties{"zoneId": "z1"})
			require.NoError(t, err)
			for header, want := range test.want {
				require.Equal(t, want, api.headers[0].Get(header), header)
			}
		})
	}
}

func TestConfig_Rate(t *testing.T) {
	t.Parallel()
	c := connect(t, newAPI(t, zoneCall), properties{"rps": nil})
	began := time.Now()
	for range 4 {
		_, err := c.invoke("getZone", properties{"zoneId": "z1"})
		require.NoError(t, err)
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
			fails := exchange{call: zoneCall.call, status: status}
			_, err := connect(t, newAPI(t, fails, zoneCall)).invoke("getZone", properties{"zoneId": "z1"})
			require.NoError(t, err)
		})
	}
	t.Run("until there are no more", func(t *testing.T) {
		t.Parallel()
		fails := exchange{call: zoneCall.call, status: http.StatusBadGateway}
		_, err := connect(t, newAPI(t, fails, fails)).invoke("getZone", properties{"zoneId": "z1"})
		require.ErrorContains(t, err, "received bad gateway response (HTTP 502), please try again later")
	})
	t.Run("never where the credentials are wrong", func(t *testing.T) {
		t.Parallel()
		fails := exchange{
			call: zoneCall.call, status: http.StatusForbidden, fails: `{"code":9109,"message":"Invalid access token"}`,
		}
		_, err := connect(t, newAPI(t, fails)).invoke("getZone", properties{"zoneId": "z1"})
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
	_, err = c.invoke("getZone", properties{"zoneId": "z1"})
	require.ErrorContains(t, err, "failed to verify certificate")
}
