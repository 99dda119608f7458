package cloudflared

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTokenSecret(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, token, want string }{
		{"no token", "", "Cloudflare Tunnel / Edit"},
		{"not base64", "%%%", "isn't base64"},
		{"no JSON", base64.StdEncoding.EncodeToString([]byte("secret")), "has no secret"},
		{"no secret", base64.StdEncoding.EncodeToString([]byte(`{"a":"b"}`)), "has no secret"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := TokenSecret(test.token)
			require.ErrorContains(t, err, test.want)
		})
	}
}
