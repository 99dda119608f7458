package cloudflare

import (
	"encoding/json"
	"encoding/pem"
)

// OriginCert returns the file that "cloudflared tunnel login" would have written, from
// which the cloudflared command takes its credentials (TUNNEL_ORIGIN_CERT). It is no
// longer a certificate but a PEM block around a token and the zone that "route dns"
// works on.
func OriginCert(zoneID, accountID, token string) []byte {
	data, err := json.Marshal(struct {
		ZoneID    string `json:"zoneID"`
		AccountID string `json:"accountID"`
		APIToken  string `json:"apiToken"`
	}{zoneID, accountID, token})
	if err != nil {
		panic(err) // three strings
	}
	return pem.EncodeToMemory(&pem.Block{Type: "ARGO TUNNEL TOKEN", Bytes: data})
}
